/** `npm run logs` says that it waits for further lines. */

import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { expect, it, onTestFinished } from 'vitest'
import { announceIn } from '../lock.testing.ts'

const logsFile = join(import.meta.dirname, '..', 'logs.ts')

it('beside a running platform', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'logs-'))
  const release = announceIn(directory, {})
  const child = spawn(process.execPath, [logsFile], { env: { ...process.env, MILLRACE_DATA: directory } })
  onTestFinished(() => {
    child.kill()
    release()
    rmSync(directory, { recursive: true })
  })
  mkdirSync(join(directory, 'logs'))
  writeFileSync(join(directory, 'logs', 'seats.log'), '{"message":"first"}\n')
  for await (const line of createInterface({ input: child.stderr })) {
    expect(line).toBe('Further lines follow as they are written. Ctrl-C ends this.')
    return
  }
  throw new Error('the command printed nothing')
})
