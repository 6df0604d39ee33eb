/**
 * The views over every extreme that contracts allow, and over rows that break them: each event is there, and no row makes a
 * view fail.
 */

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { BigQuery } from '@google-cloud/bigquery'
import * as fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { createLocalCloud, type LocalCloud } from 'local-google-cloud'
import { bigquery } from 'local-google-cloud/bigquery'
import { business, services } from '../../functions/index.ts'
import { limits } from '../../functions/shop/fields.ts'
import { tools } from '../../functions/tools.ts'
import { eventsTable } from '../../shared/base/names.ts'
import { runtimeContracts } from '../../shared/contracts/runtime-events.ts'
import { message } from '../../shared/runtime/deliver.testing.ts'
import { localEnvironment, localPorts } from '../../stacks/environments.ts'
import { keeping } from '../support/by-schema.ts'
import { root } from '../support/root.ts'
import { type Declared, declared, resolved } from './synthesized.testing.ts'

const local = localEnvironment(localPorts(4100, business))

let cloud: LocalCloud
let client: BigQuery
beforeAll(async () => {
  cloud = await createLocalCloud({
    plugins: [bigquery()],
    project: { id: local.projectId, number: '1', region: 'europe-west1' },
  })
  vi.stubEnv('BIGQUERY_EMULATOR_HOST', `http://${cloud.ownerHost}`)
  client = new BigQuery({ projectId: local.projectId })
  for (const { attributes } of declared(local, 'google_bigquery_dataset'))
    await client.createDataset(String(attributes['dataset_id']))
  const viewNames = ['event_log', 'unreadable_events', ...business.views.names]
  const tables = declared(local, 'google_bigquery_table')
  // A view is made after the views that it reads; a raw table may have the name of a view.
  const place = ({ attributes }: Declared): number =>
    attributes['view'] === undefined ? -1 : viewNames.indexOf(String(attributes['table_id']))
  for (const { stack, attributes } of tables.toSorted((a, b) => place(a) - place(b))) {
    const dataset = client.dataset(resolved(local, stack, attributes['dataset_id']))
    const view = (attributes['view'] as { query: string }[] | { query: string } | undefined) ?? undefined
    const query = Array.isArray(view) ? view[0]?.query : view?.query
    await dataset.createTable(
      String(attributes['table_id']),
      query === undefined ? { schema: JSON.parse(String(attributes['schema'])) as object[] } : { view: query },
    )
  }
}, 60_000)
afterAll(async () => {
  vi.unstubAllEnvs()
  await cloud?.close()
})

let rows = 0
const insert = (owner: string, envelopes: readonly unknown[]): Promise<unknown> =>
  client
    .dataset('events')
    .table(owner)
    .insert(
      envelopes.map((envelope) => ({
        data: JSON.stringify(envelope),
        message_id: String((rows += 1)),
        publish_time: '2026-01-01T00:00:00Z',
        attributes: '{}',
      })),
    )
const query = async <Row>(sql: string): Promise<Row[]> => (await client.query(sql))[0] as Row[]
const readEveryView = async (): Promise<Record<string, number>> =>
  Object.fromEntries(
    await Promise.all(
      ['event_log', 'unreadable_events', ...business.views.names].map(
        async (name) => [name, (await query(`SELECT * FROM analytics.${name}`)).length] as const,
      ),
    ),
  )

