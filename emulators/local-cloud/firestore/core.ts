/** The state machine behind Firestore: its databases, each with documents, locks and transactions. */

import type { CloudContext } from '../core/plugin.ts'
import { createAdminState, indexSetOf, requireDatabase } from './admin-state.ts'
import type { Database, FirestoreCore } from './database.ts'
import { createBackups } from './backups/due-backups.ts'
import { documentTable } from './documents/document-table.ts'
import { createExpiry } from './writes/expiry.ts'
import { type CompositeIndex, planIndexes } from './query/index-plan.ts'
import { createLocks } from './transactions/locks.ts'
import { describeIndex, missingIndexError } from './missing-index.ts'
import { type DatabaseName, databaseNameOf, documentPrefix } from './values/paths.ts'
import { createStore } from './documents/store.ts'
import { createTransactions } from './transactions/transactions.ts'

export interface FirestoreOptions {
  /** The reaction to a query without its composite index: an error as at Google, a line on stderr, or nothing. */
  readonly indexes?: 'enforce' | 'warn' | 'off'
}

export function createCore(context: CloudContext, { indexes = 'enforce' }: FirestoreOptions = {}): FirestoreCore {
  const admin = createAdminState(context)
  const open = new Map<string, Database>()
  const missingIndexes = new Map<string, CompositeIndex>()

  function report(missing: CompositeIndex, name: DatabaseName): void {
    if (indexes === 'enforce') throw missingIndexError(admin, missing, name)
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
        const { used, missing } = planIndexes(query, aggregated, indexSet)
        if (missing) report(missing, name)
        return missing ? [...used, missing] : used
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
    fill(name, documents) {
      const table = documentTable(context.journal, tableName(name))
      for (const { path, ...stored } of documents) table.set(path, stored)
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
    get backups() {
      return backups
    },
    close() {
      expiry.stop()
      backups.stop()
      for (const database of open.values()) database.transactions.close()
    },
  }
  const expiry = createExpiry(core)
  const backups = createBackups(core)
  return core
}

const tableName = ({ project, database }: DatabaseName): string => `${project}/${database}`
