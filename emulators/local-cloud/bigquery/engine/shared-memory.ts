/**
 * Queries at the same time share one memory. When it is used up, DuckDB fails any of them, not just the query that took most.
 * A query that failed beside others is therefore repeated when the others have ended; a query that fails by itself is too large.
 */

import { isOutOfMemory, outOfMemory } from '../sql/engine-errors.ts'

const MAX_ATTEMPTS = 5

/** Runs work that has had no effect when it fails. */
export type RunInMemory = <T>(work: () => Promise<T>, timeoutMs: number) => Promise<T>

export function makeSharedMemory(): RunInMemory {
  const running = new Set<Promise<unknown>>()
  return async (work, timeoutMs) => {
    const endMs = performance.now() + timeoutMs
    for (let attempt = 1; ; attempt++) {
      const result = work()
      running.add(result)
      const others = new Set(running)
      try {
        return await result
      } catch (error) {
        for (const one of running) others.add(one)
        others.delete(result)
        if (!isOutOfMemory(error)) throw error
        if (others.size === 0 || attempt === MAX_ATTEMPTS || performance.now() > endMs) throw outOfMemory()
      } finally {
        running.delete(result)
      }
      await ended(others, endMs - performance.now())
    }
  }
}

async function ended(others: ReadonlySet<Promise<unknown>>, timeoutMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise((resolve) => {
    timer = setTimeout(resolve, timeoutMs)
  })
  await Promise.race([Promise.allSettled(others), late])
  clearTimeout(timer)
}
