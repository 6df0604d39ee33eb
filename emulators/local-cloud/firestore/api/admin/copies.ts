/** google.firestore.admin.v1.FirestoreAdmin: new databases with the documents of a backup, or of another database at a time. */

import type { DatabaseRecord } from '../../admin-state.ts'
import { requireDatabase } from '../../admin-state.ts'
import { documentsAt, documentsOf, type Indexes, indexesOf } from '../../backups/backup.ts'
import type { FirestoreCore } from '../../database.ts'
import type { Document } from '../../documents/document-table.ts'
import { microsOf, type ProtoTime } from '../../../core/proto-values.ts'
import { invalidArgument } from '../../../core/status.ts'
import { type DatabaseName, databaseNameOf, parseDatabaseName } from '../../values/paths.ts'
import { operation } from './admin-messages.ts'
import { requireBackup } from './backups.ts'
import { encodeDatabase, newDatabaseName } from './databases.ts'

interface CopyRequest {
  readonly parent?: string
  readonly databaseId?: string
  readonly encryptionConfig?: Readonly<Record<string, unknown>> | null
}

const MICROS_PER_MINUTE = 60_000_000

function restoreDatabase(core: FirestoreCore, request: CopyRequest & { readonly backup?: string }): object {
  const name = checkedName(core, request)
  const backup = request.backup ?? ''
  const record = requireBackup(core, backup)
  if (!record.database.startsWith(`projects/${name.project}/`))
    throw invalidArgument(`The backup "${backup}" is of another project than ${name.project}: restore it there.`)
  return create(core, name, record.settings, record, documentsOf(core, backup))
}

interface CloneRequest extends CopyRequest {
  readonly pitrSnapshot?: { readonly database?: string; readonly snapshotTime?: ProtoTime | null } | null
}

function cloneDatabase(core: FirestoreCore, request: CloneRequest): object {
  const name = checkedName(core, request)
  const { database = '', snapshotTime } = request.pitrSnapshot ?? {}
  const source = parseDatabaseName(database)
  const settings = requireDatabase(core.admin, source)
  if (!snapshotTime) throw invalidArgument('The pitr_snapshot has no snapshot_time: name a whole minute of the past.')
  const micros = microsOf(snapshotTime)
  if (micros % MICROS_PER_MINUTE !== 0)
    throw invalidArgument(`The snapshot_time ${new Date(micros / 1000).toISOString()} is not a whole minute.`)
  core.database(source).store.checkReadTime(micros)
  return create(core, name, settings, indexesOf(core, source), documentsAt(core, source, micros))
}

function checkedName(core: FirestoreCore, request: CopyRequest): DatabaseName {
  const { googleDefaultEncryption, useSourceEncryption } = request.encryptionConfig ?? {}
  if (request.encryptionConfig && !googleDefaultEncryption && !useSourceEncryption)
    throw invalidArgument('The local cloud has no keys: leave out encryption_config, or use google_default_encryption.')
  return newDatabaseName(core, request)
}

/** Protection, point-in-time recovery and schedules are not copied: they are set on the new database. */
function create(
  core: FirestoreCore,
  name: DatabaseName,
  settings: DatabaseRecord,
  { indexes, fields }: Indexes,
  documents: Iterable<Document>,
): object {
  const micros = core.context.clock.now() * 1000
  const record: DatabaseRecord = {
    ...settings,
    uid: core.context.newId(),
    pointInTimeRecoveryEnablement: 'POINT_IN_TIME_RECOVERY_DISABLED',
    deleteProtectionState: 'DELETE_PROTECTION_DISABLED',
    createMicros: micros,
    updateMicros: micros,
  }
  const key = databaseNameOf(name)
  core.fill(name, documents)
  for (const [behind, index] of indexes) core.admin.indexes.set(`${key}/${behind}`, index)
  for (const [behind, field] of fields) core.admin.fields.set(`${key}/${behind}`, field)
  core.admin.databases.set(key, record)
  return operation(core, name, 'Database', encodeDatabase(name, record))
}

/** By their names in the API. */
export const copyMethods = { restoreDatabase, cloneDatabase }
