/** Compares the data of both systems: every sold order and every product, with totals. */

import type { DatabaseSync } from 'node:sqlite'
import { differencesOf } from '../../shared/strangler/differences.ts'
import { listOrders } from '../shop/orders.ts'
import { CURRENCY, type OldProduct, orderRow, publishedProduct } from './mapping.ts'
import type { Store } from './store.ts'
import type { PlatformApi } from './to-platform.ts'

const PAGE_ROWS = 100
const MAX_SHOWN = 20

export interface Totals {
  readonly orders: number
  readonly totalMinor: number
  readonly products: number
}

export interface Comparison {
  readonly old: Totals
  readonly platform: Totals
  /** `order o-1: only in the old shop`; at most twenty. */
  readonly differences: readonly string[]
  readonly differenceCount: number
}

type Entries = ReadonlyMap<string, object>

interface Listed {
  readonly orderId: string
  readonly customerRef: string
  readonly totalMinor: number
  readonly currency: string
}
interface ListedProduct {
  readonly sku: string
  readonly name: string
  readonly unitMinor: number
  readonly currency: string
  readonly prices?: readonly { readonly unitMinor: number; readonly currency: string }[]
}

/** Data that moves meanwhile may differ: at rest, or the second time, a difference is one. */
export async function compareData(db: DatabaseSync, store: Store, api: PlatformApi): Promise<Comparison> {
  const old = { orders: oldOrders(db, store), products: oldProducts(db) }
  const platform = { orders: await soldOrders(api), products: await products(api) }
  const differences = [
    ...between('order', old.orders, platform.orders),
    // The platform may sell more products than the old shop.
    ...[...between('product', old.products, platform.products)].filter((one) => !one.endsWith('only in the platform')),
  ]
  return {
    old: totalsOf(old),
    platform: totalsOf(platform),
    differences: differences.slice(0, MAX_SHOWN),
    differenceCount: differences.length,
  }
}

const totalsOf = ({ orders, products }: { readonly orders: Entries; readonly products: Entries }): Totals => ({
  orders: orders.size,
  totalMinor: [...orders.values()].reduce((sum, order) => sum + (order as Listed).totalMinor, 0),
  products: products.size,
})

function* between(kind: string, old: Entries, platform: Entries): Generator<string> {
  for (const [id, entry] of old) {
    const other = platform.get(id)
    if (!other) yield `${kind} ${id}: only in the old shop`
    else for (const { path } of differencesOf(entry, other)) yield `${kind} ${id}: ${path} differs`
  }
  for (const id of platform.keys()) if (!old.has(id)) yield `${kind} ${id}: only in the platform`
}

function oldOrders(db: DatabaseSync, store: Store): Entries {
  const found = new Map<string, object>()
  for (let after: number | undefined; ;) {
    const page = listOrders(db, { after, limit: PAGE_ROWS })
    for (const order of page)
      if (order.status === 'done') found.set(store.idOf(order.no), rowOf(orderRow(store.idOf(order.no), order)))
    if (page.length < PAGE_ROWS) return found
    after = page.at(-1)!.no
  }
}

const oldProducts = (db: DatabaseSync): Entries =>
  new Map(
    db
      .prepare('SELECT sku, title, price FROM products')
      .all()
      .map((row) => publishedProduct(row as unknown as OldProduct))
      .map(({ sku, name, unitMinor }) => [sku, { name, unitMinor }]),
  )

const rowOf = ({ orderId, customerRef, totalMinor, currency }: Listed) => ({
  orderId,
  customerRef,
  totalMinor,
  currency,
})

async function soldOrders(api: PlatformApi): Promise<Entries> {
  const found = new Map<string, object>()
  for (const status of ['completed', 'closed'])
    for await (const order of pages<Listed>(api, `/v1/orders?status=${status}`, 'orders'))
      found.set(order.orderId, rowOf(order))
  return found
}

async function products(api: PlatformApi): Promise<Entries> {
  const found = new Map<string, object>()
  for await (const { sku, name, prices = [], ...newest } of pages<ListedProduct>(api, '/v1/products?', 'products')) {
    const price = [...prices, newest].find(({ currency }) => currency === CURRENCY)
    if (price) found.set(sku, { name, unitMinor: price.unitMinor })
  }
  return found
}

async function* pages<Row>(api: PlatformApi, path: string, member: string): AsyncGenerator<Row> {
  for (let after = ''; ;) {
    const page = await api.send<Readonly<Record<string, unknown>>>(
      'admin',
      'GET',
      `${path}&limit=${PAGE_ROWS}${after === '' ? '' : `&after=${encodeURIComponent(after)}`}`,
    )
    yield* page[member] as Row[]
    if (page['next'] === undefined) return
    after = String(page['next'])
  }
}
