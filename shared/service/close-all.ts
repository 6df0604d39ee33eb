/** Closes the resources of a process, also if some fail: everything that matters was sent before. */

import { withTimeout } from '../base/deadline.ts'
import type { Log } from '../signals/log.ts'

/** A part of the ten seconds that Cloud Run gives an instance after SIGTERM. */
const CLOSE_TIMEOUT_MS = 3_000

/**
 * Closes all resources at once. One that fails, or takes longer than three seconds, is logged and keeps none of the others
 * open. Returns whether all were closed. Never throws.
 */
export async function closeAll(resources: Readonly<Record<string, () => Promise<void>>>, log: Log): Promise<boolean> {
  const closed = await Promise.all(
    Object.entries(resources).map(async ([resource, close]) => {
      try {
        await withTimeout(CLOSE_TIMEOUT_MS, close, () => new Error(`It did not close in ${CLOSE_TIMEOUT_MS} ms.`))
        return true
      } catch (error) {
        log('WARNING', 'close.failed', { resource, error })
        return false
      }
    }),
  )
  return !closed.includes(false)
}
