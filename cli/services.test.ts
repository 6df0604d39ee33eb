/** The command itself, over the report of a fake local cloud. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { announceIn } from './lock.testing.ts'

it('names the cause of a start that failed in one line', async () => {
  const reason = 'seats did not start: Error: no seats (functions/seats/app.ts:9)\nthrow new Error(…)\n\nNode.js v24'
  const services = [{ service: 'seats', state: 'failed', reason, revision: 'seats-00001', waiting: 0, instances: [] }]
  const server = createServer((_, response) => response.end(JSON.stringify({ services })))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const directory = mkdtempSync(join(tmpdir(), 'millrace-services-'))
  const unlock = announceIn(directory, { apiHost: `127.0.0.1:${(server.address() as AddressInfo).port}` })
  onTestFinished(() => {
    server.close()
    unlock()
    rmSync(directory, { recursive: true })
  })
  const child = spawn(process.execPath, [join(import.meta.dirname, 'services.ts')], {
    env: { ...process.env, MILLRACE_DATA: directory },
  })
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => (output += String(chunk)))
  await once(child, 'close')
  expect(output.trim().split('\n').at(-1)).toBe('seats does not start: Error: no seats (functions/seats/app.ts:9)')
})
