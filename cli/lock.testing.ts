/** A data directory as that of a running platform. */

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { RunInfo } from '../emulators/running.ts'

/** A lock that is garbage is released. */
const held = new Set<DatabaseSync>()

/** Locks the directory until the returned function is called, or this process ends. */
export function lockDirectory(directory: string): () => void {
  const lock = new DatabaseSync(join(directory, 'lock'))
  lock.exec('BEGIN EXCLUSIVE')
  held.add(lock)
  return () => {
    if (held.delete(lock)) lock.close()
  }
}

/** The same, with the file by which commands find the platform. */
export function announceIn(directory: string, info: Partial<RunInfo>): () => void {
  writeFileSync(join(directory, 'running.json'), JSON.stringify({ pid: process.pid, ready: true, ...info }))
  return lockDirectory(directory)
}
