/** google.firestore.admin.v1.FirestoreAdmin: backups, which schedules make. */

import type { BackupRecord } from '../../admin-state.ts'
import { removeBackup } from '../../backups/backup.ts'
import type { FirestoreCore } from '../../database.ts'
import { protoTime, protoTimeOfMicros } from '../../../core/proto-values.ts'
import { invalidArgument, notFound } from '../../../core/status.ts'

const LOCATION = /^projects\/([^/]+)\/locations\/([^/]+)$/
const BACKUP = /^projects\/[^/]+\/locations\/[^/]+\/backups\/[^/]+$/

export function requireBackup(core: FirestoreCore, name = ''): BackupRecord {
  if (!BACKUP.test(name))
    throw invalidArgument(
      `Invalid resource name "${name}": expected projects/{project}/locations/{location}/backups/{backup}.`,
    )
  const record = core.admin.backups.get(name)
  if (!record) throw notFound(`Backup "${name}" not found.`)
  return record
}

export const encodeBackup = (name: string, record: BackupRecord): object => ({
  name,
  database: record.database,
  databaseUid: record.settings.uid,
  snapshotTime: protoTimeOfMicros(record.snapshotMicros),
  expireTime: protoTime(record.expireMs),
  stats: {
    sizeBytes: String(record.sizeBytes),
    documentCount: String(record.documentCount),
    indexCount: String(record.indexes.length),
  },
  state: 'READY',
})

const getBackup = (core: FirestoreCore, { name = '' }: { readonly name?: string }): object =>
  encodeBackup(name, requireBackup(core, name))

/** `-` as the location lists those of all locations. */
function listBackups(core: FirestoreCore, request: { readonly parent?: string; readonly filter?: string }): object {
  const { parent = '', filter } = request
  const [, project, location] = LOCATION.exec(parent) ?? []
  if (!project || !location)
    throw invalidArgument(`Invalid parent "${parent}": expected projects/{project}/locations/{location}.`)
  if (filter) throw invalidArgument(`The filter "${filter}" is not supported: leave it out, and filter what is listed.`)
  const prefix = `projects/${project}/locations/${location === '-' ? '' : `${location}/`}`
  const found = [...core.admin.backups.entries()].filter(([name]) => name.startsWith(prefix))
  return { backups: found.map(([name, record]) => encodeBackup(name, record)) }
}

function deleteBackup(core: FirestoreCore, { name = '' }: { readonly name?: string }): object {
  requireBackup(core, name)
  removeBackup(core, name)
  core.backups.start()
  return {}
}

/** By their names in the API. */
export const backupMethods = { getBackup, listBackups, deleteBackup }
