/**
 * The views over every extreme that contracts allow, and over rows that break them: each event is there, and no row makes a
 * view fail.
 */

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { business, services } from '../../functions/index.ts'
import { limits } from '../../functions/shop/fields.ts'
import { tools } from '../../functions/tools.ts'
import { eventsTable } from '../../shared/base/names.ts'
import { runtimeContracts } from '../../shared/contracts/runtime-events.ts'
import { message } from '../../shared/runtime/deliver.testing.ts'
import { keeping } from '../support/by-schema.ts'
import { root } from '../support/root.ts'
import { wholeLists } from '../support/whole-lists.ts'
import { type Analytics, local, openAnalytics } from './analytics.testing.ts'
import { judgeByGoldenQueries } from './golden.testing.ts'
import { declared } from './synthesized.testing.ts'

let analytics: Analytics
beforeAll(async () => {
  analytics = await openAnalytics()
}, 60_000)
afterAll(() => analytics?.close())

const insert = (owner: string, envelopes: readonly unknown[], publishTime = '2026-01-01T00:00:00Z'): Promise<unknown> =>
  analytics.insert(
    owner,
    envelopes.map((envelope) => ({ envelope, publishTime })),
  )
const query = <Row>(sql: string): Promise<Row[]> => analytics.query<Row>(sql)
const readEveryView = async (): Promise<Record<string, number>> =>
  Object.fromEntries(
    await Promise.all(
      ['event_log', 'recent_events', 'unreadable_events', ...business.views.names].map(
        async (name) => [name, (await query(`SELECT * FROM analytics.${name}`)).length] as const,
      ),
    ),
  )

judgeByGoldenQueries(() => analytics)

/** Of each type of events; each has the extremes that `keeping` draws most often. */
const SAMPLES = wholeLists ? 40 : 2

describe('an event of every type', () => {
  it('with any data that its contract allows is read by every view', async () => {
    const all = services.flatMap(({ name, contracts: { events } }) =>
      Object.entries(events).map(([type, { data, version }]) => ({ name, type, data, version })),
    )
    let sent = 0
    for (const { name, type, data, version } of all) {
      const allowed = keeping(data).filter((sample) => data.safeParse(sample).success)
      const samples = fc.sample(allowed, { numRuns: SAMPLES, seed: 20_261_128 })
      const envelopes = samples.map((sample, index) =>
        message(type, sample as object, { subject: `s-${index}`, key: index, source: name, version }),
      )
      await insert(name, envelopes)
      sent += envelopes.length
    }
    const found = await readEveryView()
    expect(found['event_log']).toBe(sent)
    // Placed and imported ones.
    expect(found['orders']).toBe(2 * SAMPLES)
    const [missing] = await query<{ n: number }>(
      'SELECT COUNTIF(total IS NULL OR placed_at IS NULL OR received_at IS NULL) AS n FROM analytics.orders',
    )
    expect(missing!.n).toBe(0)
  })
})

const placed = (id: string, data: object, envelope: object = {}): object => ({
  ...message('order.placed', { orderId: id, ...data }, { subject: id, source: 'orders' }),
  ...envelope,
})
const completed = (id: string, time?: string): object =>
  message('order.completed', { orderId: id }, { subject: id, source: 'orders', ...(time ? { time } : {}) })

it('recent_events has the events of the last 35 days, each once', async () => {
  const before = (days: number): string => new Date(Date.now() - days * 86_400_000).toISOString()
  for (const days of [34, 34, 36]) await insert('orders', [completed(`recent-${days}`, before(days))], before(days))
  // As a service publishes its old events again, to lists that are built anew.
  await insert('orders', [completed('recent-36', before(36))], before(0))
  const ids = (view: string) =>
    query<{ subject: string }>(
      `SELECT subject FROM analytics.${view} WHERE STARTS_WITH(subject, 'recent-') ORDER BY subject`,
    )
  expect(await ids('event_log')).toEqual([{ subject: 'recent-34' }, { subject: 'recent-36' }])
  expect(await ids('recent_events')).toEqual([{ subject: 'recent-34' }])
})

