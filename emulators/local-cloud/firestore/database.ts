/** The state of one database, and of all: the parameters of the API methods. */

import type { CloudContext } from '../core/plugin.ts'
import type { AdminState } from './admin-state.ts'
import type { CompositeIndex } from './query/index-plan.ts'
import type { Locks } from './transactions/locks.ts'
import type { DatabaseName, FieldPath } from './values/paths.ts'
import type { Query } from './query/query.ts'
import type { Document } from './documents/document-table.ts'
import type { Store } from './documents/store.ts'
import type { Transactions } from './transactions/transactions.ts'

type Counter = 'documentReads' | 'documentWrites' | 'documentDeletes' | 'readUnits' | 'writeUnits'

/** One database at work. */
export interface Database {
  readonly name: DatabaseName
  /** `projects/p/databases/d/documents/`. */
  readonly prefix: string
  readonly store: Store
  readonly locks: Locks
  readonly transactions: Transactions
  /** Whether transactions read without locks, and are compared when they commit. */
  isOptimistic(): boolean
  /** The indexes that serve a query. Refuses a query that no index serves, or warns and names the missing one as if it existed. */
  checkIndex(query: Query, aggregated: readonly FieldPath[]): readonly CompositeIndex[]
  /** Documents as Standard edition bills them, units as Enterprise would. */
  count(counter: Counter, amount: number): void
  /** The composite indexes of a collection. */
  indexes(collectionId: string): readonly CompositeIndex[]
}

export interface Expiry {
  /** Looks every hour from now on, as long as a field has a TTL policy. */
  start(): void
  stop(): void
}

export interface Backups {
  /** Waits for the next backup or the next expiry; called after each change of schedules and backups. */
  start(): void
  stop(): void
}

export interface FirestoreCore {
  readonly admin: AdminState
  readonly context: CloudContext
  /** @throws StatusError NOT_FOUND, in Google's words, for an unknown name. */
  database(name: DatabaseName): Database
  /** Writes the documents of a database that was not opened yet. */
  fill(name: DatabaseName, documents: Iterable<Document>): void
  /** Forgets every document and transaction of a database that is deleted. */
  forget(name: DatabaseName): void
  /** The missing indexes of queries, if indexes are not enforced. */
  readonly missingIndexes: ReadonlyMap<string, CompositeIndex>
  /** Deletes expired documents, once a field has a TTL policy. */
  readonly expiry: Expiry
  /** Takes backups when a schedule is due, and deletes those whose retention is over. */
  readonly backups: Backups
  close(): void
}

export const readsOfQuery = (documents: number): number => Math.max(1, documents)
/** Aggregations are billed by index entries read, a thousand to one read. */
export const readsOfAggregation = (entries: number): number => Math.max(1, Math.ceil(entries / ENTRIES_PER_READ))
const ENTRIES_PER_READ = 1000
