/** Copies into the old database what the platform decides: orders that it took, and prices that are changed there. */

import type { DatabaseSync } from 'node:sqlite'
import { inTransaction } from '../shop/database.ts'
import { type Order, writeOrder } from '../shop/orders.ts'
import { createdOf, CURRENCY, euros } from './mapping.ts'
import type { Store } from './store.ts'

export interface PlatformEvent {
  readonly type: string
  /** Counts the events of the order or the product. */
  readonly sequence: number
  readonly time: string
  readonly data: Readonly<Record<string, unknown>>
}

interface Placed {
  readonly orderId: string
  readonly customerRef: string
  readonly currency: string
  readonly totalMinor: number
  /** Of the request that placed it. */
  readonly requestHash?: string
  readonly lines: readonly { readonly sku: string; readonly quantity: number; readonly unitMinor: number }[]
}

const ends: Readonly<Record<string, Order['status']>> = {
  'order.completed': 'done',
  'order.closed': 'done',
  'order.cancelled': 'cancelled',
  'order.rejected': 'cancelled',
  'order.expired': 'cancelled',
}
/** The events that are copied. */
export const copied = ['order.placed', ...Object.keys(ends), 'product.published', 'price.changed'] as const

/** The same in any order and again. Products are copied once the platform owns them: in step 5. */
export function copyEvent(db: DatabaseSync, store: Store, { type, sequence, time, data }: PlatformEvent): void {
  inTransaction(db, () =>
    store.withoutCapture(() => {
      if (type === 'order.placed') return copyOrder(db, store, data as unknown as Placed, time)
      const status = ends[type]
      if (status !== undefined) return endOrder(db, store, String(data['orderId']), status)
      if (type === 'price.changed' && data['currency'] !== CURRENCY) return
      const sku = String(data['sku'])
      // In each step: one from before step 5 may come again when a newer one was copied.
      const isNewest = store.isNewest(type, sku, sequence)
      // A price that the office has set meanwhile is on its way to the platform, and comes back from there.
      if (isNewest && store.state().step >= 5 && !store.isWaiting('products', sku)) copyProduct(db, type, data)
    }),
  )
}

function copyOrder(db: DatabaseSync, store: Store, order: Placed, time: string): void {
  const { no, status } = store.ofPlatform(order.orderId)
  if (no !== undefined) return
  if (order.currency !== CURRENCY)
    throw new Error(`The order ${order.orderId} is in ${order.currency}, which the old shop does not know.`)
  const written = writeOrder(db, {
    login: order.customerRef,
    // Its end may have come first.
    status: (status as Order['status'] | undefined) ?? 'new',
    total: euros(order.totalMinor),
    created: createdOf(time),
    items: order.lines.map(({ sku, quantity: qty, unitMinor }) => ({ sku, qty, price: euros(unitMinor) })),
  })
  store.setOfPlatform(order.orderId, { no: written.no, hash: order.requestHash })
}

function endOrder(db: DatabaseSync, store: Store, id: string, status: Order['status']): void {
  store.setOfPlatform(id, { status })
  const { no } = store.ofPlatform(id)
  if (no !== undefined) db.prepare('UPDATE orders SET status = ? WHERE no = ?').run(status, no)
}

function copyProduct(db: DatabaseSync, type: string, data: PlatformEvent['data']): void {
  const sku = String(data['sku'])
  if (type === 'price.changed') {
    const price = euros(Number(data['unitMinor']))
    db.prepare(
      `INSERT INTO products (sku, title, price) VALUES (?, ?, ?) ON CONFLICT (sku) DO UPDATE SET price = excluded.price`,
    ).run(sku, sku, price)
  } else db.prepare('UPDATE products SET title = ? WHERE sku = ?').run(String(data['name']), sku)
}
