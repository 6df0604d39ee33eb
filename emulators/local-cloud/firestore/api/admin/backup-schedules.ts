/** google.firestore.admin.v1.FirestoreAdmin: the schedules of a database's backups, one of each day and one of each week. */

import { requireDatabase, type ScheduleRecord } from '../../admin-state.ts'
import { DAYS, nextDueMs } from '../../backups/recurrence.ts'
import type { FirestoreCore } from '../../database.ts'
import {
  type Mask,
  maskPaths,
  type MaybeTime,
  maybeMs,
  protoTime,
  protoTimeOfMicros,
} from '../../../core/proto-values.ts'
import { alreadyExists, invalidArgument, notFound } from '../../../core/status.ts'
import { limits } from '../../values/limits.ts'
import { databaseNameOf, parseDatabaseName } from '../../values/paths.ts'

interface WireSchedule {
  readonly name?: string
  readonly retention?: MaybeTime
  readonly dailyRecurrence?: object | null
  readonly weeklyRecurrence?: { readonly day?: string } | null
}

const SCHEDULE = /^(projects\/[^/]+\/databases\/[^/]+)\/backupSchedules\/[^/]+$/

/** The schedules of the database of that name. */
export const schedulesOf = (core: FirestoreCore, database: string): [string, ScheduleRecord][] =>
  [...core.admin.schedules.entries()].filter(([name]) => name.startsWith(`${database}/`))

function createBackupSchedule(
  core: FirestoreCore,
  request: { readonly parent?: string; readonly backupSchedule?: WireSchedule | null },
): object {
  const database = existing(core, request.parent)
  const { retention, dailyRecurrence, weeklyRecurrence } = request.backupSchedule ?? {}
  if (!dailyRecurrence === !weeklyRecurrence)
    throw invalidArgument('A backup schedule has either a daily_recurrence or a weekly_recurrence.')
  const day = weeklyRecurrence ? dayOf(weeklyRecurrence) : undefined
  if (schedulesOf(core, database).some(([, one]) => (one.day === undefined) === (day === undefined)))
    throw alreadyExists(`${database} already has a ${day ? 'weekly' : 'daily'} backup schedule: change that one.`)
  const nowMs = core.context.clock.now()
  const record: ScheduleRecord = {
    ...(day && { day }),
    retentionMs: retentionOf(retention),
    createMicros: nowMs * 1000,
    updateMicros: nowMs * 1000,
    dueMs: nextDueMs(nowMs, day),
  }
  return saved(core, `${database}/backupSchedules/${core.context.newId()}`, record)
}

/** The retention; the recurrence of a schedule can't be changed. */
function updateBackupSchedule(
  core: FirestoreCore,
  request: { readonly backupSchedule?: WireSchedule | null; readonly updateMask?: Mask },
): object {
  const { name = '', retention } = request.backupSchedule ?? {}
  const record = requireSchedule(core, name)
  const other = maskPaths(request.updateMask).find((path) => path !== 'retention')
  if (other !== undefined) throw invalidArgument(`Field ${other} of "${name}" cannot be changed: use retention.`)
  const retentionMs = retentionOf(retention)
  return saved(core, name, { ...record, retentionMs, updateMicros: core.context.clock.now() * 1000 })
}

function saved(core: FirestoreCore, name: string, record: ScheduleRecord): object {
  core.admin.schedules.set(name, record)
  core.backups.start()
  return encode(name, record)
}

function dayOf({ day = '' }: { readonly day?: string }): string {
  if (!(DAYS as readonly string[]).includes(day))
    throw invalidArgument(`The day "${day}" of the weekly_recurrence is not one of ${DAYS.join(', ')}.`)
  return day
}

function retentionOf(retention: MaybeTime): number {
  const ms = maybeMs(retention) ?? 0
  if (ms <= 0 || ms > limits.backupRetentionMs)
    throw invalidArgument(
      `The retention ${ms / 1000}s is not more than nothing and at most ${limits.backupRetentionMs / 1000}s, 14 weeks.`,
    )
  return ms
}

function existing(core: FirestoreCore, parent = ''): string {
  const name = parseDatabaseName(parent)
  requireDatabase(core.admin, name)
  return databaseNameOf(name)
}

function requireSchedule(core: FirestoreCore, name = ''): ScheduleRecord {
  const [, database] = SCHEDULE.exec(name) ?? []
  if (!database)
    throw invalidArgument(
      `Invalid resource name "${name}": expected projects/{project}/databases/{database}/backupSchedules/{schedule}.`,
    )
  existing(core, database)
  const record = core.admin.schedules.get(name)
  if (!record) throw notFound(`Backup schedule "${name}" not found.`)
  return record
}

const encode = (name: string, { day, retentionMs, createMicros, updateMicros }: ScheduleRecord): object => ({
  name,
  createTime: protoTimeOfMicros(createMicros),
  updateTime: protoTimeOfMicros(updateMicros),
  retention: protoTime(retentionMs),
  ...(day === undefined ? { dailyRecurrence: {} } : { weeklyRecurrence: { day } }),
})

const getBackupSchedule = (core: FirestoreCore, { name = '' }: { readonly name?: string }): object =>
  encode(name, requireSchedule(core, name))

const listBackupSchedules = (core: FirestoreCore, { parent }: { readonly parent?: string }): object => ({
  backupSchedules: schedulesOf(core, existing(core, parent)).map(([name, record]) => encode(name, record)),
})

function deleteBackupSchedule(core: FirestoreCore, { name = '' }: { readonly name?: string }): object {
  requireSchedule(core, name)
  core.admin.schedules.delete(name)
  core.backups.start()
  return {}
}

/** By their names in the API. */
export const scheduleMethods = {
  createBackupSchedule,
  getBackupSchedule,
  listBackupSchedules,
  updateBackupSchedule,
  deleteBackupSchedule,
}
