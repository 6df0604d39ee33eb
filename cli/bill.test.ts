/** The command itself, over the counters of a fake local cloud. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { announceIn } from './lock.testing.ts'

let server: Server
let directory: string
let unlock: () => void
let counters: Record<string, number> = {}

beforeAll(async () => {
  server = createServer((_, response) => response.end(JSON.stringify(counters)))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  directory = mkdtempSync(join(tmpdir(), 'millrace-bill-'))
  const apiHost = `127.0.0.1:${(server.address() as AddressInfo).port}`
  unlock = announceIn(directory, { apiHost })
})
afterAll(() => {
  server.close()
  unlock()
  rmSync(directory, { recursive: true })
})

async function bill(data: string, ...args: string[]): Promise<{ code: number; output: string }> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'bill.ts'), ...args], {
    env: { ...process.env, MILLRACE_DATA: data },
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += String(chunk)))
  const [code] = (await once(child, 'close')) as [number]
  return { code, output }
}

it('prices the counters of the platform that runs here', async () => {
  counters = { 'firestore.documentWrites': 40, 'tasks.operations': 16 }
  const { code, output } = await bill(directory)
  expect(code).toBe(0)
  expect(output).toMatch(/Firestore +writes +Standard +40 +documents/)
  const json = await bill(directory, '--json')
  expect(JSON.parse(json.output)).toMatchObject({
    totals: { Standard: { 'by request': expect.closeTo(0.0000424, 9) as number } },
  })
})

it('reports that no platform runs', async () => {
  const { code, output } = await bill(join(directory, 'none'))
  expect([code, output]).toEqual([1, 'Millrace is not running here: start it with npm start.\n'])
})
