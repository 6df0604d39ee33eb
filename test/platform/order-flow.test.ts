/** One order through real services over the real protocols, from POST to a row in BigQuery. */

import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { Api } from '../../cli/api.ts'
import type { OrderView } from '../../functions/shop/cli/order-view.ts'
import type { TestCard } from '../../functions/shop/cli/references.ts'
import { type Ended, run } from '../support/command.ts'
import { googleClients } from '../support/google-clients.ts'
import { joinPlatform } from '../support/joined-platform.ts'

const platform = joinPlatform('order-flow')
const google = googleClients(platform)
const SKU = 'FLOW-1'

beforeAll(
  () =>
    platform.sell(
      { sku: SKU, unitMinor: 1190 },
      { sku: `${SKU}-RETURNED`, unitMinor: 890 },
      { sku: `${SKU}-CANCELLED`, unitMinor: 990 },
    ),
  60_000,
)
afterAll(() => google.close())

const end = async (line: { sku: string; quantity: number }, card: TestCard = 'card-ok') =>
  platform.followed(platform.customer(), await platform.place(line, { card }))

describe('an order', () => {
  it('completes, and BigQuery holds each of its events once', { timeout: 60_000 }, async () => {
    const order = await end({ sku: SKU, quantity: 2 })
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
    const read = () =>
      google.rows<{ id: string }>('SELECT id FROM analytics.event_log WHERE correlation_id = @orderId', {
        orderId: order.orderId,
      })
    await expect.poll(async () => (await read()).length, { timeout: 10_000 }).toBe(10)
    expect(new Set((await read()).map(({ id }) => id))).toEqual(
      new Set(order.timeline.entries?.map(({ eventId }) => eventId)),
    )
  })

  it("completes after the customer's action on the provider's page, by a webhook", { timeout: 60_000 }, async () => {
    const orderId = await platform.place({ sku: SKU, quantity: 1 }, { card: 'card-action-required' })
    const authorization = async () =>
      (await platform.ledger()).authorizations.find(({ key }) => key === `${orderId}:auth`)?.status
    await expect.poll(authorization, { timeout: 20_000 }).toBe('action-required')
    const api = platform.customer()
    expect((await api.send<{ status: string }>('GET', `/v1/orders/${orderId}`)).body.status).toBe('pending')
    const provider = `http://127.0.0.1:${platform.ports.partner('payment-provider')}`
    const page = `${provider}/actions/${encodeURIComponent(`action-${orderId}:auth`)}`
    const headers = { 'content-type': 'application/json', 'x-local-cloud-secret': platform.running.secret }
    expect((await fetch(page, { method: 'POST', headers, body: '{"outcome":"authorized"}' })).status).toBe(200)
    expect(await platform.followed(api, orderId)).toMatchObject({ status: 'completed' })
  })

  it('is rejected when stock is short', { timeout: 60_000 }, async () => {
    const order = await end({ sku: 'OUT-OF-STOCK', quantity: 1 })
    expect(order.status).toBe('rejected')
    expect(order.timeline.entries?.map(({ type }) => type)).toEqual(
      expect.arrayContaining(['order.placed', 'stock.rejected', 'order.rejected']),
    )
  })

  it('releases the stock when the card is declined', { timeout: 60_000 }, async () => {
    const staff = platform.staff()
    const stock = async () =>
      (await staff.send<{ available: number }>('GET', `/v1/stock/${SKU}-RETURNED`)).body.available
    const before = await stock()
    const order = await end({ sku: `${SKU}-RETURNED`, quantity: 3 }, 'card-declined')
    expect(order.status).toBe('rejected')
    await expect.poll(stock, { timeout: 10_000 }).toBe(before)
  })
})

