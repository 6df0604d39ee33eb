import { createServer } from 'node:net'
import { expect, it } from 'vitest'
import { processOnPort } from './port-owner.ts'

it.runIf(process.platform === 'linux')('names the program and the process that holds a port', async () => {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  expect(await processOnPort(port)).toMatch(new RegExp(`^node.*\\(process ${process.pid}\\)$`))
  await new Promise((resolve) => server.close(resolve))
  expect(await processOnPort(port)).toBeUndefined()
})
