/** Creates products, stock and orders through the gateway, with a bounded number of concurrent requests. */

import { createHash } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { Refusal, type Api } from '../../../../cli/api.ts'
import { UsageError } from '../../../../cli/command.ts'
import { forEachConcurrently } from '../../../../shared/base/concurrently.ts'
import type { References } from '../references.ts'
import type { Progress } from './progress.ts'
import { currency, type Order } from './read.ts'

/** Concurrent requests: enough to keep two cores busy, far below the limit of a gateway instance. */
export const CONCURRENCY = 16
/** The gateway's limit of lines in one delivery. */
const LINES_PER_DELIVERY = 100
/** The gateway's limit is 100. */
const CUSTOMERS_PER_REQUEST = 50
const AVAILABLE_TIMEOUT_MS = 120_000
const POLL_INTERVAL_MS = 100
const MAX_ATTEMPTS = 5

export interface Placed {
  readonly orderId: string
  readonly order: Order
}

export interface Refused {
  readonly order: Order
  readonly reason: string
}

/** Creates the products and stock that the orders need. The same file has the same idempotency keys, so a second import changes nothing. */
export async function stockUp(api: Api, orders: readonly Order[], progress: Progress): Promise<void> {
  const needed = new Map<string, { name: string; unitMinor: number; quantity: number }>()
  for (const { sku, name, unitMinor, quantity } of orders.flatMap(({ lines }) => lines)) {
    const known = needed.get(sku)
    needed.set(sku, known ? { ...known, quantity: known.quantity + quantity } : { name, unitMinor, quantity })
  }
  const skus = [...needed.keys()]
  const deliveries = chunks(skus, LINES_PER_DELIVERY).map((some) =>
    some.map((sku) => ({ sku, quantity: needed.get(sku)!.quantity })),
  )
  progress.begin('products and stock', skus.length + deliveries.length)
  const waits: string[] = []
  await forEachConcurrently(skus, CONCURRENCY, async (sku) => {
    const { name, unitMinor } = needed.get(sku)!
    await withRetry(() =>
      api.send('POST', '/v1/products', {
        key: `import-${encodeURIComponent(sku)}`,
        body: { sku, name, unitMinor, currency },
      }),
    ).catch(isSold)
    waits.push(`/v1/products/${encodeURIComponent(sku)}`)
    progress.step()
  })
  await forEachConcurrently(deliveries, CONCURRENCY, async (lines) => {
    const key = `import-${createHash('sha256').update(JSON.stringify(lines)).digest('hex').slice(0, 32)}`
    const { body } = await withRetry(() =>
      api.send<{ deliveryId: string }>('POST', '/v1/stock', { key, body: { lines } }),
    )
    waits.push(`/v1/deliveries/${body.deliveryId}`)
    progress.step()
  })
  progress.begin('booked', waits.length)
  await forEachConcurrently(waits, CONCURRENCY, async (path) => {
    await waitUntilAvailable(api, path)
    progress.step()
  })
}

/**
 * Addresses and payment methods of the orders' customers. The file has countries but no streets and no cards: the rest of
 * an address says so, and all pay with the provider's test card. The same file again finds the same references.
 */
export async function registerCustomers(
  api: Api,
  orders: readonly Order[],
  progress: Progress,
): Promise<Map<string, References>> {
  const countries = new Map(orders.map(({ customerRef, country }) => [customerRef, country]))
  const customers = [...countries].map(([customerRef, country]) => ({
    customerRef,
    address: { name: customerRef, lines: ['not in the file'], city: 'not in the file', country },
    token: 'card-ok',
  }))
  const references = new Map<string, References>()
  progress.begin('customers', customers.length)
  await forEachConcurrently(chunks(customers, CUSTOMERS_PER_REQUEST), CONCURRENCY, async (some) => {
    const { body } = await withRetry(() =>
      api.send<{ references: readonly (References & { customerRef: string })[] }>('POST', '/v1/customers', {
        body: { customers: some },
      }),
    )
    for (const { customerRef, addressRef, paymentMethodRef } of body.references) {
      references.set(customerRef, { addressRef, paymentMethodRef })
      progress.step()
    }
  })
  return references
}

/** The invoice number is the idempotency key, so a second import gets the same order. */
export async function placeOrders(
  api: Api,
  { orders, references }: { readonly orders: readonly Order[]; readonly references: ReadonlyMap<string, References> },
  progress: Progress,
): Promise<{ placed: Placed[]; refused: Refused[] }> {
  const placed: Placed[] = []
  const refused: Refused[] = []
  progress.begin('orders placed', orders.length)
  await forEachConcurrently(orders, CONCURRENCY, async (order) => {
    const body = {
      currency,
      customerRef: order.customerRef,
      ...references.get(order.customerRef),
      placedAt: order.placedAt,
      lines: order.lines.map(({ sku, quantity, unitMinor }) => ({ sku, quantity, unitMinor })),
    }
    try {
      const answer = await withRetry(() =>
        api.send<{ orderId: string }>('POST', '/v1/orders', { key: `invoice-${order.invoice}`, body }),
      )
      placed.push({ orderId: answer.body.orderId, order })
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      refused.push({ order, reason: error.message })
    }
    progress.step()
  })
  return { placed, refused }
}

/** Retries after 429, 502, 503 and 504, with backoff: the same idempotency key makes that safe. */
async function withRetry<T>(send: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await send()
    } catch (error) {
      const later = error instanceof Refusal && [429, 502, 503, 504].includes(error.problem.status)
      if (!later || attempt === MAX_ATTEMPTS) throw error
      await pause(2 ** attempt * 100)
    }
  }
}

/** Ignores that another file created the SKU with another name or price: imported orders have their own price. */
function isSold(error: unknown): void {
  if (!(error instanceof Refusal) || error.problem.code !== 'idempotency-key-reused') throw error
}

async function waitUntilAvailable(api: Api, path: string): Promise<void> {
  const endMs = Date.now() + AVAILABLE_TIMEOUT_MS
  for (;;) {
    try {
      await withRetry(() => api.send('GET', path))
      return
    } catch (error) {
      if (!(error instanceof Refusal) || error.problem.status !== 404) throw error
      if (Date.now() > endMs)
        throw new UsageError(
          `${path} was accepted but is not available after ${AVAILABLE_TIMEOUT_MS / 1000} s: see npm run logs.`,
        )
      await pause(POLL_INTERVAL_MS)
    }
  }
}

function chunks<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size),
  )
}
