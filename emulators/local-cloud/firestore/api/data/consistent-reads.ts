/** Reads documents and queries as a transaction, a past time or the present asks for, with Google's protection. */

import { type Database, readsOfQuery } from '../../database.ts'
import type { Document } from '../../documents/document-table.ts'
import { type Bytes, bytesOf, microsOf, type ProtoTime } from '../../../core/proto-values.ts'
import { pointReadUnits, scanUnits } from '../../query/enterprise-units.ts'
import { type Found, type Query, runQuery } from '../../query/query.ts'
import type { Caller } from '../../transactions/locks.ts'
import type { Transaction } from '../../transactions/transactions.ts'

interface WireTransactionOptions {
  readonly readOnly?: { readonly readTime?: ProtoTime | null } | null
  readonly readWrite?: { readonly retryTransaction?: Bytes } | null
}

/** The consistency selector that every read request has. */
export interface WireConsistency {
  readonly transaction?: Bytes
  readonly newTransaction?: WireTransactionOptions | null
  readonly readTime?: ProtoTime | null
}

export interface View {
  readonly transaction: Transaction | undefined
  /** Whether the transaction was begun by this very request, which then has to answer its id. */
  readonly isNew: boolean
  readonly atMicros: number | undefined
  readonly readMicros: number
}

export function viewOf(database: Database, request: WireConsistency): View {
  const id = bytesOf(request.transaction)
  if (id.length > 0) return inTransaction(database, database.transactions.use(id), false)
  if (request.newTransaction) return inTransaction(database, beginTransaction(database, request.newTransaction), true)
  if (!request.readTime) {
    return { transaction: undefined, isNew: false, atMicros: undefined, readMicros: database.store.readTime() }
  }
  const atMicros = microsOf(request.readTime)
  database.store.checkReadTime(atMicros)
  return { transaction: undefined, isNew: false, atMicros, readMicros: atMicros }
}

function inTransaction({ store }: Database, transaction: Transaction, isNew: boolean): View {
  const atMicros = transaction.snapshotMicros
  if (atMicros !== undefined) store.checkReadTime(atMicros)
  return { transaction, isNew, atMicros, readMicros: atMicros ?? store.readTime() }
}

export function beginTransaction(database: Database, options: WireTransactionOptions): Transaction {
  const { store, transactions } = database
  if (options.readOnly) {
    const given = options.readOnly.readTime ? microsOf(options.readOnly.readTime) : undefined
    if (given !== undefined) store.checkReadTime(given)
    const snapshotMicros = given ?? store.readTime()
    return transactions.begin({ readOnly: true, snapshotMicros, optimistic: false, retryOf: undefined })
  }
  const optimistic = database.isOptimistic()
  const retryOf = bytesOf(options.readWrite?.retryTransaction)
  return transactions.begin({
    readOnly: false,
    snapshotMicros: optimistic ? store.readTime() : undefined,
    optimistic,
    retryOf: retryOf.length > 0 ? retryOf : undefined,
  })
}

/** Runs a read within its transaction, when it has one. */
export const within = <Result>(
  database: Database,
  { transaction }: View,
  run: () => Promise<Result>,
): Promise<Result> => (transaction ? database.transactions.within(transaction, run) : run())

const isLocking = (transaction: Transaction | undefined): transaction is Transaction =>
  transaction !== undefined && !transaction.readOnly && !transaction.optimistic

export async function readDocuments(
  database: Database,
  view: View,
  paths: readonly string[],
  caller: Caller,
): Promise<(Document | undefined)[]> {
  const { transaction } = view
  if (isLocking(transaction)) await database.locks.acquire(transaction, paths, caller)
  const documents = paths.map((path) => database.store.get(path, view.atMicros))
  if (transaction?.optimistic)
    for (const [at, path] of paths.entries()) transaction.reads.set(path, documents[at]?.u ?? 0)
  database.count('documentReads', paths.length)
  database.count('readUnits', pointReadUnits(documents))
  return documents
}

/** Locks the documents that it finds; the commit checks that no other document matches meanwhile. Counts no reads. */
export async function readQuery(database: Database, view: View, query: Query, caller: Caller): Promise<Found> {
  const { store, locks } = database
  const { transaction } = view
  let found = runQuery(query, store.scan(query.scope, view.atMicros))
  while (isLocking(transaction)) {
    const waited = locks.acquire(
      transaction,
      found.documents.map(({ path }) => path),
      caller,
    )
    if (!waited) break
    await waited
    found = runQuery(query, store.scan(query.scope))
  }
  if (transaction && !transaction.readOnly) transaction.rechecks.push(recheck(database, query, found))
  return found
}

function recheck({ store }: Database, query: Query, found: Found): () => boolean {
  const seen = signature(found)
  const { revision } = store
  return () => store.revision === revision || signature(runQuery(query, store.scan(query.scope))) === seen
}

const signature = ({ documents, skipped }: Found): string =>
  [skipped, ...documents.map(({ path, u }) => `${path} ${u}`)].join('\n')

export function countQueryReads(database: Database, { documents, skipped }: Found): void {
  database.count('documentReads', readsOfQuery(documents.length + skipped))
  database.count('readUnits', scanUnits(documents, skipped))
}