it('orders of as many lines as are allowed are summed in the memory of a few', { timeout: 60_000 }, async () => {
  const lines = Array.from({ length: limits.linesPerOrder }, (_, index) => ({
    lineId: String(index + 1),
    sku: `${index}`.padStart(limits.skuCharacters, 'x'),
    quantity: 100,
    unitMinor: 10_000,
  }))
  const ids = Array.from({ length: 6 }, (_, index) => `large-${index}`)
  const data = { customerRef: 'c', lines, shippingMinor: 0, totalMinor: 1_000_000_000, currency: 'SEK' }
  for (const id of ids)
    await insert('orders', [placed(id, { ...data, placedAt: '2026-01-01T00:00:00Z' }), completed(id)])
  const [sum] = await query<{ skus: number; units: number }>(
    "SELECT COUNT(*) AS skus, SUM(units) AS units FROM analytics.units_by_sku WHERE currency = 'SEK'",
  )
  expect(sum).toEqual({ skus: limits.linesPerOrder, units: ids.length * limits.linesPerOrder * 100 })
})

it('revenue is what was captured and neither refunded nor lost in a dispute; an unpaid shipment and the last status of a refund are shown', async () => {
  const order = { customerRef: 'c', lines: [], shippingMinor: 0, totalMinor: 1_000, currency: 'CHF' }
  const ofPayments = (id: string, type: string, key: string, data: object): object =>
    message(type, { orderId: id, currency: 'CHF', ...data }, { subject: id, source: 'payments', key: `${type}-${key}` })
  const captured = (id: string, shipmentId: string, amountMinor: number): object =>
    ofPayments(id, 'payment.captured', shipmentId, { shipmentId, amountMinor })
  const refund = (id: string, status: string, refundId: string, amountMinor: number): object =>
    ofPayments(id, `refund.${status}`, refundId, { refundId, amountMinor, reason: 'damaged' })
  const dispute = (id: string, disputeId: string, sequence: number, outcome?: 'won' | 'lost'): object =>
    message(
      outcome ? 'payment.dispute-closed' : 'payment.disputed',
      {
        orderId: id,
        currency: 'CHF',
        disputeId,
        amountMinor: 20,
        ...(outcome ? { outcome } : { reason: 'fraudulent' }),
      },
      { subject: id, source: 'payments', sequence, key: `${disputeId} ${sequence}` },
    )
  const ids = ['refunded', 'returned', 'unpaid', 'recaptured']
  const confirmed = ids.map((id) => message('order.confirmed', { orderId: id }, { subject: id, source: 'orders' }))
  await insert('orders', [...ids.map((id) => placed(id, { ...order, placedAt: '2026-01-02T00:00:00Z' })), ...confirmed])
  await insert('payments', [
    captured('refunded', 's-1', 600),
    captured('refunded', 's-2', 400),
    refund('refunded', 'pending', 'r-1', 300),
    refund('refunded', 'issued', 'r-1', 300),
    refund('refunded', 'pending', 'r-2', 100),
    captured('returned', 's-1', 1_000),
    refund('returned', 'issued', 'r-1', 1_000),
    refund('returned', 'failed', 'r-1', 1_000),
    ofPayments('unpaid', 'payment.capture-failed', 's-1', { shipmentId: 's-1', code: 'not-authorized' }),
    ofPayments('recaptured', 'payment.capture-failed', 's-1', { shipmentId: 's-1', code: 'not-authorized' }),
    captured('recaptured', 's-1', 50),
    dispute('returned', 'du-lost', 11),
    dispute('returned', 'du-lost', 12, 'lost'),
    dispute('returned', 'du-open', 13),
    dispute('refunded', 'du-won', 11),
    dispute('refunded', 'du-won', 12, 'won'),
    // An appeal, which arrives before what it reverses.
    dispute('refunded', 'du-appeal', 15, 'lost'),
    dispute('refunded', 'du-appeal', 14, 'won'),
  ])
  const revenue = await query("SELECT * EXCEPT (day) FROM analytics.revenue_by_day WHERE currency = 'CHF'")
  expect(JSON.parse(JSON.stringify(revenue))).toEqual([
    {
      currency: 'CHF',
      orders: 3,
      captured_minor: '2050',
      refunded_minor: '300',
      disputed_minor: '40',
      revenue_minor: '1710',
      revenue: '17.1',
    },
  ])
  expect(
    await query(
      "SELECT order_id, dispute_id, status, amount_minor, reason FROM analytics.disputes WHERE currency = 'CHF' ORDER BY 2",
    ),
  ).toEqual([
    { order_id: 'refunded', dispute_id: 'du-appeal', status: 'lost', amount_minor: 20, reason: null },
    { order_id: 'returned', dispute_id: 'du-lost', status: 'lost', amount_minor: 20, reason: 'fraudulent' },
    { order_id: 'returned', dispute_id: 'du-open', status: 'open', amount_minor: 20, reason: 'fraudulent' },
    { order_id: 'refunded', dispute_id: 'du-won', status: 'won', amount_minor: 20, reason: 'fraudulent' },
  ])
  expect(
    await query("SELECT order_id, refund_id, status FROM analytics.refunds WHERE currency = 'CHF' ORDER BY 1, 2"),
  ).toEqual([
    { order_id: 'refunded', refund_id: 'r-1', status: 'issued' },
    { order_id: 'refunded', refund_id: 'r-2', status: 'pending' },
    { order_id: 'returned', refund_id: 'r-1', status: 'failed' },
  ])
  expect(await query("SELECT order_id FROM analytics.orders WHERE status = 'payment-failed'")).toContainEqual({
    order_id: 'unpaid',
  })
  expect(await query("SELECT status FROM analytics.orders WHERE order_id = 'recaptured'")).toEqual([
    { status: 'confirmed' },
  ])
})

