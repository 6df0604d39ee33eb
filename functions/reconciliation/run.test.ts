import { describe, expect, it } from 'vitest'
import { documentId } from '../../shared/base/ids.ts'
import type { Platform } from '../../shared/service/platform.ts'
import { begun, comparePage, type Run } from './run.ts'
import { MAX_PRODUCTS } from './stock.ts'

const at = '2026-01-01T00:00:00.000Z'
const ORDERS = 250
const ids = Array.from({ length: ORDERS }, (_, index) => `o-${String(index).padStart(3, '0')}`)

/** As BigQuery has it of an order without a capture. */
const nothingTaken = {
  captured_minor: null,
  captured_currency: null,
  captured_other_currency: null,
  refunded_minor: null,
  refunded_currency: null,
  refunded_other_currency: null,
}
/** Lists of completed orders of the past, which have an order and a row alone, and what was asked for. */
function listsOf(rowIds: readonly string[]) {
  const requested: string[] = []
  const order = { changedAt: at, status: 'completed', currency: 'EUR', totalMinor: 1, imported: true }
  const platform = {
    now: () => Date.parse('2026-01-02T00:00:00.000Z'),
    query: async (_owner: object, name: string, { after = '', limit }: { after?: string; limit: string }) => {
      requested.push(name)
      if (name === 'collectCharges') return { status: 200, body: { collected: 0 } }
      if (name !== 'listOrderRecords') return { status: 200, body: { rows: [] } }
      const rows = ids
        .filter((orderId) => orderId > after)
        .slice(0, Number(limit))
        .map((orderId) => ({ ...order, orderId, lines: [], cancelled: [], dispatched: [] }))
      return { status: 200, body: { rows, ...(rows.length < Number(limit) ? {} : { next: rows.at(-1)!.orderId }) } }
    },
    readViews: async ({ sql, from, limit }: { sql: string; from: number; limit: number }) => ({
      job: 'EU/job',
      rows: (sql.includes('stock_by_sku') ? [] : rowIds).slice(from, from + limit).map((order_id) => ({
        order_id,
        order_rows: '1',
        status: 'completed',
        total_minor: '1',
        currency: 'EUR',
        received_ms: String(Date.parse(at)),
        ...nothingTaken,
      })),
    }),
  }
  return { platform: platform as unknown as Platform, requested }
}

let largest = 0

async function runToEnd(platform: Platform, mostPages = 20) {
  let run: Run = begun('2026-01-02T00:00:00.000Z', 60)
  const differences: string[] = []
  while (run.phase !== 'ended') {
    largest = Math.max(largest, JSON.stringify(run).length)
    if (run.page > mostPages) throw new Error('The run does not end.')
    const page = await comparePage(platform, 'run-1', run)
    differences.push(...page.differences.map(({ kind, id }) => `${kind} ${id}`))
    run = page.run
  }
  return { run, differences }
}

it('each record is compared once, over many pages, with a number of requests that grows with the pages alone', async () => {
  const { platform, requested } = listsOf(ids)
  const { run, differences } = await runToEnd(platform)
  expect(differences).toEqual([])
  expect(run.compared).toMatchObject({ orders: ORDERS, rows: ORDERS })
  expect(requested.filter((name) => name === 'listOrderRecords')).toHaveLength(3)
})

it('rows that BigQuery lacks, or has besides, shift no other one', async () => {
  const gone = ['o-003', 'o-120']
  const { platform } = listsOf([...ids.filter((id) => !gone.includes(id)), 'o-100-x', 'o-999'].toSorted())
  const { differences } = await runToEnd(platform)
  expect(differences).toEqual([
    'bigquery-missing o-003',
    'bigquery-unknown o-100-x',
    'bigquery-missing o-120',
    'bigquery-unknown o-999',
  ])
})

describe('the stock of more products than a pass compares', () => {
  const PRODUCTS = 6_000
  const SHARDS = 4
  const skus = Array.from({ length: PRODUCTS }, (_, index) => `P ${index}`)
  const isBefore = (one: string, other: string): boolean => documentId(`${one}~`) < documentId(`${other}~`)
  const sorted = skus.toSorted((one, other) => (isBefore(one, other) ? -1 : 1))
  const shards = sorted.flatMap((sku) =>
    Array.from({ length: SHARDS }, () => ({ sku, available: 1, reserved: 0, sold: 0 })),
  )

  const rowsOf = (streams: readonly { sku: string; quantity: number }[]) =>
    streams.map(({ sku, quantity }) => ({ sku, on_hand: String(quantity), reserved: '0' }))

  /** @param streams what came of each product; by default what the shards have */
  function stockOf(streams = skus.map((sku) => ({ sku, quantity: SHARDS })), rows = rowsOf(streams)) {
    const pageOf = <Row>(rows: readonly Row[], { after = '0', limit }: { after?: string; limit: string }) => {
      const to = Number(after) + Number(limit)
      return {
        status: 200,
        body: { rows: rows.slice(Number(after), to), ...(to < rows.length ? { next: String(to) } : {}) },
      }
    }
    const deliveries = streams.map((line, index) => ({
      id: `delivery-${index}`,
      changedAt: at,
      moved: [line],
      held: [],
    }))
    const platform = {
      now: () => Date.parse('2026-01-02T00:00:00.000Z'),
      query: async (_owner: object, name: string, page: { after?: string; limit: string }) => {
        if (name === 'listShards') return pageOf(shards, page)
        return name === 'listMovements' ? pageOf(deliveries, page) : { status: 200, body: { rows: [] } }
      },
      readViews: async ({ sql, from, limit }: { sql: string; from: number; limit: number }) => ({
        job: 'EU/job',
        rows: sql.includes('stock_by_sku') ? rows.slice(from, from + limit) : [],
      }),
    }
    return platform as unknown as Platform
  }

  it('names each product whose row in BigQuery differs, is missing or is of no product, once', async () => {
    const [wrong, missing] = [sorted[1]!, sorted.at(-2)!]
    const rows = rowsOf(skus.filter((sku) => sku !== missing).map((sku) => ({ sku, quantity: SHARDS })))
    const { differences } = await runToEnd(
      stockOf(undefined, [
        ...rows.map((row) => (row.sku === wrong ? { ...row, reserved: '1' } : row)),
        { sku: 'None', on_hand: '1', reserved: '0' },
      ]),
      1_000,
    )
    expect(differences.toSorted()).toEqual([wrong, missing, 'None'].map((sku) => `bigquery-stock ${sku}`).toSorted())
  })

  it('is compared in passes, each product once, with a state that is bounded', async () => {
    const { run, differences } = await runToEnd(stockOf(), 1_000)
    expect(differences).toEqual([])
    expect(run.compared.products).toBe(PRODUCTS)
    expect(largest).toBeLessThan(700_000)
  })

  it('names a difference of the first, of one at the end of a pass, of the last, and of one without a shard', async () => {
    const wrong = [sorted[0]!, sorted[MAX_PRODUCTS - 1]!, sorted[MAX_PRODUCTS]!, sorted.at(-1)!]
    const moved = [
      ...skus.filter((sku) => !wrong.includes(sku)).map((sku) => ({ sku, quantity: SHARDS })),
      { sku: 'None', quantity: 2 },
    ]
    const { differences } = await runToEnd(stockOf(moved), 1_000)
    expect(differences.toSorted()).toEqual([...wrong, 'None'].map((sku) => `stock-available ${sku}`).toSorted())
  })
})
