/** Bounds the calls in flight, and the calls that wait. */

import { Unavailable } from '../base/errors.ts'

export interface Bulkhead {
  /**
   * Runs `work` in one of the slots, which is held until `work` has ended.
   * @throws Unavailable when all slots and all places of the queue are taken; the signal's reason when it fires while
   * `work` waits, which then leaves the queue at once.
   */
  execute<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T>
}

/** Cockatiel's own bulkhead keeps a cancelled call in its queue until a slot is free. */
export function createBulkhead(
  name: string,
  limits: { readonly concurrent: number; readonly queued: number },
): Bulkhead {
  let free = limits.concurrent
  // In the order in which they came.
  const queue = new Set<() => void>()

  const enter = async (signal: AbortSignal): Promise<void> => {
    signal.throwIfAborted()
    if (free > 0) return void (free -= 1)
    if (queue.size >= limits.queued)
      throw new Unavailable(`${name} is not called: ${limits.concurrent} calls are in flight and ${queue.size} wait.`)
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const leave = (): void => {
      if (queue.delete(resolve)) reject(signal.reason as Error)
    }
    queue.add(resolve)
    signal.addEventListener('abort', leave)
    try {
      await promise
    } finally {
      signal.removeEventListener('abort', leave)
    }
  }
  const release = (): void => {
    const [next] = queue
    if (!next) return void (free += 1)
    // The slot passes to it.
    queue.delete(next)
    next()
  }

  return {
    async execute(work, signal) {
      await enter(signal)
      try {
        return await work()
      } finally {
        release()
      }
    },
  }
}
