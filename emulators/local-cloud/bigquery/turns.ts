/** Work on one table, one after the other, as BigQuery queues statements that change a table. */

/** Runs work when all earlier work of its key has ended; work without a key at once. */
export function makeTurns(): <T>(key: string | undefined, work: () => Promise<T>) => Promise<T> {
  const last = new Map<string, Promise<unknown>>()
  return async (key, work) => {
    if (key === undefined) return work()
    const result = (last.get(key) ?? Promise.resolve()).then(work)
    const ended = result.catch(() => undefined)
    last.set(key, ended)
    void ended.then(() => last.get(key) === ended && last.delete(key))
    return result
  }
}
