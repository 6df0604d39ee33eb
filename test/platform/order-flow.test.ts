/** One order through real services over the real protocols, from POST to a row in BigQuery. */

import { BigQuery } from '@google-cloud/bigquery'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { references, type TestCard } from '../../functions/shop/cli/references.ts'
import { announce, run, temporaryDirectory } from '../support/command.ts'
import { startTestPlatform, type TestPlatform } from '../support/platform.ts'
import { stateOf } from '../support/state.ts'

let platform: TestPlatform

beforeAll(async () => {
  platform = await startTestPlatform()
  process.env['BIGQUERY_EMULATOR_HOST'] = `http://${platform.running.apiHost}`
}, 120_000)
afterAll(() => platform.close(), 30_000)

const place = async (line: { sku: string; quantity: number }, card: TestCard = 'card-ok') => {
  const api = platform.customer()
  const { body } = await api.send<{ orderId: string }>('POST', '/v1/orders', {
    key: crypto.randomUUID(),
    body: { currency: 'EUR', lines: [line], ...(await references(api, card)) },
  })
  return platform.followed(api, body.orderId)
}

const find = (orderId: string) => platform.customer().send<{ status: string }>('GET', `/v1/orders/${orderId}`)

describe('an order', () => {
  it('completes, and BigQuery holds each of its events once', { timeout: 60_000 }, async () => {
    const before = platform.cloud.counters()
    const order = await place({ sku: 'TEA-001', quantity: 2 })
    expect(order).toMatchObject({ status: 'completed', totalMinor: 2380, currency: 'EUR' })
    expect(order.timeline.entries?.map(({ type }) => type).toSorted()).toEqual([
      'order.completed',
      'order.confirmed',
      'order.placed',
      'order.released',
      'payment.authorized',
      'payment.captured',
      'shipment.created',
      'shipment.dispatched',
      'stock.committed',
      'stock.reserved',
    ])
    const bigquery = new BigQuery({ projectId: platform.running.projectId })
    const read = async () => {
      const [rows] = await bigquery.query({
        query: 'SELECT id FROM analytics.event_log WHERE correlation_id = @orderId',
        params: { orderId: order.orderId },
      })
      return rows as { id: string }[]
    }
    await expect.poll(async () => (await read()).length, { timeout: 10_000 }).toBe(10)
    expect(new Set((await read()).map(({ id }) => id))).toEqual(
      new Set(order.timeline.entries?.map(({ eventId }) => eventId)),
    )

    const after = platform.cloud.counters()
    const grown = (counter: string): number => (after[counter] ?? 0) - (before[counter] ?? 0)
    expect({
      redeliveries: grown('pubsub.redeliveries'),
      retries: grown('tasks.retries'),
      serverErrors: grown('run.5xx'),
    }).toEqual({
      redeliveries: 0,
      retries: 0,
      serverErrors: 0,
    })
  })

  it('completes once the customer has acted on a page of the provider, who tells it', { timeout: 60_000 }, async () => {
    const api = platform.customer()
    const { body } = await api.send<{ orderId: string }>('POST', '/v1/orders', {
      key: crypto.randomUUID(),
      body: {
        currency: 'EUR',
        lines: [{ sku: 'TEA-001', quantity: 1 }],
        ...(await references(api, 'card-action-required')),
      },
    })
    const { ledger, url } = platform.paymentProvider
    await expect.poll(() => ledger.find(`${body.orderId}:auth`)?.status, { timeout: 20_000 }).toBe('action-required')
    expect((await find(body.orderId)).body.status).toBe('pending')
    const page = `${url}/actions/${encodeURIComponent(`action-${body.orderId}:auth`)}`
    const headers = { 'content-type': 'application/json', 'x-millrace-secret': platform.cloud.secret }
    expect((await fetch(page, { method: 'POST', headers, body: '{"outcome":"authorized"}' })).status).toBe(200)
    expect(await platform.followed(api, body.orderId)).toMatchObject({ status: 'completed' })
  })

  it('is rejected when stock is short', { timeout: 60_000 }, async () => {
    const order = await place({ sku: 'OUT-OF-STOCK', quantity: 1 })
    expect(order.status).toBe('rejected')
    expect(order.timeline.entries?.map(({ type }) => type)).toEqual(
      expect.arrayContaining(['order.placed', 'stock.rejected', 'order.rejected']),
    )
  })

  it('gives the stock back when the card is declined', { timeout: 60_000 }, async () => {
    const staff = platform.staff()
    const stock = async () => (await staff.send<{ available: number }>('GET', '/v1/stock/TEA-002')).body.available
    const before = await stock()
    const order = await place({ sku: 'TEA-002', quantity: 3 }, 'card-declined')
    expect(order.status).toBe('rejected')
    await expect.poll(stock, { timeout: 10_000 }).toBe(before)
  })
})

it('has the digits of its currency, when it is placed and in BigQuery', { timeout: 120_000 }, async () => {
  const data = temporaryDirectory()
  onTestFinished(() => data.remove())
  announce(platform, data.path)
  const products = [
    { sku: 'IN-JPY', currency: 'JPY', unitMinor: 1_250 },
    { sku: 'IN-KWD', currency: 'KWD', unitMinor: 1_255 },
  ]
  const staff = platform.staff()
  const lines = products.map(({ sku }) => ({ sku, quantity: 10 }))
  await staff.send('POST', '/v1/stock', { key: 'currencies', body: { lines } })
  for (const product of products)
    await staff.send('POST', '/v1/products', { key: product.sku, body: { ...product, name: 'Tea' } })
  for (const path of products.flatMap(({ sku }) => [`/v1/stock/${sku}`, `/v1/products/${sku}`]))
    await vi.waitFor(() => staff.send('GET', path), { timeout: 20_000 })
  // Orders prices by its own replica, which hears of a product after the catalog shows it.
  const state = stateOf(platform)
  onTestFinished(() => state.close())
  const priced = async (): Promise<unknown[]> => (await state.collection('orders', 'prices')).map(({ id }) => id)
  await expect.poll(priced, { timeout: 20_000 }).toEqual(expect.arrayContaining(products.map(({ sku }) => sku)))

  const ends: string[] = []
  for (const { sku, currency } of products) {
    const typed = ['--sku', sku, '--quantity', '2', '--currency', currency]
    const { stdout } = await run('functions/shop/cli/order.ts', typed, data.path)
    ends.push(stdout.trim().split('\n').at(-1)!)
  }
  expect(ends).toEqual(['completed: 2500 JPY', 'completed: 2.510 KWD'])

  const query = async (...typed: string[]): Promise<string> =>
    (await run('cli/query.ts', typed, data.path)).stdout.trim()
  const sql =
    "SELECT currency, revenue, revenue_minor FROM analytics.revenue_by_day WHERE currency <> 'EUR' ORDER BY currency"
  await vi.waitFor(
    async () =>
      expect(JSON.parse(await query(sql, '--json'))).toEqual([
        { currency: 'JPY', revenue: '2500', revenue_minor: 2_500 },
        { currency: 'KWD', revenue: '2.51', revenue_minor: 2_510 },
      ]),
    { timeout: 30_000 },
  )
  const sold = (await query('units-by-sku')).split('\n').filter((line) => line.startsWith('IN-'))
  expect(sold).toEqual([
    expect.stringMatching(/^IN-JPY +JPY +2 +2500$/),
    expect.stringMatching(/^IN-KWD +KWD +2 +2\.51$/),
  ])
})