it('the status of an open order is the one that it entered last, by the order of its stream', async () => {
  type Lived = readonly (readonly [type: string, data?: object])[]
  const changed = (status: string) => ['order.status-changed', { status }] as const
  const needed = ['order.payment-needed', { reason: 'authorization-lapsed' }] as const
  const confirmed = ['order.confirmed'] as const
  const lives: Readonly<Record<string, { readonly events: Lived; readonly status: string }>> = {
    requested: { events: [needed], status: 'payment-needed' },
    continued: { events: [needed, ['order.payment-continued'], changed('pending')], status: 'pending' },
    // The customer approved it: no other payment method continued it.
    approved: { events: [needed, confirmed], status: 'confirmed' },
    lapsed: { events: [confirmed, needed], status: 'payment-needed' },
    // All of its goods had left a moment before they were to be held.
    'left before the hold': { events: [confirmed, needed, changed('confirmed')], status: 'confirmed' },
    renewed: { events: [confirmed, needed, ['order.payment-renewed']], status: 'confirmed' },
    refused: { events: [confirmed, changed('payment-failed')], status: 'payment-failed' },
    'refused and lapsed': { events: [confirmed, changed('payment-failed'), needed], status: 'payment-needed' },
    paid: { events: [confirmed, changed('payment-failed'), changed('confirmed')], status: 'confirmed' },
    'lapsed again': {
      events: [confirmed, needed, changed('confirmed'), ['order.payment-renewed'], needed],
      status: 'payment-needed',
    },
    ended: { events: [confirmed, needed, ['order.completed']], status: 'completed' },
  }
  const order = {
    customerRef: 'c',
    lines: [],
    shippingMinor: 0,
    totalMinor: 1,
    currency: 'DKK',
    placedAt: '2026-01-02',
  }
  for (const [id, { events }] of Object.entries(lives)) {
    const subject = `dkk ${id}`
    const rest = events.map(([type, data = {}], at) =>
      message(type, { orderId: subject, ...data }, { subject, source: 'orders', sequence: at + 2, key: `${id} ${at}` }),
    )
    // Pub/Sub delivers events in any order, and their times may be equal.
    await insert('orders', [...rest, placed(subject, order)].toReversed())
  }
  expect(await query("SELECT order_id, status FROM analytics.orders WHERE currency = 'DKK' ORDER BY 1")).toEqual(
    Object.entries(lives)
      .map(([id, { status }]) => ({ order_id: `dkk ${id}`, status }))
      .toSorted((a, b) => (a.order_id < b.order_id ? -1 : 1)),
  )
})