describe('a refund by staff', () => {
  const refund = (orderId: string, amountMinor: number, key: string = crypto.randomUUID()) =>
    platform.staff().send<{ refundId: string }>('POST', `/v1/orders/${orderId}/refunds`, {
      key,
      body: { amountMinor, reason: 'it was broken' },
    })
  const paymentOf = async (orderId: string) =>
    (await platform.customer().send<OrderView>('GET', `/v1/orders/${orderId}`)).body.payment
  const waits = { timeout: 20_000 }

  it('gives everything back, and a further one is refused with what is left', { timeout: 60_000 }, async () => {
    const { orderId } = await end({ sku: SKU, quantity: 2 })
    expect(await paymentOf(orderId)).toEqual({ capturedMinor: 2380, refundedMinor: 0, refunds: [] })
    const key = crypto.randomUUID()
    const { refundId } = (await refund(orderId, 2380, key)).body
    const issued = { refundId, status: 'issued', amountMinor: 2380 }
    await expect
      .poll(() => paymentOf(orderId), waits)
      .toEqual({ capturedMinor: 2380, refundedMinor: 2380, refunds: [issued] })
    const { authorizations, postings } = await platform.ledger()
    expect(authorizations.find(({ reference }) => reference === orderId)).toMatchObject({ refundedMinor: 2380 })
    expect(postings.filter(({ kind, key: of }) => kind === 'refund' && of.includes(orderId))).toHaveLength(1)

    expect((await refund(orderId, 2380, key)).body.refundId).toBe(refundId)
    await expect(refund(orderId, 1)).rejects.toMatchObject({ problem: { status: 409, code: 'more-than-captured' } })
    await expect(refund(orderId, 2379, key)).rejects.toMatchObject({ problem: { status: 409 } })
  })

  it("is shown as pending until the provider's webhook reports that it was paid", { timeout: 60_000 }, async () => {
    const { orderId } = await end({ sku: SKU, quantity: 1 }, 'card-refund-pending')
    await refund(orderId, 190)
    await expect.poll(() => paymentOf(orderId), waits).toMatchObject({ refunds: [{ status: 'pending' }] })
    await expect
      .poll(() => paymentOf(orderId), waits)
      .toMatchObject({ capturedMinor: 1190, refundedMinor: 190, refunds: [{ status: 'issued' }] })
  })
})

describe('a command of staff', () => {
  const price = (sku: string) => ({ key: crypto.randomUUID(), body: { sku, unitMinor: 1190, currency: 'EUR' } })
  const statusOf = (commandId: string, api = platform.staff()) =>
    api.send<{ status: string; code?: string }>('GET', `/v1/commands/${commandId}`)

  it('is answered with its outcome to a caller who waits', { timeout: 60_000 }, async () => {
    const staff = platform.staff()
    const done = await staff.send<{ commandId: string }>('POST', '/v1/prices', { ...price(SKU), waitSeconds: 20 })
    expect(done).toMatchObject({ status: 200, body: { status: 'done' } })
    expect((await statusOf(done.body.commandId)).body).toMatchObject({ command: 'ChangePrice', status: 'done' })
    const refused = staff.send('POST', '/v1/prices', { ...price('NEVER-SOLD'), waitSeconds: 20 })
    await expect(refused).rejects.toMatchObject({ problem: { status: 422, code: 'unknown-sku' } })
  })

  it('has a status with the reason of its refusal, which customers can not read', { timeout: 60_000 }, async () => {
    const { status, body } = await platform
      .staff()
      .send<{ commandId: string }>('POST', '/v1/prices', price('NEVER-SOLD'))
    expect(status).toBe(202)
    await expect
      .poll(async () => (await statusOf(body.commandId)).body, { timeout: 20_000 })
      .toMatchObject({ status: 'refused', code: 'unknown-sku', detail: expect.stringContaining('NEVER-SOLD') })
    await expect(statusOf(body.commandId, platform.customer())).rejects.toMatchObject({ problem: { status: 404 } })
  })
})

