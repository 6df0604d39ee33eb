/**
 * Orders with the extremes that the public API accepts go through the whole platform and into every view; what a store would not
 * take is refused at the edge. `MILLRACE_SEED=…` draws other orders.
 */

import * as fc from 'fast-check'
import { afterAll, expect, it, vi } from 'vitest'
import type { Api, Refusal } from '../../../cli/api.ts'
import { business } from '../../../functions/index.ts'
import { references, type TestCard } from '../../../functions/shop/cli/references.ts'
import { limits } from '../../../functions/shop/fields.ts'
import { googleClients } from '../../support/google-clients.ts'
import { joinPlatform } from '../../support/joined-platform.ts'
import { wholeLists } from '../../support/whole-lists.ts'
import { endOf, expectedRows, refundOf, type Rows, type SentOrder } from './expected-views.testing.ts'
import { type DrawnOrder, drawnShops, type DrawnShop } from './extreme-orders.testing.ts'

const SEED = Number(process.env['MILLRACE_SEED'] ?? 20_261_129)
const ORDERS = wholeLists ? 60 : 6
const POLL = { timeout: 420_000, interval: 1_000 }
/** Of a line of a delivery. */
const MAX_DELIVERED = 10_000_000

const platform = joinPlatform('extremes')
const google = googleClients(platform)
afterAll(() => google.close())
const importer = platform.staff(['importer'])
const staff = platform.staff()
const key = (): string => crypto.randomUUID()

/** 503 asks for the same request later, as on a machine that does much else. */
async function post<Body>(api: Api, path: string, body: object): Promise<Body> {
  const request = { key: key(), body }
  const sent = await vi.waitFor(
    () =>
      api.send<Body>('POST', path, request).catch((error: Error & Partial<Refusal>) => {
        if (error.problem?.status === 503) throw error
        return error
      }),
    POLL,
  )
  if (sent instanceof Error) throw sent
  return sent.body
}

const cards: Readonly<Record<DrawnOrder['end'], TestCard>> = {
  completed: 'card-ok',
  declined: 'card-stolen',
  cancelled: 'card-action-required',
}

/** Publishes the products, and delivers one piece more than is ordered. @returns the delivered pieces by SKU */
async function open({ products, orders }: DrawnShop): Promise<ReadonlyMap<string, number>> {
  const ordered = orders.flatMap(({ kind, lines }) => (kind === 'imported' ? [] : lines))
  const received = new Map(
    products.map(({ sku }) => [
      sku,
      1 + ordered.reduce((pieces, line) => pieces + (line.sku === sku ? line.quantity : 0), 0),
    ]),
  )
  await Promise.all(
    products.map(({ sku, name, unitMinor, currency, taxClass }) =>
      staff.send('POST', '/v1/products', {
        key: key(),
        body: { sku, name, unitMinor, currency, taxClass },
        waitSeconds: 20,
      }),
    ),
  )
  const lines = [...received].flatMap(([sku, pieces]) =>
    Array.from({ length: Math.ceil(pieces / MAX_DELIVERED) }, (_, index) => ({
      sku,
      quantity: Math.min(MAX_DELIVERED, pieces - index * MAX_DELIVERED),
    })),
  )
  await staff.send('POST', '/v1/stock', { key: key(), body: { lines }, waitSeconds: 20 })
  return received
}

async function send({ kind, customer, currency, placedAt, shippingMinor, ...order }: DrawnOrder): Promise<string> {
  const idOf = async (api: Api, path: string, body: object): Promise<string> =>
    (await post<{ orderId: string }>(api, path, body)).orderId
  if (kind === 'imported') {
    const body = { customerRef: customer, currency, lines: order.lines, shippingMinor, placedAt }
    return idOf(importer, '/v1/imported-orders', body)
  }
  const owner = platform.customer(customer)
  return idOf(owner, '/v1/orders', {
    currency,
    lines: order.lines.map(({ sku, quantity }) => ({ sku, quantity })),
    ...(await references(owner, cards[order.end])),
    ...(order.hasDiscount ? { discountCode: 'WELCOME-10' } : {}),
  })
}

