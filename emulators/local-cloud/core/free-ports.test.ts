import { createServer } from 'node:http'
import { once } from 'node:events'
import { afterEach, expect, it, vi } from 'vitest'
import { freeBlock, freePort, freePorts } from './free-ports.ts'

afterEach(() => void vi.restoreAllMocks())

it('a returned port is not returned again, even before a server listens on it', async () => {
  const thrown = Math.random()
  const random = vi.spyOn(Math, 'random').mockReturnValueOnce(thrown)
  const first = await freePort()
  random.mockReturnValueOnce(thrown)
  expect(await freePort()).not.toBe(first)
})

it('several ports are all different', async () => {
  expect(new Set(await freePorts(30)).size).toBe(30)
})

it('a block of a hundred ports is returned once', async () => {
  const [one, other] = [await freeBlock(), await freeBlock()]
  expect([one % 100, other % 100]).toEqual([0, 0])
  expect(one).not.toBe(other)
})

it('a server can listen on a returned port', async () => {
  const port = await freePort()
  const server = createServer().listen(port, '127.0.0.1')
  await once(server, 'listening')
  server.close()
})
