/** The tables of the migration in the old database. */

import { expect, it } from 'vitest'
import { openDatabase } from '../shop/database.ts'
import { copyEvent } from './from-platform.ts'
import { openStore } from './store.ts'

it('a copy from the platform adds nothing to the outbox, and keeps the changes that wait there', () => {
  const db = openDatabase()
  const store = openStore(db)
  const changeTitle = (title: string) =>
    db.prepare('INSERT INTO products (sku, title, price) VALUES (?, ?, ?)').run(title, title, '11.90')
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
    { type: 'order.placed', time, data: placed },
    { type: 'order.completed', time, data: { orderId: 'o-1' } },
    { type: 'price.changed', time, data: { sku: 'TEA-001', unitMinor: 1290, currency: 'EUR' } },
    { type: 'product.published', time, data: { sku: 'TEA-001', name: 'Darjeeling' } },
  ])
    copyEvent(db, store, event)
  expect(db.prepare('SELECT status FROM orders').all()).toMatchObject([{ status: 'done' }])
  expect(db.prepare(`SELECT title, price FROM products WHERE sku = 'TEA-001'`).get()).toMatchObject({
    title: 'Darjeeling',
    price: '12.90',
  })
  expect(store.outbox.read(10)).toEqual(waiting)
  // Later changes of the old shop are captured.
  changeTitle('TEA-003')
  expect(store.outbox.read(10).map(({ key }) => key)).toEqual(['TEA-001', 'TEA-002', 'TEA-003'])
})
