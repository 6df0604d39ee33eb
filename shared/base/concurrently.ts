/** Work on many items at once, within a bound. */

/**
 * Calls `work` for each item, at most `maxConcurrent` at once, in their order. Rejects with the first failure, after the work
 * that had begun has ended; items that had not begun are left.
 */
export async function forEachConcurrently<T>(
  items: readonly T[],
  maxConcurrent: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const queue = items.values()
  let hasFailed = false
  const workEach = async (): Promise<void> => {
    for (const item of queue) {
      if (hasFailed) return
      await work(item).catch((error: unknown) => {
        hasFailed = true
        throw error
      })
    }
  }
  const ended = await Promise.allSettled(Array.from({ length: maxConcurrent }, workEach))
  const failure = ended.find((one) => one.status === 'rejected')
  if (failure) throw failure.reason
}