it('each shipment has its status and its times: a corrected one is no longer refused, and a cancelled one waits for no carrier', async () => {
  const ofShipping = (shipmentId: string, type: string, data: object = {}): object =>
    message(
      type,
      { orderId: 'two-parcels', shipmentId, ...data },
      { subject: 'two-parcels', source: 'shipping', key: `${type} ${shipmentId}` },
    )
  await insert('shipping', [
    ...['s-1', 's-2', 's-3'].map((id) => ofShipping(id, 'shipment.created')),
    ofShipping('s-1', 'shipment.failed', { code: 'address-unknown', stage: 'booking' }),
    ofShipping('s-1', 'shipment.dispatched', { trackingRef: 't-1' }),
    ofShipping('s-1', 'shipment.delivered'),
    ofShipping('s-2', 'shipment.dispatched', { trackingRef: 't-2' }),
    ofShipping('s-2', 'shipment.failed', { code: 'recipient-unknown', stage: 'delivery' }),
    ofShipping('s-3', 'shipment.failed', { code: 'not-serviceable', stage: 'booking' }),
    ...['s-4', 's-5', 's-6'].map((id) => ofShipping(id, 'shipment.created')),
    ofShipping('s-4', 'shipment.failed', { code: 'not-serviceable', stage: 'booking' }),
    message(
      'shipment.cancel-decided',
      { orderId: 'two-parcels', cancellationId: 'c-1', cancelledShipments: ['s-4', 's-5'] },
      { subject: 'two-parcels', source: 'shipping', key: 'decided' },
    ),
  ])
  const found = await query(
    "SELECT shipment_id, status, code, tracking_ref, delivered_at IS NULL AS is_open FROM analytics.shipments WHERE order_id = 'two-parcels' ORDER BY 1",
  )
  expect(found).toEqual([
    { shipment_id: 's-1', status: 'delivered', code: 'address-unknown', tracking_ref: 't-1', is_open: false },
    { shipment_id: 's-2', status: 'returned', code: 'recipient-unknown', tracking_ref: 't-2', is_open: true },
    { shipment_id: 's-3', status: 'refused', code: 'not-serviceable', tracking_ref: null, is_open: true },
    { shipment_id: 's-4', status: 'cancelled', code: 'not-serviceable', tracking_ref: null, is_open: true },
    { shipment_id: 's-5', status: 'cancelled', code: null, tracking_ref: null, is_open: true },
    { shipment_id: 's-6', status: 'created', code: null, tracking_ref: null, is_open: true },
  ])
})

it('cancelled pieces are not sold, and cancellations are counted by reason, stage and outcome', async () => {
  const line = (lineId: string, quantity: number): object => ({
    lineId,
    sku: `NOK-${lineId}`,
    quantity,
    unitMinor: 100,
  })
  const order = {
    customerRef: 'c',
    shippingMinor: 0,
    totalMinor: 600,
    currency: 'NOK',
    placedAt: '2026-01-02T00:00:00Z',
  }
  const about = { by: 'customer', reason: 'changed-mind' }
  const ofOrders = (id: string, type: string, data: object): object =>
    message(type, { orderId: id, ...data }, { subject: id, source: 'orders', key: `${type} ${id}` })
  const requested = (id: string, stage: string, by: object = about): object =>
    ofOrders(id, 'order.cancel-requested', { cancellationId: `c-${id}`, ...by, stage })
  const ids = ['partly', 'whole', 'early', 'waits', 'late']
  await insert('orders', [
    ...ids.map((id) => placed(id, { ...order, lines: [line('1', 4), line('2', 2)] })),
    requested('partly', 'shipping'),
    ofOrders('partly', 'order.partly-cancelled', { ...about, lines: [line('1', 3), line('2', 2)], amountMinor: 500 }),
    completed('partly'),
    requested('whole', 'shipping'),
    ofOrders('whole', 'order.cancelled', { ...about, lines: [], amountMinor: 600 }),
    requested('early', 'checkout', { by: 'staff', reason: 'suspected-fraud' }),
    ofOrders('early', 'order.cancelled', { by: 'staff', reason: 'suspected-fraud', lines: [], amountMinor: 600 }),
    requested('waits', 'shipping'),
    completed('late'),
    ofOrders('late', 'order.cancel-refused', { by: 'customer', reason: 'already-completed', lines: [] }),
  ])
  const sold = await query(
    "SELECT sku, units, revenue_minor FROM analytics.units_by_sku WHERE currency = 'NOK' ORDER BY sku",
  )
  expect(JSON.parse(JSON.stringify(sold))).toEqual([
    { sku: 'NOK-1', units: 5, revenue_minor: '500' },
    { sku: 'NOK-2', units: 2, revenue_minor: '200' },
  ])
  const found = await query(
    "SELECT order_id, requested_by, reason, stage, outcome, amount_minor FROM analytics.cancellations WHERE currency = 'NOK' ORDER BY order_id",
  )
  expect(found).toEqual([
    {
      order_id: 'early',
      requested_by: 'staff',
      reason: 'suspected-fraud',
      stage: 'checkout',
      outcome: 'cancelled',
      amount_minor: 600,
    },
    { order_id: 'late', requested_by: 'customer', reason: null, stage: null, outcome: 'refused', amount_minor: null },
    {
      order_id: 'partly',
      requested_by: 'customer',
      reason: 'changed-mind',
      stage: 'shipping',
      outcome: 'partly-cancelled',
      amount_minor: 500,
    },
    {
      order_id: 'waits',
      requested_by: 'customer',
      reason: 'changed-mind',
      stage: 'shipping',
      outcome: 'pending',
      amount_minor: null,
    },
    {
      order_id: 'whole',
      requested_by: 'customer',
      reason: 'changed-mind',
      stage: 'shipping',
      outcome: 'cancelled',
      amount_minor: 600,
    },
  ])
  const saved = readFileSync(new URL('cancellations.sql', tools.queries), 'utf8')
  expect(await query(saved)).toContainEqual({
    reason: 'changed-mind',
    stage: 'shipping',
    outcome: 'pending',
    cancellations: 1,
  })
})

