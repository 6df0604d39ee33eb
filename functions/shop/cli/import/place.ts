/** Records the file's orders through the gateway, as history, with a bounded number of concurrent requests. */

import { setTimeout as later } from 'node:timers/promises'
import { Refusal, type Api } from '../../../../cli/api.ts'
import { forEachConcurrently } from '../../../../shared/base/concurrently.ts'
import type { Progress } from './progress.ts'
import { currency, type Order } from './read.ts'

/** Concurrent requests: enough to keep two cores busy, far below the limit of a gateway instance. */
const CONCURRENCY = 16
const MAX_ATTEMPTS = 5

export interface Placed {
  readonly orderId: string
  readonly order: Order
}

/** A refusal that says nothing of the order: the same request may be taken later. */
const isLater = (error: unknown): boolean =>
  error instanceof Refusal && [429, 502, 503, 504].includes(error.problem.status)

export interface Watched {
  readonly progress: Progress
  /** Called before each repeated request: it prints what does not start. */
  readonly waiting: () => Promise<void>
  /** (Default: for that time.) */
  readonly pause?: (ms: number) => Promise<unknown>
}

export interface Refused {
  readonly order: Order
  readonly reason: string
}

/**
 * The invoice number is the idempotency key, so a second import gets the same order.
 * @throws Refusal when the platform takes no orders: those that it has are kept, and the next import goes on.
 */
export async function recordOrders(
  api: Api,
  orders: readonly Order[],
  { progress, waiting, pause = later }: Watched,
): Promise<{ placed: Placed[]; refused: Refused[] }> {
  const placed: Placed[] = []
  const refused: Refused[] = []
  progress.begin('orders recorded', orders.length)
  await forEachConcurrently(orders, CONCURRENCY, async (order) => {
    const { customerRef, placedAt } = order
    const lines = order.lines.map(({ sku, quantity, unitMinor }) => ({ sku, quantity, unitMinor }))
    const body = { currency, customerRef, placedAt, lines }
    try {
      const answer = await withRetry(
        () => api.send<{ orderId: string }>('POST', '/v1/imported-orders', { key: `invoice-${order.invoice}`, body }),
        async (ms) => {
          await waiting()
          await pause(ms)
        },
      )
      placed.push({ orderId: answer.body.orderId, order })
      progress.step()
    } catch (error) {
      if (!(error instanceof Refusal) || isLater(error)) throw error
      refused.push({ order, reason: error.message })
    }
  })
  return { placed, refused }
}

/** Retries after 429, 502, 503 and 504, with backoff: the same idempotency key makes that safe. */
async function withRetry<T>(send: () => Promise<T>, beforeRepeat: (ms: number) => Promise<void>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await send()
    } catch (error) {
      if (!isLater(error) || attempt === MAX_ATTEMPTS) throw error
      await beforeRepeat(2 ** attempt * 100)
    }
  }
}
