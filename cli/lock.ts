/** The lock of the data directory: a platform holds it from its start to its end, see `emulators/running.ts`. */

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

const SQLITE_BUSY = 5

/**
 * Whether a platform is starting, running or stopping there. The operating system releases the lock of a process that ends,
 * also of one that was killed; its process id proves nothing, since another program may have it by now.
 */
export function isLocked(directory: string): boolean {
  const file = join(directory, 'lock')
  if (!existsSync(file)) return false
  const lock = new DatabaseSync(file, { readOnly: true, timeout: 0 })
  try {
    lock.exec('SELECT 1 FROM sqlite_master')
    return false
  } catch (error) {
    if ((error as { errcode?: number }).errcode === SQLITE_BUSY) return true
    throw error
  } finally {
    lock.close()
  }
}
