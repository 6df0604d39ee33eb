/** The state machine behind Firestore: its databases, each with documents, locks and transactions. */

import type { CloudContext } from '../core/plugin.ts'
import { type AdminState, createAdminState, indexSetOf, requireDatabase } from './admin-state.ts'
import { documentTable } from './document-table.ts'
import { type Expiry, createExpiry } from './expiry.ts'
import { type CompositeIndex, missingIndex } from './index-plan.ts'
import { type Locks, createLocks } from './locks.ts'
import { describeIndex, missingIndexError } from './missing-index.ts'
import { type DatabaseName, type FieldPath, databaseNameOf, documentPrefix } from './paths.ts'
import type { Query } from './query.ts'
import { type Store, createStore } from './store.ts'
import { type Transactions, createTransactions } from './transactions.ts'

export interface FirestoreOptions {
  /** What a query without its composite index meets: an error as at Google, a line on stderr, or nothing. */
  readonly indexes?: 'enforce' | 'warn' | 'off'
}

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
  /** Refuses what no index serves, or says so. */
  checkIndex(query: Query, aggregated: readonly FieldPath[]): void
  /** Documents as Standard edition bills them, units as Enterprise would. */
  count(counter: Counter, amount: number): void
  /** The composite indexes of a collection. */
  indexes(collectionId: string): readonly CompositeIndex[]
}

export interface FirestoreCore {
  readonly admin: AdminState
  readonly context: CloudContext
  /** Throws NOT_FOUND in Google's words when there is none of that name. */
  database(name: DatabaseName): Database
  /** Forgets every document and transaction of a database that is deleted. */
  forget(name: DatabaseName): void
  /** What queries would have needed, when indexes are not enforced. */
  readonly missingIndexes: ReadonlyMap<string, CompositeIndex>
  /** Deletes what expires, once a field has a TTL policy. */
  readonly expiry: Expiry
  close(): void
}

export function createCore(context: CloudContext, { indexes = 'enforce' }: FirestoreOptions = {}): FirestoreCore {
  const admin = createAdminState(context.journal)
  const open = new Map<string, Database>()
  const missingIndexes = new Map<string, CompositeIndex>()

  function report(missing: CompositeIndex, name: DatabaseName): void {
    if (indexes === 'enforce') throw missingIndexError(missing, name)
    const described = `${databaseNameOf(name)}: ${describeIndex(missing)}`
    if (missingIndexes.has(described)) return
    missingIndexes.set(described, missing)
    if (indexes === 'warn') process.stderr.write(`Firestore would need an index for a query in ${described}\n`)
  }

  function openDatabase(name: DatabaseName): Database {
    const locks = createLocks(context.clock)
    const indexSet = indexSetOf(admin, name)
    return {
      name,
      prefix: documentPrefix(name),
      store: createStore(context.journal, tableName(name), context.clock),
      locks,
      transactions: createTransactions(context.clock, locks, () => context.newId()),
      isOptimistic: () => requireDatabase(admin, name).concurrencyMode === 'OPTIMISTIC',
      checkIndex(query, aggregated) {
        const missing = missingIndex(query, aggregated, indexSet)
        if (missing) report(missing, name)
      },
      indexes: indexSet.composites,
      count(counter, amount) {
        if (amount === 0) return
        context.count(`firestore.${counter}`, amount)
        context.count(`firestore.${counter}.${name.database}`, amount)
      },
    }
  }

  const core: FirestoreCore = {
    admin,
    context,
    missingIndexes,
    database(name) {
      requireDatabase(admin, name)
      const key = databaseNameOf(name)
      let database = open.get(key)
      if (!database) open.set(key, (database = openDatabase(name)))
      return database
    },
    forget(name) {
      const table = documentTable(context.journal, tableName(name))
      for (const path of table.keys()) table.delete(path)
      open.get(databaseNameOf(name))?.transactions.close()
      open.delete(databaseNameOf(name))
    },
    get expiry() {
      return expiry
    },
    close() {
      expiry.stop()
      for (const database of open.values()) database.transactions.close()
    },
  }
  const expiry = createExpiry(core)
  return core
}

const tableName = ({ project, database }: DatabaseName): string => `${project}/${database}`

export const readsOfQuery = (documents: number): number => Math.max(1, documents)
/** Aggregations are billed by index entries read, a thousand to one read. */
export const readsOfAggregation = (entries: number): number => Math.max(1, Math.ceil(entries / ENTRIES_PER_READ))
const ENTRIES_PER_READ = 1000
