/** Commits writes: under the locks they need, at one server time, all or none. */

import type { Database } from '../database.ts'
import { invalidArgument } from '../../core/status.ts'
import { writeUnits } from '../query/enterprise-units.ts'
import { limits, valueSize } from '../values/limits.ts'
import { type Caller, type LockOwner, contention } from '../transactions/locks.ts'
import type { Transaction } from '../transactions/transactions.ts'
import { type Write, type WriteResult, applyWrites } from './writes.ts'

export interface Committed {
  readonly commitMicros: number
  readonly results: readonly WriteResult[]
}

/** Outside a transaction: waits for the transactions that read the documents that it writes. */
export async function commitWrites(database: Database, writes: readonly Write[], caller: Caller): Promise<Committed> {
  const owner: LockOwner = { age: database.transactions.nextAge() }
  checkSize(writes)
  await database.locks.acquire(owner, pathsOf(writes), caller)
  try {
    return apply(database, writes)
  } finally {
    database.locks.release(owner)
  }
}

/** Ends the transaction, also if the commit fails. */
export async function commitTransaction(
  database: Database,
  transaction: Transaction,
  writes: readonly Write[],
  caller: Caller,
): Promise<Committed> {
  const { transactions, locks, store } = database
  return transactions.within(transaction, async () => {
    try {
      if (transaction.readOnly) {
        if (writes.length > 0) throw invalidArgument('Cannot modify entities in a read-only transaction.')
        return { commitMicros: store.readTime(), results: [] }
      }
      checkSize(writes)
      await locks.acquire(transaction, pathsOf(writes), caller)
      checkReads(database, transaction)
      return apply(database, writes)
    } finally {
      transactions.end(transaction)
    }
  })
}

/** Nothing that was read has changed, and no document has come into a query's result. */
function checkReads({ store }: Database, { reads, rechecks }: Transaction): void {
  for (const [path, updateMicros] of reads) if ((store.get(path)?.u ?? 0) !== updateMicros) throw contention()
  for (const isSame of rechecks) if (!isSame()) throw contention()
}

function apply(database: Database, writes: readonly Write[]): Committed {
  const { store } = database
  const commitMicros = store.nextCommitTime()
  const { changes, results } = applyWrites(writes, (path) => store.get(path), commitMicros)
  const changed = [...changes].map(([path, after]) => ({
    path,
    before: store.get(path),
    after: after && { path, ...after },
  }))
  store.apply(changes, commitMicros)
  database.count('writeUnits', writeUnits(changed, database.indexes))
  const deletes = writes.filter(({ kind }) => kind === 'delete').length
  const verifies = writes.filter(({ kind }) => kind === 'verify').length
  database.count('documentWrites', writes.length - deletes - verifies)
  database.count('documentDeletes', deletes)
  return { commitMicros, results }
}

const pathsOf = (writes: readonly Write[]): string[] => [...new Set(writes.map(({ path }) => path))]

function checkSize(writes: readonly Write[]): void {
  const size = writes.reduce((sum, { name, fields }) => sum + name.length + valueSize({ m: fields }), 0)
  if (size > limits.requestBytes) {
    throw invalidArgument(`Request payload size exceeds the limit: ${limits.requestBytes} bytes.`)
  }
}
