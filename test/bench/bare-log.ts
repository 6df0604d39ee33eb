/**
 * The same three steps with a bare durable log: one process, a request by HTTP, and for each step a transaction in SQLite that
 * is on disk before the next begins. No other process, message or compensation: the difference is the cost of the architecture.
 */

import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import { mkdtempSync, rmSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

export interface BareLog {
  order(): Promise<void>
  close(): void
}

export async function openBareLog(): Promise<BareLog> {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-bare-'))
  const database = new DatabaseSync(join(directory, 'log.sqlite'))
  database.exec(`
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    CREATE TABLE log (id INTEGER PRIMARY KEY, order_id TEXT, type TEXT, data TEXT, at INTEGER);
    CREATE TABLE stock (sku TEXT PRIMARY KEY, on_hand INTEGER, reserved INTEGER);
    CREATE TABLE payments (order_id TEXT PRIMARY KEY, status TEXT, minor INTEGER);
    INSERT INTO stock VALUES ('TEA-001', 1000000000, 0);
  `)
  const append = database.prepare('INSERT INTO log (order_id, type, data, at) VALUES (?, ?, ?, ?)')
  const reserve = database.prepare('UPDATE stock SET reserved = reserved + ? WHERE sku = ? AND on_hand - reserved >= ?')
  const pay = database.prepare(`INSERT INTO payments VALUES (?, 'authorized', ?)`)
  const capture = database.prepare(`UPDATE payments SET status = 'captured' WHERE order_id = ?`)
  const ship = database.prepare('UPDATE stock SET on_hand = on_hand - ?, reserved = reserved - ? WHERE sku = ?')
  const step = (orderId: string, types: readonly string[], data: object, change: () => void): void => {
    database.exec('BEGIN IMMEDIATE')
    change()
    for (const type of types) append.run(orderId, type, JSON.stringify(data), Date.now())
    database.exec('COMMIT')
  }

  const app = new Hono()
  app.post('/v1/orders', async (c) => {
    const { lines } = await c.req.json<{ lines: { sku: string; quantity: number }[] }>()
    const { sku, quantity } = lines[0]!
    const orderId = crypto.randomUUID()
    step(orderId, ['order.placed', 'stock.reserved'], { lines }, () => reserve.run(quantity, sku, quantity))
    step(orderId, ['payment.authorized', 'order.confirmed'], { lines }, () => pay.run(orderId, quantity * 1250))
    step(orderId, ['shipment.dispatched', 'payment.captured', 'order.completed'], { lines }, () => {
      ship.run(quantity, quantity, sku)
      capture.run(orderId)
    })
    return c.json({ orderId, status: 'completed' }, 201)
  })
  const server = await new Promise<ReturnType<typeof serve>>((resolve) => {
    const listening = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }, () => resolve(listening))
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/orders`
  const body = JSON.stringify({ currency: 'EUR', lines: [{ sku: 'TEA-001', quantity: 1 }] })
  return {
    async order() {
      const answer = await fetch(url, { method: 'POST', body, headers: { 'content-type': 'application/json' } })
      if (answer.status !== 201) throw new Error(`The bare log answered ${answer.status}.`)
      await answer.arrayBuffer()
    },
    close() {
      server.close()
      database.close()
      rmSync(directory, { recursive: true })
    },
  }
}
