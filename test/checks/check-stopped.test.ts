/** `npm run check` that is stopped, as by Ctrl-C. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { busyCompiler, isAlive } from '../../cli/busy-compiler.testing.ts'
import { root } from '../support/root.ts'
import { wholeLists } from '../support/whole-lists.ts'

// Format and lint come before: half a minute of processor time.
it.runIf(wholeLists && process.platform === 'linux').each(['SIGINT', 'SIGTERM'] as const)(
  'leaves no compiler at %s',
  async (signal) => {
    const check = spawn(process.execPath, [join(root, 'cli/check.ts')], { cwd: root, stdio: 'ignore' })
    await expect.poll(() => busyCompiler(check.pid!), { timeout: 60_000 }).toBeDefined()
    const pid = busyCompiler(check.pid!)!
    // A terminal signals both.
    process.kill(pid, signal)
    check.kill(signal)
    const [code] = (await once(check, 'close')) as [number]
    expect(code).toBe(signal === 'SIGINT' ? 130 : 143)
    await expect.poll(() => isAlive(pid), { timeout: 10_000 }).toBe(false)
  },
)
