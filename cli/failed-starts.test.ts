/** Every command about the running platform names a service that does not start, once: over the reports of a fake local cloud. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { announceIn } from './lock.testing.ts'

const timeout = 30_000
const sentence = 'seats does not start: Error: no seats (functions/seats/app.ts:9)'
const reason = 'seats did not start: Error: no seats (functions/seats/app.ts:9)\nthrow new Error(…)\n\nNode.js v24'
const services = [{ service: 'seats', state: 'failed', reason, revision: 'seats-00001', waiting: 0, instances: [] }]

let server: Server
let directory: string
let unlock: () => void
beforeAll(async () => {
  const answer = JSON.stringify({ services, traces: [], metrics: [], queues: [], subscriptions: [] })
  server = createServer((_, response) => response.end(answer))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  directory = mkdtempSync(join(tmpdir(), 'millrace-starts-'))
  mkdirSync(join(directory, 'logs'))
  writeFileSync(join(directory, 'logs', 'halls.log'), '{"message":"first"}\n')
  unlock = announceIn(directory, { apiHost: `127.0.0.1:${(server.address() as AddressInfo).port}`, secret: 's' })
})
afterAll(() => {
  server.close()
  unlock()
  rmSync(directory, { recursive: true })
})

it.each<[file: string, ...words: string[]]>([
  ['trace.ts'],
  ['trace.ts', 'o-1', '--json'],
  ['logs.ts', '--no-follow'],
  ['metrics.ts'],
  ['services.ts'],
  ['bill.ts'],
  ['ops.ts', 'queues'],
  ['secret.ts'],
])('%s %s %s', { timeout }, async (file, ...words) => {
  const child = spawn(process.execPath, [join(import.meta.dirname, file), ...words], {
    env: { ...process.env, MILLRACE_DATA: directory },
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += String(chunk)))
  await once(child, 'close')
  expect(output.split('\n').filter((line) => line.includes('does not start'))).toEqual([sentence])
})
