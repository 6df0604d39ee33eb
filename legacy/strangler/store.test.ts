/** The tables of the migration in the old database. */

import { expect, it } from 'vitest'
import { openDatabase } from '../shop/database.ts'
import { copyEvent } from './from-platform.ts'
import { openStore } from './store.ts'
import { applyChange, messageOf, type PlatformApi } from './to-platform.ts'

it('a copy from the platform adds nothing to the outbox, and keeps the changes that wait there', () => {
  const db = openDatabase()
  const store = openStore(db)
  const changeTitle = (title: string) =>
    db.prepare('INSERT INTO products (sku, title, price) VALUES (?, ?, ?)').run(title, title, '11.90')
  changeTitle('TEA-000')
  store.capture()
  store.setState({ ...store.state(), step: 5 })
  changeTitle('TEA-001')
  changeTitle('TEA-002')
  const waiting = store.outbox.read(10)
  expect(waiting.map(({ table, key }) => [table, key])).toEqual([
    ['products', 'TEA-001'],
    ['products', 'TEA-002'],
  ])

  const time = '2026-01-01T00:00:00.000Z'
  const lines = [{ sku: 'TEA-001', quantity: 1, unitMinor: 1190 }]
  const placed = { orderId: 'o-1', customerRef: 'ada', currency: 'EUR', totalMinor: 1190, lines }
  for (const event of [
    { type: 'order.placed', sequence: 1, time, data: placed },
    { type: 'order.completed', sequence: 2, time, data: { orderId: 'o-1' } },
    { type: 'price.changed', sequence: 2, time, data: { sku: 'TEA-000', unitMinor: 1290, currency: 'EUR' } },
    { type: 'product.published', sequence: 1, time, data: { sku: 'TEA-000', name: 'Darjeeling' } },
  ])
    copyEvent(db, store, event)
  expect(db.prepare('SELECT status FROM orders').all()).toMatchObject([{ status: 'done' }])
  expect(db.prepare(`SELECT title, price FROM products WHERE sku = 'TEA-000'`).get()).toMatchObject({
    title: 'Darjeeling',
    price: '12.90',
  })
  expect(store.outbox.read(10)).toEqual(waiting)
  // Later changes of the old shop are captured.
  changeTitle('TEA-003')
  expect(store.outbox.read(10).map(({ key }) => key)).toEqual(['TEA-001', 'TEA-002', 'TEA-003'])
})

it('a product is copied as the platform had it last, in whichever order and step its events come', () => {
  const db = openDatabase()
  const store = openStore(db)
  const copy = (type: string, sequence: number, data: object) =>
    copyEvent(db, store, { type, sequence, time: '2026-01-01T00:00:00.000Z', data: { sku: 'TEA-001', ...data } })
  const price = (sequence: number, unitMinor: number, currency = 'EUR') =>
    copy('price.changed', sequence, { unitMinor, currency })
  const name = (sequence: number, text: string) => copy('product.published', sequence, { name: text })
  const product = () => ({ ...db.prepare('SELECT title, price FROM products').get() })
  db.exec(`INSERT INTO products VALUES ('TEA-001', 'Assam', '9.90')`)
  store.setState({ ...store.state(), step: 4 })
  name(3, 'Assam')
  price(4, 990)
  store.setState({ ...store.state(), step: 5 })
  name(1, 'Tea')
  price(2, 500)
  expect(product()).toEqual({ title: 'Assam', price: '9.90' })
  price(6, 1290)
  name(7, 'Darjeeling')
  price(8, 1, 'USD')
  price(5, 1190)
  name(5, 'Assam, 100 g')
  expect(product()).toEqual({ title: 'Darjeeling', price: '12.90' })
  price(7, 1390)
  expect(product()).toEqual({ title: 'Darjeeling', price: '13.90' })
})

it('a price that the office sets while a former one comes back from the platform is not lost', () => {
  const db = openDatabase()
  const store = openStore(db)
  const setPrice = (price: string) =>
    db
      .prepare(`INSERT INTO products VALUES ('TEA-001', 'Tea', ?) ON CONFLICT DO UPDATE SET price = excluded.price`)
      .run(price)
  const comeBack = (sequence: number, unitMinor: number) =>
    copyEvent(db, store, {
      type: 'price.changed',
      sequence,
      time: '2026-01-01T00:00:00.000Z',
      data: { sku: 'TEA-001', unitMinor, currency: 'EUR' },
    })
  store.capture()
  store.setState({ ...store.state(), step: 5, percent: 10 })
  setPrice('9.90')
  store.outbox.remove(1)
  setPrice('12.90')
  comeBack(1, 990)
  const bodies = store.outbox.read(10).map((row) => messageOf(db, store, row))
  expect(bodies).toMatchObject([{ body: { unitMinor: 1290 } }])
  store.outbox.remove(2)
  comeBack(2, 1290)
  expect(db.prepare('SELECT price FROM products').get()).toEqual({ price: '12.90' })
})

it('changes of a row that come in another order leave the platform with the last one', async () => {
  const store = openStore(openDatabase())
  const sent: object[] = []
  const api: Pick<PlatformApi, 'send'> = {
    send: async (_role, _method, _path, given) => void sent.push(given!.body!) as never,
  }
  const apply = (sequence: number, unitMinor: number) =>
    applyChange(
      api,
      store,
      {
        change: { sequence, table: 'products', key: 'TEA-001' },
        path: '/v1/products',
        role: 'admin',
        body: { unitMinor },
      },
      `m-${sequence}`,
    )
  await apply(2, 1290)
  await apply(1, 990)
  await apply(2, 1290)
  await apply(3, 1390)
  expect(sent).toEqual([1290, 1290, 1390].map((unitMinor) => ({ unitMinor })))
})

it('a copy of an order whose end came first has ended', () => {
  const db = openDatabase()
  const store = openStore(db)
  const time = '2026-01-01T00:00:00.000Z'
  const placed = { orderId: 'o-1', customerRef: 'ada', currency: 'EUR', totalMinor: 0, lines: [] }
  copyEvent(db, store, { type: 'order.rejected', sequence: 2, time, data: { orderId: 'o-1' } })
  copyEvent(db, store, { type: 'order.placed', sequence: 1, time, data: placed })
  expect(db.prepare('SELECT status FROM orders').all()).toEqual([{ status: 'cancelled' }])
})

it('a database from before the hash of a request was kept gets a place for it', () => {
  const db = openDatabase()
  openStore(db)
  db.exec('ALTER TABLE strangler_orders DROP COLUMN hash')
  const store = openStore(db)
  store.setOfPlatform('o-1', { status: 'done', hash: 'abc' })
  expect(db.prepare('SELECT id, hash FROM strangler_orders').get()).toEqual({ id: 'o-1', hash: 'abc' })
})