describe('an order that its customer cancels', () => {
  const cancel = (api: Api, orderId: string): Promise<unknown> =>
    api.send('POST', `/v1/orders/${orderId}/cancel`, { key: 'cancel-1', body: { reason: 'changed-mind' } })

  it('before the pivot ends cancelled: its stock is back, and its payment is voided', { timeout: 60_000 }, async () => {
    const api = platform.customer()
    const orderId = await platform.place({ sku: `${SKU}-CANCELLED`, quantity: 4 }, { card: 'card-action-required' })
    const authorization = async () =>
      (await platform.ledger()).authorizations.find(({ key }) => key === `${orderId}:auth`)?.status
    await expect.poll(authorization, { timeout: 20_000 }).toBe('action-required')
    const stranger = cancel(platform.customer('order-flow-stranger'), orderId)
    await expect(stranger).rejects.toMatchObject({ problem: { status: 404 } })

    await cancel(api, orderId)
    // The same request again is the same command, also when it is done.
    await cancel(api, orderId)
    const order = await platform.followed(api, orderId)
    expect(order).toMatchObject({ status: 'cancelled', reason: 'cancelled-by-customer' })
    await expect.poll(authorization, { timeout: 20_000 }).toBe('voided')
    const stock = async () => (await platform.staff().send<object>('GET', `/v1/stock/${SKU}-CANCELLED`)).body
    await expect.poll(stock, { timeout: 20_000 }).toMatchObject({ available: 1_000, reserved: 0, sold: 0 })
    const read = () => google.rows('SELECT status, reason FROM analytics.orders WHERE order_id = @orderId', { orderId })
    await expect.poll(read, { timeout: 20_000 }).toEqual([{ status: 'cancelled', reason: 'changed-mind' }])
  })

  it('by npm run order -- --cancel is followed to its end', { timeout: 60_000 }, async () => {
    const orderId = await platform.place({ sku: SKU, quantity: 1 }, { card: 'card-action-required' })
    const typed = ['--cancel', orderId, '--customer', 'order-flow', '--reason', 'found-elsewhere']
    const { code, stdout } = await run('functions/shop/cli/order.ts', typed, platform.running.dataDirectory)
    expect(code).toBe(0)
    expect(stdout).toMatch(/order\.cancel-requested +orders/)
    expect(stdout.trim().split('\n').at(-1)).toBe('cancelled (cancelled-by-customer): 11.90 EUR')
  })

  it('after it was shipped is refused with the reason', { timeout: 60_000 }, async () => {
    const { orderId } = await end({ sku: SKU, quantity: 1 })
    await expect(cancel(platform.customer(), orderId)).rejects.toMatchObject({
      problem: { status: 409, code: 'already-completed' },
    })
  })
})

it("an order has its currency's minor digits in the answer and in BigQuery", { timeout: 120_000 }, async () => {
  const products = [
    { sku: 'IN-JPY', currency: 'JPY', unitMinor: 1_250 },
    { sku: 'IN-KWD', currency: 'KWD', unitMinor: 1_255 },
  ]
  await platform.sell(...products)
  const ends: string[] = []
  for (const { sku, currency } of products) {
    const typed = ['--sku', sku, '--quantity', '2', '--currency', currency]
    const { stdout } = await run('functions/shop/cli/order.ts', typed, platform.running.dataDirectory)
    ends.push(stdout.trim().split('\n').at(-1)!)
  }
  expect(ends).toEqual(['completed: 2500 JPY', 'completed: 2.510 KWD'])

  const query = async (...typed: string[]): Promise<string> =>
    (await run('cli/query.ts', typed, platform.running.dataDirectory)).stdout.trim()
  const sql =
    "SELECT currency, revenue, revenue_minor FROM analytics.revenue_by_day WHERE currency IN ('JPY', 'KWD') ORDER BY currency"
  await vi.waitFor(
    async () =>
      expect(JSON.parse(await query(sql, '--json'))).toEqual([
        { currency: 'JPY', revenue: '2500', revenue_minor: '2500' },
        { currency: 'KWD', revenue: '2.51', revenue_minor: '2510' },
      ]),
    { timeout: 30_000 },
  )
  const sold = (await query('units-by-sku')).split('\n').filter((line) => line.startsWith('IN-'))
  expect(sold).toEqual([
    expect.stringMatching(/^IN-JPY +JPY +2 +2500$/),
    expect.stringMatching(/^IN-KWD +KWD +2 +2\.51$/),
  ])
})

it('npm run query lists tables and columns, and suggests the nearest for an unknown table', async () => {
  const query = (...typed: string[]): Promise<Ended> => run('cli/query.ts', typed, platform.running.dataDirectory)
  const tables = JSON.parse((await query('--tables', '--json')).stdout) as unknown
  expect(tables).toEqual(
    expect.arrayContaining([
      { table: 'analytics.orders', type: 'view' },
      { table: 'events.orders', type: 'table' },
    ]),
  )
  expect((await query('--describe', 'analytics.orders')).stdout).toMatch(/^total_minor +INTEGER +NULLABLE$/m)
  const suggestion = expect.stringContaining('Did you mean analytics.orders?') as string
  expect(await query('--describe', 'analytics.order')).toMatchObject({ code: 1, stderr: suggestion })
  expect(await query('SELECT * FROM analytics.ordrs')).toMatchObject({ code: 1, stderr: suggestion })
}, 60_000)
