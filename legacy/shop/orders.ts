/** Orders of the old shop: prices are looked up, added and written in one transaction. */

import type { DatabaseSync } from 'node:sqlite'
import { amountOf, centsOf } from './amounts.ts'
import { inTransaction } from './database.ts'

export interface Item {
  readonly sku: string
  readonly qty: number
}

export interface Order {
  readonly no: number
  readonly login: string
  readonly status: 'new' | 'done' | 'cancelled'
  /** `23.80`, in euros. */
  readonly total: string
  /** `2026-01-31 09:30:00`, in UTC. */
  readonly created: string
  readonly items: readonly (Item & { readonly price: string })[]
}

/** An error with the status that the shop answers. */
export class ShopError extends Error {
  readonly status: 400 | 404 | 409
  constructor(status: ShopError['status'], message: string) {
    super(message)
    this.status = status
  }
}

const ORDER = `SELECT orders.no, login, status, total, created FROM orders JOIN customers ON customers.no = orders.customer`

export function readOrder(db: DatabaseSync, no: number): Order {
  const order = db.prepare(`${ORDER} WHERE orders.no = ?`).get(no)
  if (!order) throw new ShopError(404, `There is no order ${no}.`)
  return withItems(db, order)
}

interface Listing {
  readonly login?: string | undefined
  readonly status?: Order['status'] | undefined
  readonly isOldestFirst?: boolean
  /** The number of the order before the first one. */
  readonly after?: number | undefined
  /** `2026-01-31 09:30:00`, in UTC; `createdBefore` is not included. */
  readonly createdFrom?: string | undefined
  readonly createdBefore?: string | undefined
  readonly limit?: number
}

/** The newest first unless it says otherwise. */
export function listOrders(
  db: DatabaseSync,
  { login, status, isOldestFirst = false, after, createdFrom, createdBefore, limit = 100 }: Listing = {},
): Order[] {
  const wanted = [
    ['login = ?', login],
    ['status = ?', status],
    [`(created, orders.no) ${isOldestFirst ? '>' : '<'} (SELECT created, no FROM orders WHERE no = ?)`, after],
    ['created >= ?', createdFrom],
    ['created < ?', createdBefore],
  ] as const
  const direction = isOldestFirst ? 'ASC' : 'DESC'
  const given = wanted.flatMap(([condition, value]) => (value === undefined ? [] : [{ condition, value }]))
  const where = given.length === 0 ? '' : `WHERE ${given.map(({ condition }) => condition).join(' AND ')}`
  return db
    .prepare(`${ORDER} ${where} ORDER BY created ${direction}, orders.no ${direction} LIMIT ?`)
    .all(...given.map(({ value }) => value), limit)
    .map((order) => withItems(db, order))
}

function withItems(db: DatabaseSync, order: object): Order {
  const items = db.prepare('SELECT sku, qty, price FROM items WHERE "order" = ? ORDER BY pos')
  return { ...order, items: items.all((order as Order).no).map((item) => ({ ...item })) } as unknown as Order
}

/** Takes the prices of today. A customer without an entry gets one without an address. @throws ShopError */
export function takeOrder(db: DatabaseSync, login: string, items: readonly Item[], nowMs: number): Order {
  return inTransaction(db, () => insertOrder(db, login, items, nowMs))
}

/** The same inside a transaction of the caller. @throws ShopError */
export function insertOrder(db: DatabaseSync, login: string, items: readonly Item[], nowMs: number): Order {
  const priceOf = db.prepare('SELECT price FROM products WHERE sku = ?')
  const priced = items.map((item) => {
    const found = priceOf.get(item.sku)
    if (!found) throw new ShopError(400, `There is no product ${item.sku}.`)
    return { ...item, price: String(found['price']) }
  })
  const cents = priced.reduce((sum, { qty, price }) => sum + qty * centsOf(price), 0)
  return writeOrder(db, { login, status: 'new', total: amountOf(cents), created: createdAt(nowMs), items: priced })
}

/** Writes an order as it is. */
export function writeOrder(db: DatabaseSync, { login, status, total, created, items }: Omit<Order, 'no'>): Order {
  const customer = customerNo(db, login)
  const { lastInsertRowid } = db
    .prepare('INSERT INTO orders (customer, status, total, created) VALUES (?, ?, ?, ?)')
    .run(customer, status, total, created)
  const insert = db.prepare('INSERT INTO items ("order", pos, sku, qty, price) VALUES (?, ?, ?, ?, ?)')
  for (const [index, { sku, qty, price }] of items.entries()) insert.run(lastInsertRowid, index + 1, sku, qty, price)
  return readOrder(db, Number(lastInsertRowid))
}

/** The packer reports that it has left. @throws ShopError */
export function finishOrder(db: DatabaseSync, no: number): Order {
  const { status } = readOrder(db, no)
  if (status === 'cancelled') throw new ShopError(409, `Order ${no} is cancelled.`)
  db.prepare(`UPDATE orders SET status = 'done' WHERE no = ? AND status = 'new'`).run(no)
  return readOrder(db, no)
}

function customerNo(db: DatabaseSync, login: string): number {
  db.prepare(
    `INSERT INTO customers (login, name, street, zip, city, country) VALUES (?, '', '', '', '', '') ON CONFLICT DO NOTHING`,
  ).run(login)
  return Number(db.prepare('SELECT no FROM customers WHERE login = ?').get(login)!['no'])
}

const createdAt = (ms: number): string => new Date(ms).toISOString().slice(0, 19).replace('T', ' ')
