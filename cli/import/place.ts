/** Puts products, stock and orders into the shop through the gateway, a bounded number at a time. */

import { createHash } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { Refusal, type Api } from '../api.ts'
import { UsageError } from '../command.ts'
import type { References } from '../references.ts'
import type { Progress } from './progress.ts'
import { currency, type Order } from './read.ts'

/** Requests under way at once: enough to keep two cores busy, far below what one gateway instance takes. */
const CONCURRENCY = 16
/** The gateway takes this many lines in one delivery. */
const LINES_PER_DELIVERY = 100
/** The gateway takes 100. */
const CUSTOMERS_PER_REQUEST = 50
const APPEAR_TIMEOUT_MS = 120_000
const LOOK_EVERY_MS = 100
const TRIES = 5

export interface Placed {
  readonly orderId: string
  readonly order: Order
}

export interface Refused {
  readonly order: Order
  readonly reason: string
}

/** Products and stock that the orders need. The same file again has the same keys, and so changes nothing. */
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
  await each(skus, async (sku) => {
    const { name, unitMinor } = needed.get(sku)!
    await patiently(() =>
      api.send('POST', '/v1/products', {
        key: `import-${encodeURIComponent(sku)}`,
        body: { sku, name, unitMinor, currency },
      }),
    ).catch(isSold)
    waits.push(`/v1/products/${encodeURIComponent(sku)}`)
    progress.step()
  })
  await each(deliveries, async (lines) => {
    const key = `import-${createHash('sha256').update(JSON.stringify(lines)).digest('hex').slice(0, 32)}`
    const { body } = await patiently(() =>
      api.send<{ deliveryId: string }>('POST', '/v1/stock', { key, body: { lines } }),
    )
    waits.push(`/v1/deliveries/${body.deliveryId}`)
    progress.step()
  })
  progress.begin('booked', waits.length)
  await each(waits, async (path) => {
    await appears(api, path)
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
  await each(chunks(customers, CUSTOMERS_PER_REQUEST), async (some) => {
    const { body } = await patiently(() =>
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

/** The invoice number is the idempotency key: a second import of it finds the same order. */
export async function placeOrders(
  api: Api,
  { orders, references }: { readonly orders: readonly Order[]; readonly references: ReadonlyMap<string, References> },
  progress: Progress,
): Promise<{ placed: Placed[]; refused: Refused[] }> {
  const placed: Placed[] = []
  const refused: Refused[] = []
  progress.begin('orders placed', orders.length)
  await each(orders, async (order) => {
    const body = {
      currency,
      customerRef: order.customerRef,
      ...references.get(order.customerRef),
      placedAt: order.placedAt,
      lines: order.lines.map(({ sku, quantity, unitMinor }) => ({ sku, quantity, unitMinor })),
    }
    try {
      const answer = await patiently(() =>
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

/** Runs `work` for each, a bounded number at once; the first failure ends it. */
export async function each<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const queue = items.values()
  const worker = async (): Promise<void> => {
    for (const item of queue) await work(item)
  }
  await Promise.all(Array.from({ length: CONCURRENCY }, worker))
}

/** A 503 or 429 says "later": the same key may be sent again without harm. */
async function patiently<T>(send: () => Promise<T>): Promise<T> {
  for (let tried = 1; ; tried++) {
    try {
      return await send()
    } catch (error) {
      const later = error instanceof Refusal && [429, 502, 503, 504].includes(error.problem.status)
      if (!later || tried === TRIES) throw error
      await pause(2 ** tried * 100)
    }
  }
}

/** Another file had the SKU before, by another name or price: it is sold, and orders of an import bring their own price. */
function isSold(error: unknown): void {
  if (!(error instanceof Refusal) || error.problem.code !== 'idempotency-key-reused') throw error
}

async function appears(api: Api, path: string): Promise<void> {
  const giveUpMs = Date.now() + APPEAR_TIMEOUT_MS
  for (;;) {
    try {
      await patiently(() => api.send('GET', path))
      return
    } catch (error) {
      if (!(error instanceof Refusal) || error.problem.status !== 404) throw error
      if (Date.now() > giveUpMs)
        throw new UsageError(
          `${path} was accepted but is not there after ${APPEAR_TIMEOUT_MS / 1000} s: see npm run logs.`,
        )
      await pause(LOOK_EVERY_MS)
    }
  }
}

function chunks<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size),
  )
}
