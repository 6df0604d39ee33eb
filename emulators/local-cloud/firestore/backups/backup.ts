/** A backup: the documents and indexes of a database at one time, kept apart from it. */

import type { BackupRecord, FieldRecord } from '../admin-state.ts'
import { requireDatabase } from '../admin-state.ts'
import type { FirestoreCore } from '../database.ts'
import type { Table } from '../../core/journal.ts'
import { type Document, documentTable } from '../documents/document-table.ts'
import type { CompositeIndex } from '../query/index-plan.ts'
import { documentSize } from '../values/limits.ts'
import { type DatabaseName, databaseNameOf } from '../values/paths.ts'

const everything = { parent: '', collectionId: '', allDescendants: true } as const

/** The parts of a copy of a database besides its documents. */
export interface Indexes {
  readonly indexes: readonly (readonly [string, CompositeIndex])[]
  readonly fields: readonly (readonly [string, FieldRecord])[]
}

/** Copies the database as it is now: in one turn of the event loop, hence all of it or nothing. Returns the backup's name. */
export function takeBackup(core: FirestoreCore, name: DatabaseName, retentionMs: number): string {
  const settings = requireDatabase(core.admin, name)
  const { store } = core.database(name)
  const backup = `projects/${name.project}/locations/${settings.locationId}/backups/${core.context.newId()}`
  const documents = documentTable(core.context.journal, backup)
  let sizeBytes = 0
  for (const { path, ...stored } of store.scan(everything)) {
    documents.set(path, stored)
    sizeBytes += documentSize(path, stored.f)
  }
  const record: BackupRecord = {
    database: databaseNameOf(name),
    settings,
    ...indexesOf(core, name),
    snapshotMicros: store.readTime(),
    expireMs: core.context.clock.now() + retentionMs,
    documentCount: documents.size,
    sizeBytes,
  }
  core.admin.backups.set(backup, record)
  return backup
}

/** The documents of the backup of that name. */
export function* documentsOf(core: FirestoreCore, backup: string): Iterable<Document> {
  for (const [path, stored] of documentTable(core.context.journal, backup).entries()) yield { path, ...stored }
}

/** The documents of a database as they were at that time. */
export const documentsAt = (core: FirestoreCore, name: DatabaseName, atMicros: number): Iterable<Document> =>
  core.database(name).store.scan(everything, atMicros)

export function removeBackup(core: FirestoreCore, backup: string): void {
  const documents = documentTable(core.context.journal, backup)
  for (const path of documents.keys()) documents.delete(path)
  core.admin.backups.delete(backup)
}

/** Without TTL policies, which no copy has: https://cloud.google.com/firestore/docs/backups */
export function indexesOf({ admin }: FirestoreCore, name: DatabaseName): Indexes {
  const prefix = `${databaseNameOf(name)}/`
  const within = <Value>(table: Table<Value>): [string, Value][] =>
    [...table.entries()].flatMap(([key, value]): [string, Value][] =>
      key.startsWith(prefix) ? [[key.slice(prefix.length), value]] : [],
    )
  return {
    indexes: within(admin.indexes),
    fields: within(admin.fields).flatMap(([key, { indexes }]) => (indexes ? [[key, { indexes }] as const] : [])),
  }
}
