/** Ctrl-C and SIGTERM close what this process runs; a second Ctrl-C ends it at once. */

import { printError, say } from '../cli/terminal.ts'

/** A terminal sends Ctrl-C to npm, to its shell and to this process, and the first two forward it: signals within this time are one. */
const SAME_SIGNAL_MS = 500

export interface Stopped {
  close(): Promise<void>
  /** Called before `close`. */
  begin?(): void
  /** Process groups that a second Ctrl-C kills. */
  groups?(): readonly number[]
}

/** Ends the process with 0 when it is closed, with 1 if that fails, and with 130 at a second signal. */
export function stopOnSignal({ close, begin, groups }: Stopped): void {
  let firstMs: number | undefined
  const stop = (): void => {
    if (firstMs === undefined) {
      firstMs = performance.now()
      say('Stopping … (Ctrl-C again stops at once)')
      begin?.()
      void close().then(
        () => process.exit(0),
        (error: unknown) => {
          printError(String(error))
          process.exit(1)
        },
      )
    } else if (performance.now() - firstMs > SAME_SIGNAL_MS) {
      for (const pid of groups?.() ?? []) killGroup(pid)
      process.exit(130)
    }
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, stop)
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // The process group has ended by itself.
  }
}