it('an order counts as compensated if its stock or money was held and returned, not if it was refused before', async () => {
  const counts = async () =>
    (await query<Record<string, number>>('SELECT orders, held, compensated FROM analytics.compensation_rate'))[0]!
  const before = await counts()
  const order = {
    customerRef: 'c',
    lines: [],
    shippingMinor: 0,
    totalMinor: 1,
    currency: 'PLN',
    placedAt: '2026-01-02T00:00:00Z',
  }
  /** The events of each order after it was placed, by service. */
  const lives: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
    'out-of-stock': { inventory: ['stock.rejected'], orders: ['order.rejected'] },
    // The compensations are answered although nothing was held.
    unanswered: { inventory: ['stock.released'], payments: ['payment.voided'], orders: ['order.rejected'] },
    declined: {
      inventory: ['stock.reserved', 'stock.released'],
      payments: ['payment.declined', 'payment.voided'],
      orders: ['order.expired'],
    },
    cancelled: {
      inventory: ['stock.reserved', 'stock.released'],
      payments: ['payment.authorized', 'payment.voided'],
      orders: ['order.confirmed', 'order.cancelled'],
    },
    partly: {
      payments: ['payment.authorized', 'payment.reduced'],
      orders: ['order.partly-cancelled', 'order.completed'],
    },
    sold: { inventory: ['stock.reserved'], payments: ['payment.authorized'], orders: ['order.completed'] },
  }
  for (const [id, events] of Object.entries(lives)) {
    await insert('orders', [placed(`pln-${id}`, order)])
    for (const [source, types] of Object.entries(events))
      await insert(
        source,
        types.map((type) =>
          message(type, { orderId: `pln-${id}`, amountMinor: 1 }, { subject: `pln-${id}`, source, key: type }),
        ),
      )
  }
  const after = await counts()
  expect(Object.fromEntries(Object.entries(after).map(([name, value]) => [name, value - before[name]!]))).toEqual({
    orders: 6,
    held: 4,
    compensated: 3,
  })
  const [{ rate, held, compensated }] = (await query('SELECT * FROM analytics.compensation_rate')) as [
    Record<string, number>,
  ]
  expect(rate).toBeCloseTo(compensated! / held!)
})

it('the stock of a SKU is what came, less what was sold and written off; reserved pieces are on hand', async () => {
  let key = 0
  const ofStock = (type: string, data: object): object =>
    message(type, data, { subject: 'stock', source: 'inventory', key: (key += 1) })
  const held = (quantity: number) => ({
    orderId: 'o-s',
    reservationId: 'r-s',
    lines: [{ lineId: '1', sku: 'STOCK-1', quantity }],
  })
  await insert('inventory', [
    ofStock('stock.received', { deliveryId: 'd-1', lines: [{ sku: 'STOCK-1', quantity: 100 }] }),
    ofStock('stock.reserved', held(9)),
    ofStock('stock.committed', { ...held(4), shipmentId: 's-1' }),
    ofStock('stock.released', held(2)),
    ofStock('stock.adjusted', { adjustmentId: 'a-1', sku: 'STOCK-1', change: -5, reason: 'lost' }),
    ofStock('stock.adjusted', { adjustmentId: 'a-2', sku: 'STOCK-1', change: 1, reason: 'counted', counted: 92 }),
  ])
  expect(await query("SELECT * FROM analytics.stock_by_sku WHERE sku = 'STOCK-1'")).toEqual([
    { sku: 'STOCK-1', received: 100, adjusted: -4, sold: 4, on_hand: 92, reserved: 3, available: 89 },
  ])
})

