/** Work on one table, one after the other, as BigQuery queues statements that change a table. */

import { bigqueryError } from './values/errors.ts'

export interface Turns {
  /**
   * Runs work when all earlier work of its key has ended; work without a key at once.
   * @param isLimited whether it is refused when `maxWaiting` others of the limited kind wait
   * @throws INVALID_ARGUMENT with the reason resourcesExceeded
   */
  <T>(key: string | undefined, work: () => Promise<T>, isLimited?: boolean): Promise<T>
}

export function makeTurns(maxWaiting: number): Turns {
  const last = new Map<string, Promise<unknown>>()
  const waiting = new Map<string, number>()
  return async (key, work, isLimited = false) => {
    if (key === undefined) return work()
    const before = last.get(key)
    const count = waiting.get(key) ?? 0
    const waits = isLimited && before !== undefined
    if (waits && count >= maxWaiting) throw tooManyOutstanding(key, maxWaiting)
    if (waits) waiting.set(key, count + 1)
    const result = (before ?? Promise.resolve()).then(() => {
      if (waits) waiting.set(key, waiting.get(key)! - 1)
      return work()
    })
    const ended = result.catch(() => undefined)
    last.set(key, ended)
    void ended.then(() => last.get(key) === ended && last.delete(key) && waiting.delete(key))
    return result
  }
}

const tooManyOutstanding = (table: string, max: number): Error =>
  bigqueryError(
    'resourcesExceeded',
    `Resources exceeded during query execution: Too many DML statements outstanding against table ${table}, limit is ${max}.`,
  )
