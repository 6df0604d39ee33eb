/** The concurrency limit of an instance: further requests wait in a queue until a slot is free or their caller disconnects. */

import type { Exchange } from './exchange.ts'
import { limits } from '../values/limits.ts'

export interface Slots {
  /**
   * `acquired` until the exchange closes; `full`: the queue has no room; `disconnected`: the caller closed the connection
   * first; `stopping`: the service is being stopped.
   */
  acquire(exchange: Exchange, maxConcurrency: number): Promise<'acquired' | 'full' | 'disconnected' | 'stopping'>
  /** Refuses all queued requests. */
  rejectQueued(): void
  /** Resolves when all slots are free. */
  drained(): Promise<void>
  readonly active: number
  readonly queued: number
}

export function createSlots({ busy, idle }: { busy(): void; idle(): void }): Slots {
  let active = 0
  const onDrained: (() => void)[] = []
  const queue = new Set<(result: 'acquired' | 'stopping') => void>()

  const release = (): void => {
    const [next] = queue
    // A slot that passes to the next request leaves `active` unchanged.
    if (next) return next('acquired')
    active -= 1
    if (active > 0) return
    idle()
    for (const resolve of onDrained.splice(0)) resolve()
  }
  return {
    async acquire(exchange, maxConcurrency) {
      // It closed before this listener was added.
      if (exchange.isClosed) return 'disconnected'
      if (active < maxConcurrency) {
        active += 1
        busy()
        exchange.onClose(release)
        return 'acquired'
      }
      if (queue.size >= limits.queuedRequests) return 'full'
      return new Promise((resolve) => {
        const onDisconnect = (): void => {
          queue.delete(dequeue)
          resolve('disconnected')
        }
        const dequeue = (result: 'acquired' | 'stopping'): void => {
          queue.delete(dequeue)
          exchange.offClose(onDisconnect)
          if (result === 'acquired') exchange.onClose(release)
          resolve(result)
        }
        queue.add(dequeue)
        exchange.onClose(onDisconnect)
      })
    },
    rejectQueued() {
      for (const dequeue of queue) dequeue('stopping')
    },
    drained: () => (active === 0 ? Promise.resolve() : new Promise((resolve) => void onDrained.push(resolve))),
    get active() {
      return active
    },
    get queued() {
      return queue.size
    },
  }
}
