/** The state of Firestore's Admin API: databases, composite indexes, and the indexes and TTL of single fields. */

import type { Table } from '../core/journal.ts'
import type { CloudContext } from '../core/plugin.ts'
import { notFound } from '../core/status.ts'
import type { CompositeIndex, IndexKind, IndexScope, IndexSet } from './query/index-plan.ts'
import { curl } from './curl.ts'
import { type DatabaseName, type FieldPath, databaseNameOf, formatFieldPath } from './values/paths.ts'

export interface DatabaseRecord {
  readonly uid: string
  readonly locationId: string
  readonly type: string
  readonly concurrencyMode: string
  readonly pointInTimeRecoveryEnablement: string
  readonly appEngineIntegrationMode: string
  readonly deleteProtectionState: string
  readonly databaseEdition: string
  readonly createMicros: number
  readonly updateMicros: number
}

export interface FieldRecord {
  /** Absent: the field has the indexes of its nearest ancestor, or the automatic ones. Empty: the field is not indexed. */
  readonly indexes?: readonly { readonly scope: IndexScope; readonly kind: IndexKind }[]
  readonly ttl?: boolean
}

export interface ScheduleRecord {
  /** The day of a weekly schedule, `SUNDAY`; absent: every day. */
  readonly day?: string
  readonly retentionMs: number
  readonly createMicros: number
  readonly updateMicros: number
  /** The time of its next backup. */
  readonly dueMs: number
}

export interface BackupRecord {
  /** The database at that time, `projects/p/databases/d`; it may be gone by now. */
  readonly database: string
  readonly settings: DatabaseRecord
  /** By their names behind the database's: `collectionGroups/c/indexes/i`. */
  readonly indexes: readonly (readonly [string, CompositeIndex])[]
  readonly fields: readonly (readonly [string, FieldRecord])[]
  readonly snapshotMicros: number
  readonly expireMs: number
  readonly documentCount: number
  readonly sizeBytes: number
}

export interface AdminState {
  /** The address of this API for a caller without credentials: messages name the call that helps. */
  ownerUrl(): string
  readonly region: string
  /** The key is `projects/p/databases/d`. */
  readonly databases: Table<DatabaseRecord>
  /** The key is `…/collectionGroups/c/indexes/i`. */
  readonly indexes: Table<CompositeIndex>
  /** The key is `…/collectionGroups/c/fields/f`. */
  readonly fields: Table<FieldRecord>
  /** The key is `projects/p/databases/d/backupSchedules/s`. */
  readonly schedules: Table<ScheduleRecord>
  /** The key is `projects/p/locations/l/backups/b`. */
  readonly backups: Table<BackupRecord>
}

export const createAdminState = ({ journal, ownerUrl, project }: CloudContext): AdminState => ({
  ownerUrl,
  region: project.region,
  databases: journal.table('firestore/databases'),
  indexes: journal.table('firestore/indexes'),
  fields: journal.table('firestore/fields'),
  schedules: journal.table('firestore/backupSchedules'),
  backups: journal.table('firestore/backups'),
})

/** Google's link leads to a console that does not know this database: here it is the call that creates it. */
export const databaseMissing = ({ ownerUrl, region }: AdminState, { project, database }: DatabaseName): Error =>
  notFound(
    `The database ${database} does not exist for project ${project}. Create it in the local cloud: ${curl(
      'POST',
      `${ownerUrl()}/v1/projects/${project}/databases?databaseId=${encodeURIComponent(database)}`,
      { type: 'FIRESTORE_NATIVE', locationId: region },
    )}`,
  )

export function requireDatabase(state: AdminState, name: DatabaseName): DatabaseRecord {
  const record = state.databases.get(databaseNameOf(name))
  if (!record) throw databaseMissing(state, name)
  return record
}

/** The indexes of a field without an override: https://cloud.google.com/firestore/docs/query-data/index-overview#automatic_indexing */
const AUTOMATIC: NonNullable<FieldRecord['indexes']> = [
  { scope: 'COLLECTION', kind: 'ASCENDING' },
  { scope: 'COLLECTION', kind: 'DESCENDING' },
  { scope: 'COLLECTION', kind: 'CONTAINS' },
]

export const fieldName = (database: string, collectionId: string, path: string): string =>
  `${database}/collectionGroups/${collectionId}/fields/${path}`

/**
 * The indexes of one field, by the nearest override: of the field, of a map that contains it, of all fields of the
 * collection (`*`), or of the whole database. `from` is the name of the field with that override; without any it is
 * the database's `__default__` field.
 */
export function fieldIndexes(
  state: AdminState,
  database: string,
  collectionId: string,
  field: FieldPath,
): { readonly indexes: NonNullable<FieldRecord['indexes']>; readonly from: string } {
  for (let length = field.length; length > 0; length--) {
    const name = fieldName(database, collectionId, formatFieldPath(field.slice(0, length)))
    const indexes = state.fields.get(name)?.indexes
    if (indexes) return { indexes, from: name }
  }
  const everyField = fieldName(database, collectionId, '*')
  const inCollection = state.fields.get(everyField)?.indexes
  if (inCollection) return { indexes: inCollection, from: everyField }
  const everywhere = fieldName(database, '__default__', '*')
  return { indexes: state.fields.get(everywhere)?.indexes ?? AUTOMATIC, from: everywhere }
}

export function indexSetOf(state: AdminState, name: DatabaseName): IndexSet {
  const database = databaseNameOf(name)
  return {
    composites(collectionId) {
      const prefix = `${database}/collectionGroups/${collectionId}/indexes/`
      return [...state.indexes.entries()].filter(([key]) => key.startsWith(prefix)).map(([, index]) => index)
    },
    single: (collectionId, field) => fieldIndexes(state, database, collectionId, field).indexes,
  }
}
