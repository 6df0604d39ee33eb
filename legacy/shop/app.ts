/** The old shop as it has run for years: one process with routes, rules and SQL in one place, behind no gateway. */

import type { DatabaseSync } from 'node:sqlite'
import { type Context, Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { isAmount } from './amounts.ts'
import { finishOrder, type Item, listOrders, readOrder, ShopError, takeOrder } from './orders.ts'

const MAX_BODY_BYTES = 64 * 1024
const MAX_ITEMS = 100
const MAX_QUANTITY = 9_999
const MAX_TEXT_CHARACTERS = 200

export function createShop(db: DatabaseSync, now: () => number = Date.now): Hono {
  const app = new Hono()
  app.use(bodyLimit({ maxSize: MAX_BODY_BYTES, onError: (c) => c.json({ error: 'The body is too long.' }, 413) }))
  app.onError((error, c) => {
    if (error instanceof ShopError) return c.json({ error: error.message }, error.status)
    return c.json({ error: 'The shop failed.' }, 500)
  })

  app.put('/customers/:login', async (c) => {
    const body = await bodyOf(c)
    const [name, street, zip, city, country, card] = ['name', 'street', 'zip', 'city', 'country', 'card'].map((field) =>
      textIn(body, field),
    ) as [string, string, string, string, string, string]
    db.prepare(
      `INSERT INTO customers (login, name, street, zip, city, country, card) VALUES (?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (login) DO UPDATE SET name = excluded.name, street = excluded.street, zip = excluded.zip,
         city = excluded.city, country = excluded.country, card = excluded.card`,
    ).run(c.req.param('login'), name, street, zip, city, country, card)
    return c.json({ login: c.req.param('login') })
  })

  app.get('/products', (c) => c.json(db.prepare('SELECT sku, title, price FROM products ORDER BY sku').all()))

  app.put('/products/:sku', async (c) => {
    const body = await bodyOf(c)
    const title = textIn(body, 'title')
    const price = body['price']
    if (!isAmount(price)) throw new ShopError(400, `price: write an amount as "11.90", not ${JSON.stringify(price)}.`)
    db.prepare(
      `INSERT INTO products (sku, title, price) VALUES (?, ?, ?)
       ON CONFLICT (sku) DO UPDATE SET title = excluded.title, price = excluded.price`,
    ).run(c.req.param('sku'), title, price)
    return c.json({ sku: c.req.param('sku'), title, price })
  })

  app.post('/orders', async (c) => {
    const body = await bodyOf(c)
    return c.json(takeOrder(db, textIn(body, 'login'), itemsIn(body), now()), 201)
  })

  app.get('/orders', (c) => {
    const login = c.req.query('login')
    return c.json(listOrders(db, login === undefined ? {} : { login }))
  })

  app.get('/orders/:no', (c) => c.json(readOrder(db, numberIn(c))))

  app.post('/orders/:no/done', (c) => c.json(finishOrder(db, numberIn(c))))

  return app
}

async function bodyOf(c: Context): Promise<Readonly<Record<string, unknown>>> {
  const body: unknown = await c.req.json().catch(() => undefined)
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw new ShopError(400, 'Send an object as JSON.')
  return body as Readonly<Record<string, unknown>>
}

function textIn(body: Readonly<Record<string, unknown>>, field: string): string {
  const value = body[field]
  if (typeof value !== 'string' || value === '' || value.length > MAX_TEXT_CHARACTERS)
    throw new ShopError(400, `${field}: write a text of 1 to ${MAX_TEXT_CHARACTERS} characters.`)
  return value
}

function itemsIn({ items }: Readonly<Record<string, unknown>>): Item[] {
  if (!Array.isArray(items) || items.length === 0 || items.length > MAX_ITEMS)
    throw new ShopError(400, `items: write 1 to ${MAX_ITEMS} items.`)
  return items.map((item: unknown) => {
    const { sku, qty } = (item ?? {}) as Partial<Item>
    if (typeof sku !== 'string') throw new ShopError(400, 'items: each names a sku.')
    if (!Number.isInteger(qty) || qty! < 1 || qty! > MAX_QUANTITY)
      throw new ShopError(400, `items: qty of ${sku} is a whole number from 1 to ${MAX_QUANTITY}.`)
    return { sku, qty: qty! }
  })
}

function numberIn(c: Context): number {
  const text = c.req.param('no') ?? ''
  if (!/^\d{1,9}$/.test(text)) throw new ShopError(404, `There is no order ${text.slice(0, MAX_TEXT_CHARACTERS)}.`)
  return Number(text)
}
