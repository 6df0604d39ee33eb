/** Exclusive locks on documents: the oldest waiting transaction gets a lock first, and the youngest in a deadlock loses its locks. */

import type { Clock, Timer } from '../../core/clock.ts'
import type { RequestContext } from '../../core/service.ts'
import { StatusError } from '../../core/status.ts'
import { limits } from '../values/limits.ts'

export interface LockOwner {
  /** Smaller is older; the youngest of a deadlock is aborted. */
  readonly age: number
}

/** The caller of a request: it may hang up while it waits. */
export type Caller = Pick<RequestContext, 'signal' | 'hasEnded'>

export interface Locks {
  /** Takes the locks of all paths together. Undefined if it has them without waiting. */
  acquire(owner: LockOwner, paths: readonly string[], caller: Caller): Promise<void> | undefined
  release(owner: LockOwner): void
  holds(owner: LockOwner, path: string): boolean
}

interface Waiter {
  readonly owner: LockOwner
  readonly paths: readonly string[]
  readonly settle: (error?: Error) => void
}

export const contention = (): StatusError =>
  new StatusError(
    'ABORTED',
    'Aborted due to cross-transaction contention. This occurs when multiple transactions attempt to access the same data, requiring Firestore to abort at least one in order to enforce serializability.',
  )

const lockTimeout = (): StatusError => new StatusError('ABORTED', 'Transaction lock timeout.')

export function createLocks(clock: Clock): Locks {
  const holders = new Map<string, LockOwner>()
  const held = new Map<LockOwner, Set<string>>()
  const waiters = new Set<Waiter>()

  const isFree = (owner: LockOwner, path: string): boolean => (holders.get(path) ?? owner) === owner

  function take(owner: LockOwner, paths: readonly string[]): void {
    let own = held.get(owner)
    if (!own) held.set(owner, (own = new Set()))
    for (const path of paths) {
      holders.set(path, owner)
      own.add(path)
    }
  }

  /** Serves waiters by age, so that the oldest gets the locks that a deadlock freed; passes over one that still lacks a document. */
  function serve(): void {
    for (const waiter of [...waiters].toSorted((left, right) => left.owner.age - right.owner.age)) {
      if (!waiter.paths.every((path) => isFree(waiter.owner, path))) continue
      take(waiter.owner, waiter.paths)
      waiter.settle()
    }
  }

  function wait(owner: LockOwner, paths: readonly string[], { signal }: Caller): Promise<void> {
    return new Promise((resolve, reject) => {
      let timer: Timer | undefined = undefined
      const hangUp = (): void => waiter.settle(new StatusError('CANCELLED', 'The caller hung up.'))
      const waiter: Waiter = {
        owner,
        paths,
        settle(error) {
          waiters.delete(waiter)
          timer?.cancel()
          signal.removeEventListener('abort', hangUp)
          if (error) reject(error)
          else resolve()
        },
      }
      waiters.add(waiter)
      timer = clock.at(clock.now() + limits.lockWaitMs, () => waiter.settle(lockTimeout()))
      signal.addEventListener('abort', hangUp)
      breakDeadlocks(owner)
    })
  }

  const blockersOf = (owner: LockOwner): LockOwner[] => {
    const blockers: LockOwner[] = []
    for (const waiter of waiters) {
      if (waiter.owner !== owner) continue
      for (const path of waiter.paths) {
        const holder = holders.get(path)
        if (holder && holder !== owner) blockers.push(holder)
      }
    }
    return blockers
  }

  /** The transactions that wait for each other in a cycle with `start`. */
  function findCycle(start: LockOwner): LockOwner[] | undefined {
    const seen = new Set<LockOwner>()
    const visit = (owner: LockOwner, path: LockOwner[]): LockOwner[] | undefined => {
      for (const blocker of blockersOf(owner)) {
        if (blocker === start) return path
        if (seen.has(blocker)) continue
        seen.add(blocker)
        const cycle = visit(blocker, [...path, blocker])
        if (cycle) return cycle
      }
      return undefined
    }
    return visit(start, [start])
  }

  function breakDeadlocks(start: LockOwner): void {
    for (let cycle = findCycle(start); cycle; cycle = findCycle(start)) {
      const youngest = cycle.reduce((young, one) => (one.age > young.age ? one : young))
      abort(youngest)
    }
  }

  /** Its locks are released at once, so that other transactions do not wait for its client. */
  function abort(owner: LockOwner): void {
    for (const waiter of waiters) if (waiter.owner === owner) waiter.settle(contention())
    release(owner)
  }

  function release(owner: LockOwner): void {
    const own = held.get(owner)
    held.delete(owner)
    for (const path of own ?? []) holders.delete(path)
    for (const waiter of waiters) if (waiter.owner === owner) waiter.settle(contention())
    if (own) serve()
  }

  return {
    acquire(owner, paths, caller) {
      if (caller.hasEnded ?? caller.signal.aborted)
        return Promise.reject(new StatusError('CANCELLED', 'The caller hung up.'))
      if (!paths.every((path) => isFree(owner, path))) return wait(owner, paths, caller)
      take(owner, paths)
      return undefined
    },
    release,
    holds: (owner, path) => holders.get(path) === owner,
  }
}
