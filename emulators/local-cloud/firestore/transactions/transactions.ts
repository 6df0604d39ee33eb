/** Transactions of one database: their ids, their age, and when they end by themselves. */

import type { Clock, Timer } from '../../core/clock.ts'
import { StatusError, invalidArgument } from '../../core/status.ts'
import { limits } from '../values/limits.ts'
import { type LockOwner, type Locks, contention } from './locks.ts'

export interface Transaction extends LockOwner {
  readonly id: Buffer
  readonly readOnly: boolean
  /** Reads see the database as it was then; a pessimistic transaction reads the current documents, under locks. */
  readonly snapshotMicros: number | undefined
  readonly optimistic: boolean
  /** Update time of each document read, 0 where none was: an optimistic commit compares them. */
  readonly reads: Map<string, number>
  /** Says whether a query that was run would still find the same. */
  readonly rechecks: (() => boolean)[]
}

export interface BeginOptions {
  readonly readOnly: boolean
  readonly snapshotMicros: number | undefined
  readonly optimistic: boolean
  /** The transaction that this one repeats: it keeps that one's age, and so is not the youngest for ever. */
  readonly retryOf: Buffer | undefined
}

export interface Transactions {
  begin(options: BeginOptions): Transaction
  /** The transaction of that id, its idle time starting anew. */
  use(id: Buffer): Transaction
  /** Runs a request within it: the transaction is not idle meanwhile, and an abort of the request ends it. */
  within<Result>(transaction: Transaction, run: () => Promise<Result>): Promise<Result>
  end(transaction: Transaction): void
  nextAge(): number
  readonly open: number
  close(): void
}

interface OpenTransaction {
  readonly transaction: Transaction
  readonly endsAtMs: number
  running: number
  timer: Timer
}

/** Ended ids whose age, or whose abortion, is remembered. */
const REMEMBERED = 10_000

const expired = (): StatusError => invalidArgument('The referenced transaction has expired or is no longer valid.')

export function createTransactions(clock: Clock, locks: Locks, newId: () => string): Transactions {
  const entries = new Map<string, OpenTransaction>()
  const ended = new Map<string, { age: number; aborted: boolean }>()
  let ages = 0

  const key = (id: Buffer): string => id.toString('hex')

  function arm(entry: OpenTransaction): void {
    entry.timer.cancel()
    const idleEndMs = entry.running > 0 ? Infinity : clock.now() + limits.transactionIdleMs
    entry.timer = clock.at(Math.min(entry.endsAtMs, idleEndMs), () => finish(entry.transaction, false))
  }

  function finish(transaction: Transaction, aborted: boolean): void {
    const id = key(transaction.id)
    const entry = entries.get(id)
    if (!entry) return
    entry.timer.cancel()
    entries.delete(id)
    ended.set(id, { age: transaction.age, aborted })
    if (ended.size > REMEMBERED) ended.delete(ended.keys().next().value as string)
    locks.release(transaction)
  }

  return {
    begin({ readOnly, snapshotMicros, optimistic, retryOf }) {
      const before = retryOf && (ended.get(key(retryOf))?.age ?? entries.get(key(retryOf))?.transaction.age)
      const transaction: Transaction = {
        id: Buffer.from(newId(), 'hex'),
        age: before ?? ages++,
        readOnly,
        snapshotMicros,
        optimistic,
        reads: new Map(),
        rechecks: [],
      }
      const entry = { transaction, endsAtMs: clock.now() + limits.transactionTotalMs, running: 0, timer: noTimer }
      entries.set(key(transaction.id), entry)
      arm(entry)
      return transaction
    },
    use(id) {
      const entry = entries.get(key(id))
      if (entry) return entry.transaction
      throw ended.get(key(id))?.aborted ? contention() : expired()
    },
    async within(transaction, run) {
      const entry = entries.get(key(transaction.id))
      if (!entry) throw expired()
      entry.running += 1
      arm(entry)
      try {
        return await run()
      } catch (error) {
        if (error instanceof StatusError && error.code === 'ABORTED') finish(transaction, true)
        throw error
      } finally {
        entry.running -= 1
        if (entries.get(key(transaction.id)) === entry) arm(entry)
      }
    },
    end: (transaction) => finish(transaction, false),
    nextAge: () => ages++,
    get open() {
      return entries.size
    },
    close() {
      for (const entry of entries.values()) finish(entry.transaction, false)
    },
  }
}

const noTimer: Timer = { cancel: () => undefined }
