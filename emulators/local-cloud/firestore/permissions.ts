/** The permission that each method of Firestore requires: https://cloud.google.com/firestore/docs/security/iam#required_permissions */

import { permissionsOn, projectOf } from '../core/access/required.ts'
import type { MethodAccess, RequiredPermission, ServiceAccess } from '../core/service.ts'

const on = permissionsOn('datastore')
/** `projects/p/databases/d` of anything in it: the grants stand on the project, under conditions on this name. */
const databaseOf = (name: string): string => name.split('/').slice(0, 4).join('/')

/** Requires each permission on each database that the request names, so that a grant on one database does not reach another. */
function needs(names: readonly (string | undefined)[], permissions: readonly string[]): RequiredPermission[] {
  const databases = new Set(names.map((name) => databaseOf(name ?? '')))
  return [...databases].flatMap((resource) => [...new Set(permissions)].map((permission) => on(permission, resource)))
}

interface Write {
  readonly update?: { readonly name?: string } | null
  readonly delete?: string
  readonly transform?: { readonly document?: string } | null
  readonly currentDocument?: { readonly exists?: boolean; readonly conditionType?: string } | null
}

interface Writing {
  readonly database?: string
  readonly writes?: readonly Write[]
}

/** A write without a precondition may create as well as update. */
function permissionsOf({ delete: deleted, currentDocument }: Write): string[] {
  if (deleted) return ['entities.delete']
  if (currentDocument?.conditionType === 'exists')
    return [currentDocument.exists ? 'entities.update' : 'entities.create']
  return currentDocument?.conditionType === 'updateTime' ? ['entities.update'] : ['entities.create', 'entities.update']
}

function writing({ database, writes = [] }: Writing): RequiredPermission[] {
  // A commit of nothing still ends a transaction.
  if (writes.length === 0) return needs([database], ['databases.get'])
  return needs(
    [database, ...writes.map((write) => write.update?.name || write.delete || write.transform?.document)],
    writes.flatMap(permissionsOf),
  )
}

const reads = ['entities.get', 'entities.list']
const ofParent =
  (...permissions: string[]): MethodAccess =>
  ({ parent }: { parent?: string }) =>
    needs([parent], permissions)
const ofDatabase =
  (...permissions: string[]): MethodAccess =>
  ({ database }: { database?: string }) =>
    needs([database], permissions)
const ofName =
  (...permissions: string[]): MethodAccess =>
  ({ name }: { name?: string }) =>
    needs([name], permissions)

interface Target {
  readonly documents?: { readonly documents?: readonly string[] } | null
  readonly query?: { readonly parent?: string } | null
}

const words: Pick<ServiceAccess, 'refusal' | 'domain'> = {
  refusal: () => 'Missing or insufficient permissions.',
  domain: 'firestore.googleapis.com',
}

export const dataAccess: ServiceAccess = {
  ...words,
  methods: {
    getDocument: ofName('entities.get'),
    listDocuments: ofParent(...reads),
    createDocument: ofParent('entities.create'),
    updateDocument: ({ document, currentDocument }: { document?: { name?: string } | null } & Write) =>
      needs([document?.name], permissionsOf(currentDocument ? { currentDocument } : {})),
    deleteDocument: ofName('entities.delete'),
    batchGetDocuments: ({ database, documents = [] }: { database?: string; documents?: readonly string[] }) =>
      needs([database, ...documents], ['entities.get']),
    beginTransaction: ofDatabase('databases.get'),
    commit: writing,
    batchWrite: writing,
    rollback: ofDatabase('databases.get'),
    runQuery: ofParent(...reads),
    runAggregationQuery: ofParent(...reads),
    listCollectionIds: ofParent('entities.list'),
    listen: ({ database, addTarget }: { database?: string; addTarget?: Target | null }) =>
      needs(
        [
          database,
          ...(addTarget?.documents?.documents ?? []),
          ...(addTarget?.query?.parent ? [addTarget.query.parent] : []),
        ],
        reads,
      ),
  },
}

const onProject =
  (permission: string): MethodAccess =>
  ({ parent = '' }: { parent?: string }) => [on(permission, projectOf(parent))]

/** A copy of a database is a new one, and reads what it is made of. */
const copying = (parent: string, permission: string, source: string): RequiredPermission[] => [
  on('databases.create', projectOf(parent)),
  on(permission, source),
]

export const adminAccess: ServiceAccess = {
  ...words,
  methods: {
    createDatabase: onProject('databases.create'),
    listDatabases: onProject('databases.list'),
    getDatabase: ofName('databases.getMetadata'),
    updateDatabase: ({ database }: { database?: { name?: string } | null }) =>
      needs([database?.name], ['databases.update']),
    deleteDatabase: ofName('databases.delete'),
    restoreDatabase: ({ parent = '', backup = '' }: { parent?: string; backup?: string }) =>
      copying(parent, 'backups.restoreDatabase', projectOf(backup)),
    cloneDatabase: ({ parent = '', pitrSnapshot }: { parent?: string; pitrSnapshot?: { database?: string } | null }) =>
      copying(parent, 'databases.clone', databaseOf(pitrSnapshot?.database ?? '')),
    createBackupSchedule: ofParent('backupSchedules.create'),
    listBackupSchedules: ofParent('backupSchedules.list'),
    getBackupSchedule: ofName('backupSchedules.get'),
    updateBackupSchedule: ({ backupSchedule }: { backupSchedule?: { name?: string } | null }) =>
      needs([backupSchedule?.name], ['backupSchedules.update']),
    deleteBackupSchedule: ofName('backupSchedules.delete'),
    // A backup has no policy of its own.
    listBackups: ({ parent = '' }: { parent?: string }) => [on('backups.list', projectOf(parent))],
    getBackup: ({ name = '' }: { name?: string }) => [on('backups.get', projectOf(name))],
    deleteBackup: ({ name = '' }: { name?: string }) => [on('backups.delete', projectOf(name))],
    createIndex: ofParent('indexes.create'),
    listIndexes: ofParent('indexes.list'),
    getIndex: ofName('indexes.get'),
    deleteIndex: ofName('indexes.delete'),
    getField: ofName('indexes.get'),
    updateField: ({ field }: { field?: { name?: string } | null }) => needs([field?.name], ['indexes.update']),
    listFields: ofParent('indexes.list'),
  },
}