describe('an event of every type', () => {
  it('with any data that its contract allows is read by every view', async () => {
    const all = services.flatMap(({ name, contracts: { events } }) =>
      Object.entries(events).map(([type, { data, version }]) => ({ name, type, data, version })),
    )
    let sent = 0
    for (const { name, type, data, version } of all) {
      const allowed = keeping(data).filter((sample) => data.safeParse(sample).success)
      const samples = fc.sample(allowed, { numRuns: 40, seed: 20_261_128 })
      const envelopes = samples.map((sample, index) =>
        message(type, sample as object, { subject: `s-${index}`, key: index, source: name, version }),
      )
      await insert(name, envelopes)
      sent += envelopes.length
    }
    const found = await readEveryView()
    expect(found['event_log']).toBe(sent)
    expect(found['orders']).toBe(40)
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
const completed = (id: string): object => message('order.completed', { orderId: id }, { subject: id, source: 'orders' })

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

it('revenue is what was captured and not refunded; an unpaid shipment and the last status of a refund are shown', async () => {
  const order = { customerRef: 'c', lines: [], shippingMinor: 0, totalMinor: 1_000, currency: 'CHF' }
  const ofPayments = (id: string, type: string, key: string, data: object): object =>
    message(type, { orderId: id, currency: 'CHF', ...data }, { subject: id, source: 'payments', key: `${type}-${key}` })
  const captured = (id: string, shipmentId: string, amountMinor: number): object =>
    ofPayments(id, 'payment.captured', shipmentId, { shipmentId, amountMinor })
  const refund = (id: string, status: string, refundId: string, amountMinor: number): object =>
    ofPayments(id, `refund.${status}`, refundId, { refundId, amountMinor, reason: 'damaged' })
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
  ])
  const revenue = await query("SELECT * EXCEPT (day) FROM analytics.revenue_by_day WHERE currency = 'CHF'")
  expect(JSON.parse(JSON.stringify(revenue))).toEqual([
    {
      currency: 'CHF',
      orders: 3,
      captured_minor: '2050',
      refunded_minor: '300',
      revenue_minor: '1750',
      revenue: '17.5',
    },
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
  it.each<[string, object[]]>([
    ['no envelope', [{ hello: 'world' }]],
    ['a list', [[1, 2]]],
    ['an invalid time', [placed('b-1', order, { time: 'yesterday' })]],
    ['a time in the year 10000', [placed('b-2', { ...order, placedAt: '9999-12-31T23:59:59-01:00' })]],
    ['nanoseconds', [placed('b-3', { ...order, placedAt: '2026-01-01T00:00:00.123456789Z' })]],
    ['a total that is a text', [placed('b-4', { ...order, totalMinor: 'much' }), completed('b-4')]],
    ['a fraction of a unit', [placed('b-5', { ...order, lines: [{ ...line, quantity: 1.5 }] }), completed('b-5')]],
    [
      'a product beyond INT64',
      [placed('b-6', { ...order, lines: [{ ...line, quantity: most, unitMinor: most }] }), completed('b-6')],
    ],
    [
      'a sum beyond INT64',
      Array.from({ length: 1_100 }, (_, index) => [
        placed(`b-7-${index}`, { ...order, totalMinor: most, lines: [{ ...line, quantity: most }] }),
        completed(`b-7-${index}`),
      ]).flat(),
    ],
    ['lines that are not a list', [placed('b-8', { ...order, lines: 'three' })]],
    ['an invalid currency', [placed('b-9', { ...order, currency: 7 }), completed('b-9')]],
    ['no data', [placed('b-10', {}), { ...placed('b-11', {}), data: null }]],
  ])('with %s fails no view', async (_, envelopes) => {
    await insert('orders', envelopes)
    await readEveryView()
  })

  it('is counted', async () => {
    expect(await query('SELECT * FROM analytics.left_out ORDER BY source, value')).toEqual([
      { source: 'event_log', value: 'event', left_out: 3 },
      { source: 'order_lines', value: 'quantity', left_out: 1_102 },
      { source: 'order_lines', value: 'unit_price', left_out: 1 },
      { source: 'orders', value: 'placed_at', left_out: 4 },
      { source: 'orders', value: 'total', left_out: 3 },
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
    const [metadata] = await client.dataset(dataset).table(table).getMetadata()
    const { fields } = (metadata as { schema: { fields: { name: string; type: string }[] } }).schema
    return fields.map(({ name, type }) => [name, type])
  }

  it.each(['event_log', 'unreadable_events', ...business.views.names])(
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