describe('a row that breaks its contract', () => {
  const line = { lineId: '1', sku: 'TEA-001', quantity: 1, unitMinor: 1 }
  const order = {
    customerRef: 'c',
    lines: [line],
    shippingMinor: 0,
    totalMinor: 1,
    currency: 'EUR',
    placedAt: '2026-01-01T00:00:00Z',
  }
  const most = Number.MAX_SAFE_INTEGER
  /** Contracts allow numbers of pieces that no shop has: the events of every type have some. */
  const leftOutBefore = { stock_by_sku: 0, cancelled_lines: 0 }
  beforeAll(async () => {
    const rows = await query<{ source: 'stock_by_sku' | 'cancelled_lines'; left_out: number }>(
      "SELECT source, left_out FROM analytics.left_out WHERE source IN ('stock_by_sku', 'cancelled_lines')",
    )
    for (const row of rows) leftOutBefore[row.source] = row.left_out
  })
  let stocks = 0
  const stock = (type: string, data: object): object =>
    message(type, data, { subject: 'stock', source: 'inventory', key: `bad-${(stocks += 1)}` })
  const cases: readonly (readonly [name: string, envelopes: readonly object[]])[] = [
    ['no envelope', [{ hello: 'world' }]],
    ['a list', [[1, 2]]],
    ['an invalid time', [placed('b-1', order, { time: 'yesterday' })]],
    ['a sequence that is a text', [{ ...completed('b-sequence'), sequence: 'first' }]],
    ['a version that is a fraction', [{ ...completed('b-version'), version: 1.5 }]],
    ['a time in the year 10000', [placed('b-2', { ...order, placedAt: '9999-12-31T23:59:59-01:00' })]],
    ['nanoseconds', [placed('b-3', { ...order, placedAt: '2026-01-01T00:00:00.123456789Z' })]],
    ['a total that is a text', [placed('b-4', { ...order, totalMinor: 'much' }), completed('b-4')]],
    ['a fraction of a unit', [placed('b-5', { ...order, lines: [{ ...line, quantity: 1.5 }] }), completed('b-5')]],
    [
      'a product beyond INT64',
      [placed('b-6', { ...order, lines: [{ ...line, quantity: most, unitMinor: most }] }), completed('b-6')],
    ],
    [
      'cancelled amounts of one order beyond INT64',
      [
        placed('b-18', order),
        ...Array.from({ length: 1_100 }, (_, index) =>
          message(
            'order.partly-cancelled',
            { orderId: 'b-18', by: 'staff', reason: 'other', lines: [], amountMinor: most },
            { subject: 'b-18', source: 'orders', key: `b-18-${index}` },
          ),
        ),
      ],
    ],
    [
      'a sum beyond INT64',
      Array.from({ length: 1_100 }, (_, index) => [
        placed(`b-7-${index}`, { ...order, totalMinor: most, lines: [{ ...line, quantity: most }] }),
        completed(`b-7-${index}`),
      ]).flat(),
    ],
    [
      'lines that are not a list',
      [
        placed('b-8', { ...order, lines: 'three' }),
        placed('b-16', order),
        message(
          'order.partly-cancelled',
          { orderId: 'b-16', lines: 'some', amountMinor: 1 },
          { subject: 'b-16', source: 'orders' },
        ),
        stock('stock.received', { deliveryId: 'd-4', lines: 'many' }),
      ],
    ],
    [
      'no subject, source or correlation id',
      ['subject', 'source', 'correlationId'].map((field) => placed(`b-${field}`, order, { [field]: undefined })),
    ],
    [
      'cancelled pieces of which some are no number',
      [
        placed('b-17', { ...order, lines: [{ ...line, sku: 'MIXED', quantity: 4 }] }),
        ...[1, 'two'].map((quantity) =>
          message(
            'order.partly-cancelled',
            { orderId: 'b-17', lines: [{ lineId: '1', sku: 'MIXED', quantity }], amountMinor: 1 },
            { subject: 'b-17', source: 'orders', key: `b-17-${quantity}` },
          ),
        ),
        completed('b-17'),
      ],
    ],
    [
      'refunds, disputes and shipments without their ids',
      [30, 20].flatMap((amountMinor) =>
        (
          [
            ['payments', 'refund.issued', { amountMinor, currency: 'XAF', reason: 'lost' }],
            ['payments', 'payment.dispute-closed', { amountMinor, currency: 'XAF', outcome: 'lost' }],
            ['shipping', 'shipment.created', {}],
          ] as const
        ).map(([source, type, data]) =>
          message(type, { orderId: 'b-14', ...data }, { subject: 'b-14', source, key: `b-14 ${type} ${amountMinor}` }),
        ),
      ),
    ],
    ['an invalid currency', [placed('b-9', { ...order, currency: 7 }), completed('b-9')]],
    ['no data', [placed('b-10', {}), { ...placed('b-11', {}), data: null }]],
    [
      'a capture without an amount, of an order that is not there',
      [
        message(
          'payment.captured',
          { orderId: 'b-12', shipmentId: 's-1', amountMinor: 'much', currency: 'EUR' },
          { subject: 'b-12', source: 'payments' },
        ),
      ],
    ],
    [
      'cancelled pieces that are no number',
      [
        placed('b-13', order),
        message(
          'order.partly-cancelled',
          { orderId: 'b-13', lines: [{ lineId: '1', sku: 'TEA-001', quantity: 'few' }], amountMinor: 'few' },
          { subject: 'b-13', source: 'orders' },
        ),
      ],
    ],
    [
      'taxes, a discount and a fee that are no amounts',
      [placed('b-14', { ...order, taxMinor: 1.5, discountMinor: 'x', shippingMinor: { is: 'free' } })],
    ],
    [
      'a capture under an authorization without a number',
      [
        message(
          'payment.captured',
          { orderId: 'b-14', shipmentId: 's-1', authorization: 'two', amountMinor: 1, currency: 'EUR' },
          { subject: 'b-14', source: 'payments' },
        ),
      ],
    ],
    [
      'pieces of stock that are no number, of no SKU, and beyond every shop',
      [
        stock('stock.received', { deliveryId: 'd-2', lines: [{ sku: 'BAD', quantity: 'many' }, { quantity: 2 }] }),
        stock('stock.received', { deliveryId: 'd-3', lines: [{ sku: 'BAD', quantity: 7 }] }),
        stock('stock.adjusted', { adjustmentId: 'a-3', sku: 'BAD', change: most, reason: 'found' }),
      ],
    ],
    [
      'a lost dispute without an amount, of an order that is not there',
      [
        message(
          'payment.dispute-closed',
          { orderId: 'b-15', disputeId: 'du-1', amountMinor: 'much', currency: 'EUR', outcome: 'lost' },
          { subject: 'b-15', source: 'payments' },
        ),
      ],
    ],
    [
      'a reconciliation whose figures are no numbers',
      [
        message(
          'reconciliation.ended',
          { startedAt: 'today', compared: { orders: 'all' }, inFlight: 1, differences: 0.5 },
          { subject: 'run-b', source: 'reconciliation' },
        ),
      ],
    ],
  ]
  // npm run verify reads every view after each of them, and so names the row that made it fail.
  const inserted = wholeLists ? cases.map((one) => [one]) : [cases]
  it.each(inserted.map((some) => [some.map(([name]) => name).join(', '), some] as const))(
    'with %s fails no view',
    async (_, some) => {
      for (const [, envelopes] of some) await insert('orders', envelopes)
      await readEveryView()
    },
  )

  it('is counted by one read of each view', () => {
    const view = declared(local, 'google_bigquery_table').find(
      ({ attributes }) => attributes['table_id'] === 'left_out',
    )
    const { query: text } = [view!.attributes['view']].flat()[0] as { query: string }
    const read = [...text.matchAll(/`[\w-]+\.analytics\.(\w+)`|`analytics\.(\w+)`/g)].map(
      ([, one, other]) => one ?? other,
    )
    expect(read.length).toBeGreaterThan(5)
    expect(read).toHaveLength(new Set(read).size)
  })

  it('is counted', async () => {
    expect(await query('SELECT * FROM analytics.left_out ORDER BY source, value')).toEqual([
      { source: 'cancellations', value: 'amount', left_out: 2 },
      { source: 'cancelled_lines', value: 'quantity', left_out: leftOutBefore.cancelled_lines + 3 },
      { source: 'captures', value: 'amount', left_out: 1 },
      { source: 'captures', value: 'authorization', left_out: 1 },
      { source: 'captures', value: 'order', left_out: 1 },
      { source: 'disputes', value: 'amount', left_out: 1 },
      { source: 'disputes', value: 'id', left_out: 2 },
      { source: 'disputes', value: 'order', left_out: 1 },
      { source: 'event_log', value: 'event', left_out: 8 },
      // Three of them are orders whose lines are no list.
      { source: 'order_lines', value: 'quantity', left_out: 1_105 },
      { source: 'order_lines', value: 'unit_price', left_out: 4 },
      { source: 'orders', value: 'discount', left_out: 1 },
      { source: 'orders', value: 'fee', left_out: 1 },
      { source: 'orders', value: 'placed_at', left_out: 4 },
      { source: 'orders', value: 'tax', left_out: 1 },
      { source: 'orders', value: 'total', left_out: 3 },
      { source: 'reconciliations', value: 'differences', left_out: 1 },
      { source: 'reconciliations', value: 'orders', left_out: 1 },
      { source: 'reconciliations', value: 'started_at', left_out: 1 },
      { source: 'refunds', value: 'id', left_out: 2 },
      { source: 'shipments', value: 'id', left_out: 2 },
      { source: 'stock_by_sku', value: 'quantity', left_out: leftOutBefore.stock_by_sku + 4 },
    ])
    expect(
      await query(
        "SELECT reason, JSON_VALUE(envelope, '$.subject') AS subject FROM analytics.unreadable_events WHERE reason IN ('no sequence', 'no version', 'no source', 'no subject', 'no correlation id') ORDER BY reason",
      ),
    ).toEqual([
      { reason: 'no correlation id', subject: 'b-correlationId' },
      { reason: 'no sequence', subject: 'b-sequence' },
      { reason: 'no source', subject: 'b-source' },
      { reason: 'no subject', subject: null },
      { reason: 'no version', subject: 'b-version' },
    ])
    expect(await query("SELECT units FROM analytics.units_by_sku WHERE sku = 'MIXED'")).toEqual([{ units: null }])
    for (const view of ['refunds', 'disputes'])
      expect(
        await query(`SELECT amount_minor FROM analytics.${view} WHERE currency = 'XAF' ORDER BY amount_minor`),
      ).toEqual([{ amount_minor: 20 }, { amount_minor: 30 }])
    expect(await query("SELECT received, adjusted, on_hand FROM analytics.stock_by_sku WHERE sku = 'BAD'")).toEqual([
      { received: 7, adjusted: 0, on_hand: 7 },
    ])
    expect(await query("SELECT net, tax, discount, fee FROM analytics.orders WHERE order_id = 'b-14'")).toEqual([
      { net: null, tax: null, discount: null, fee: null },
    ])
  })
})

