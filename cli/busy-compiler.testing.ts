/** Finds a compiler at work, to stop it there: tsc 7 does not end at SIGTERM or SIGINT once it has begun. Linux only. */

import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** In hundredths of a second of processor time. */
const BUSY_TICKS = 10

/** The process id of a tsc that `parent` started and that has begun to check. */
export function busyCompiler(parent: number): number | undefined {
  for (const folder of globSync('/proc/[0-9]*')) {
    const program = read(join(folder, 'cmdline')).split('\0')[0]!
    // After the name, which may hold spaces: state, parent, and at the twelfth place the user's time.
    const stat = read(join(folder, 'stat'))
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    if (program.endsWith('/tsc') && Number(fields[1]) === parent && Number(fields[11]) > BUSY_TICKS)
      return Number(folder.split('/').at(-1))
  }
  return undefined
}

export function isAlive(pid: number): boolean {
  // A zombie has ended; its parent has not asked for it yet.
  return /^State:\s+[^ZX]/m.test(read(`/proc/${pid}/status`))
}

/** Empty for a process that has ended. */
function read(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}