/** Cancels what waits for its customer, and refunds what is completed. */
async function follow(order: SentOrder, { products }: DrawnShop): Promise<void> {
  const owner = platform.customer(order.customer)
  const reaches = (status: string): Promise<void> =>
    // An answer of 503 asks for the same request later.
    vi.waitFor(async () => {
      const { body } = await owner.send<{ status: string }>('GET', `/v1/orders/${order.orderId}`)
      expect(body.status, `${order.orderId} of ${order.lines.length} lines, seed ${SEED}`).toBe(status)
    }, POLL)
  if (endOf(order, products) === 'cancelled') {
    await reaches('payment-needed')
    await post(staff, `/v1/orders/${order.orderId}/cancel`, { reason: order.cancelReason })
  }
  const amountMinor = refundOf(order, products)
  if (amountMinor === undefined) return
  await reaches('completed')
  await post(staff, `/v1/orders/${order.orderId}/refunds`, {
    amountMinor: Number(amountMinor),
    reason: order.refund!.reason,
  })
}

/** The declared query of a view, over the rows of these orders alone: others use the same platform. */
async function ofOwn(view: string): Promise<string> {
  const { apiHost, projectId } = platform.running
  const table = await fetch(`http://${apiHost}/bigquery/v2/projects/${projectId}/datasets/analytics/tables/${view}`)
  const { query } = ((await table.json()) as { view: { query: string } }).view
  const ofRuns = { reconciliations: 'run_id IN UNNEST(@ids)', differences: 'id IN UNNEST(@ids)' }
  const rowsOf: Readonly<Record<string, string>> = {
    event_log: 'subject IN UNNEST(@ids)',
    unreadable_events: 'FALSE',
    ...ofRuns,
  }
  return query.replaceAll(
    /`[^`]*\banalytics\.(\w+)`/g,
    (name, read: string) => `(SELECT * FROM ${name} WHERE ${rowsOf[read] ?? 'order_id IN UNNEST(@ids)'})`,
  )
}

const ORDERED = 'FROM VIEW WHERE order_id IN UNNEST(@ids)'
/** By view, what is read of it. */
const queries: Readonly<Record<string, string>> = {
  orders: `SELECT order_id, customer_ref, status, imported, total_minor, total, net, tax, discount, fee, currency, IF(DATE(placed_at) = CURRENT_DATE(), 'today', CAST(UNIX_MICROS(placed_at) AS STRING)) AS placed_at ${ORDERED}`,
  order_lines: `SELECT order_id, line_id, sku, quantity, unit_price, currency ${ORDERED}`,
  cancelled_lines: `SELECT * ${ORDERED}`,
  cancellations: `SELECT order_id, requested_by, reason, stage, outcome, amount, currency ${ORDERED}`,
  shipments: `SELECT order_id, COUNTIF(status = 'delivered') AS delivered ${ORDERED} GROUP BY order_id`,
  captures: `SELECT order_id, SUM(CAST(amount_minor AS NUMERIC)) AS amount_minor, SUM(amount) AS amount, currency ${ORDERED} GROUP BY order_id, currency`,
  refunds: `SELECT order_id, status, amount, currency, reason ${ORDERED}`,
  disputes: `SELECT * ${ORDERED}`,
  revenue_by_day:
    "SELECT IF(day = CURRENT_DATE(), 'today', CAST(day AS STRING)) AS day, currency, orders, captured_minor, refunded_minor, revenue FROM (OWN)",
  units_by_sku: 'SELECT sku, currency, units, revenue_minor, revenue FROM VIEW WHERE sku IN UNNEST(@skus)',
  stock_by_sku: 'SELECT * FROM VIEW WHERE sku IN UNNEST(@skus)',
  funnel: 'SELECT * FROM (OWN)',
  compensation_rate: 'SELECT * FROM (OWN)',
  saga_durations: `SELECT order_id, status, duration_ms > 0 AS measured ${ORDERED}`,
  reconciliations: 'SELECT * FROM VIEW WHERE run_id IN UNNEST(@ids)',
  differences: 'SELECT * FROM VIEW WHERE id IN UNNEST(@ids)',
  left_out: 'SELECT * FROM (OWN)',
}
async function seen(view: string, ids: readonly string[], skus: readonly string[]): Promise<string[]> {
  const query = queries[view]!.replace('VIEW', `analytics.${view}`)
  const own = query.includes('OWN') ? await ofOwn(view) : ''
  return sorted(
    await google.rows(
      query.replace('OWN', () => own),
      { ids, skus },
    ),
  )
}

/** A number as text, and a date as BigQuery writes it, so that none loses a digit. */
const sorted = (rows: Rows[string]): string[] =>
  rows
    .map((row) =>
      JSON.stringify(
        Object.fromEntries(
          Object.entries(row).map(([name, value]) => [name, typeof value === 'boolean' ? value : String(value)]),
        ),
      ),
    )
    .toSorted()

/** Orders at both ends of what an order may be worth and state, besides the drawn ones. */
function handmade(products: DrawnShop['products']): readonly DrawnOrder[] {
  const { sku, currency } = products[0]!
  const usual: DrawnOrder = {
    kind: 'imported',
    end: 'completed',
    customer: 'extremes',
    currency,
    lines: [{ sku, quantity: limits.quantityPerLine, unitMinor: 10_000_000 }],
    placedAt: '0001-01-01T14:00:00.000001+14:00',
    placedAtMicros: -62_135_596_799_999_999n,
    shippingMinor: 0,
    hasDiscount: false,
    cancelReason: 'other',
  }
  const dearest = { sku, quantity: 1, unitMinor: limits.unitMinor }
  const sold = products.filter((one) => one.currency === currency)
  const most = Array.from({ length: limits.linesPerOrder }, (_, index) => {
    const one = sold[index % sold.length]!
    return { sku: one.sku, quantity: 1, unitMinor: one.unitMinor }
  })
  return [
    usual,
    { ...usual, lines: Array.from({ length: limits.linesPerOrder }, () => dearest) },
    { ...usual, kind: 'bought', lines: most },
  ]
}

it(`every view has drawn orders as they were sent (seed ${SEED})`, { timeout: 900_000 }, async () => {
  expect(Object.keys(queries).toSorted(), 'views of which this test reads nothing').toEqual(
    business.views.names.toSorted(),
  )
  const [drawn] = fc.sample(drawnShops(ORDERS), { seed: SEED, numRuns: 1 })
  const shop = { ...drawn!, orders: [...handmade(drawn!.products), ...drawn!.orders] }
  const received = await open(shop)
  const sent: SentOrder[] = []
  for (const order of shop.orders) sent.push({ ...order, orderId: await send(order) })
  await Promise.all(sent.map((order) => follow(order, shop)))

  const expected = expectedRows(shop, sent, received)
  const ids = sent.map(({ orderId }) => orderId)
  const skus = shop.products.map(({ sku }) => sku)
  for (const view of business.views.names)
    await vi.waitFor(
      async () => expect(await seen(view, ids, skus), `${view}, seed ${SEED}`).toEqual(sorted(expected[view]!)),
      POLL,
    )
})

const line = { sku: '茶'.repeat(limits.skuCharacters), quantity: 1, unitMinor: 1 }
const anOrder = { customerRef: 'extremes', currency: 'CHF', lines: [line], placedAt: '2026-01-01T00:00:00Z' }

it.each<[string, object, RegExp]>([
  ['a year 0', { placedAt: '0000-12-31T23:59:59Z' }, /placedAt: takes a time from 0001/],
  ['a year 10000 in UTC', { placedAt: '9999-12-31T23:59:59-01:00' }, /placedAt: takes a time from 0001.* to 9999/],
  ['nanoseconds', { placedAt: '2026-01-01T00:00:00.1234567Z' }, /placedAt: takes at most six digits/],
  [
    'an offset that no zone has',
    { placedAt: '2026-01-01T00:00:00.5+23:59' },
    /placedAt: takes an offset of at most 14/,
  ],
  ['a withdrawn currency', { currency: 'DEM' }, /currency: takes the code of a currency in use/],
  [
    'a total above the limit',
    { lines: [{ ...line, quantity: limits.quantityPerLine, unitMinor: limits.unitMinor }] },
    /total of 100000000000000 minor units/,
  ],
  ['too many lines', { lines: Array.from({ length: limits.linesPerOrder + 1 }, () => line) }, /lines: /],
  ['an unpaired surrogate', { customerRef: 'a\uD800' }, /customerRef: .*U\+D800/],
])('%s is refused by its name', async (_, given, problem) => {
  const body = { ...anOrder, ...given }
  await expect(importer.send('POST', '/v1/imported-orders', { key: key(), body })).rejects.toThrow(problem)
})
