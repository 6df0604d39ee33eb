/** Takes backups when their schedules are due, and deletes those whose retention is over. */

import type { Timer } from '../../core/clock.ts'
import type { Backups, FirestoreCore } from '../database.ts'
import { nextDueMs } from './recurrence.ts'
import { removeBackup, takeBackup } from './backup.ts'
import { parseDatabaseName } from '../values/paths.ts'

export function createBackups(core: FirestoreCore): Backups {
  const { clock } = core.context
  const { schedules, backups } = core.admin
  let timer: Timer | undefined

  const stop = (): void => {
    timer?.cancel()
    timer = undefined
  }
  const start = (): void => {
    stop()
    const times = [
      ...[...schedules.values()].map(({ dueMs }) => dueMs),
      ...[...backups.values()].map(({ expireMs }) => expireMs),
    ]
    // Math.min takes no list of any length.
    const nextMs = times.reduce((least, time) => Math.min(least, time), Infinity)
    if (nextMs === Infinity) return
    timer = clock.at(nextMs, () => {
      run(clock.now())
      start()
    })
  }
  const run = (nowMs: number): void => {
    for (const [name, schedule] of schedules.entries()) {
      if (schedule.dueMs > nowMs) continue
      takeBackup(core, parseDatabaseName(name.slice(0, name.indexOf('/backupSchedules/'))), schedule.retentionMs)
      // One backup for all the days on which this process did not run.
      schedules.set(name, { ...schedule, dueMs: nextDueMs(nowMs, schedule.day) })
    }
    for (const [name, { expireMs }] of backups.entries()) if (expireMs <= nowMs) removeBackup(core, name)
  }
  return { start, stop }
}