describe('docs/analysis.md', () => {
  const page = readFileSync(join(root, 'docs', 'analysis.md'), 'utf8')
  /** The rows of the table that begins with this column's heading, below the heading if one is given. */
  const rows = (first: string, heading = ''): string[][] => {
    const from = page.indexOf(`| ${first}`, heading === '' ? 0 : page.indexOf(heading))
    const [head = '', , ...lines] = page.slice(from).split('\n\n')[0]!.split('\n')
    expect([head.startsWith(`| ${first}`), heading === '' || page.includes(heading)]).toEqual([true, true])
    return lines.map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.replaceAll('`', '').trim()),
    )
  }
  const columns = async (dataset: string, table: string): Promise<string[][]> => {
    const [metadata] = await analytics.client.dataset(dataset).table(table).getMetadata()
    const { fields } = (metadata as { schema: { fields: { name: string; type: string }[] } }).schema
    return fields.map(({ name, type }) => [name, type])
  }

  it.each(['event_log', 'recent_events', 'unreadable_events', ...business.views.names])(
    'has the columns of analytics.%s',
    async (view) => {
      const shown = rows('column', `### \`analytics.${view}\``).map(([name, type]) => [name, type])
      expect(shown).toEqual(await columns('analytics', view))
    },
  )

  it('has the columns of the raw tables, and the events in each', async () => {
    const all = [...services.map(({ contracts }) => contracts), runtimeContracts]
    const owners = all.filter(({ events }) => Object.keys(events).length > 0)
    for (const { service } of owners)
      expect(rows('column', '### `events.SERVICE`').map(([column, type]) => [column, type])).toEqual(
        await columns('events', eventsTable(service)),
      )
    expect(Object.fromEntries(rows('table').map(([table, events]) => [table, events!.split(', ')]))).toEqual(
      Object.fromEntries(owners.map(({ service, events }) => [`events.${eventsTable(service)}`, Object.keys(events)])),
    )
  })

  it('has every saved query with its purpose', () => {
    const folder = tools.queries!
    const saved = readdirSync(folder).map((file) => [
      `npm run query -- ${file.replace('.sql', '')}`,
      /^-- (.+)$/m.exec(readFileSync(new URL(file, folder), 'utf8'))![1],
    ])
    expect(rows('saved query')).toEqual(saved)
  })
})
