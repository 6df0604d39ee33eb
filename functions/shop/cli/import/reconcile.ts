/** Waits until the ends of all orders are in BigQuery, then compares BigQuery's figures with the file's. */

import type { BigQuery } from '@google-cloud/bigquery'
import { setTimeout as pause } from 'node:timers/promises'
import type { Placed } from './place.ts'
import type { Figures, Totals } from './expected.ts'
import type { Progress } from './progress.ts'

const POLL_INTERVAL_MS = 500

export interface Ended {
  readonly completed: number
  readonly rejected: number
  /** Orders without an end in BigQuery at the timeout. */
  readonly open: readonly string[]
}

/** The events that end an order. An order of the past has one event alone; one that was placed through the checkout has several. */
const ends: Readonly<Record<string, 'completed' | 'rejected'>> = {
  'order.imported': 'completed',
  'order.completed': 'completed',
  'order.closed': 'completed',
  'order.rejected': 'rejected',
  'order.expired': 'rejected',
  'order.cancelled': 'rejected',
}

interface Waiting {
  readonly bigquery: BigQuery
  readonly timeoutMs: number
  /** Called while orders have no end: says why. */
  waiting(): Promise<void>
}

/** Returns when BigQuery has the end of every order, or at the timeout. */
export async function waitForEnd(
  { bigquery, timeoutMs, waiting: noteWaiting }: Waiting,
  placed: readonly Placed[],
  progress: Progress,
): Promise<Ended> {
  const endMs = Date.now() + timeoutMs
  const outcome = new Map<string, 'completed' | 'rejected'>()
  let waiting = placed.map(({ orderId }) => orderId)
  progress.begin('orders in BigQuery', placed.length)
  while (waiting.length > 0 && Date.now() < endMs) {
    for (const { orderId, type } of await storedEnds(bigquery, waiting)) outcome.set(orderId, ends[type]!)
    progress.set(outcome.size)
    waiting = waiting.filter((orderId) => !outcome.has(orderId))
    if (waiting.length === 0) break
    await noteWaiting()
    await pause(POLL_INTERVAL_MS)
  }
  progress.end()
  const completed = [...outcome.values()].filter((status) => status === 'completed').length
  return { completed, rejected: outcome.size - completed, open: waiting }
}

async function storedEnds(
  bigquery: BigQuery,
  orderIds: readonly string[],
): Promise<readonly { readonly orderId: string; readonly type: string }[]> {
  const [rows] = (await bigquery.query({
    query: `
      SELECT correlation_id AS orderId, ANY_VALUE(type) AS type
      FROM analytics.event_log
      WHERE correlation_id IN UNNEST(@orderIds) AND type IN UNNEST(@types)
      GROUP BY correlation_id`,
    params: { orderIds, types: Object.keys(ends) },
  })) as unknown as [{ orderId: string; type: string }[]]
  return rows
}

/** The totals of these orders in BigQuery. */
export async function storedTotals(bigquery: BigQuery, placed: readonly Placed[]): Promise<Totals> {
  if (placed.length === 0) return { byCurrency: new Map(), unitsBySku: new Map() }
  const orderIds = { params: { orderIds: placed.map(({ orderId }) => orderId) } }
  const only = `order_id IN UNNEST(@orderIds) AND status = 'completed'`
  const [byCurrency] = (await bigquery.query({
    query: `
      SELECT currency, COUNT(*) AS orders, SUM(total_minor) AS minor FROM analytics.orders WHERE ${only} GROUP BY currency`,
    ...orderIds,
  })) as unknown as [{ currency: string; orders: number; minor: number }[]]
  const [bySku] = (await bigquery.query({
    query: `
      SELECT line.sku, line.currency, SUM(line.quantity) AS units
      FROM analytics.order_lines AS line JOIN analytics.orders USING (order_id)
      WHERE ${only} GROUP BY line.sku, line.currency`,
    ...orderIds,
  })) as unknown as [{ sku: string; currency: string; units: number }[]]
  const unitsIn = (currency: string): number =>
    bySku.reduce((sum, row) => sum + (row.currency === currency ? row.units : 0), 0)
  return {
    byCurrency: new Map(
      byCurrency.map(({ currency, orders, minor }) => [
        currency,
        { orders, units: unitsIn(currency), revenueMinor: minor },
      ]),
    ),
    unitsBySku: new Map(bySku.map(({ sku, units }) => [sku, units])),
  }
}

export interface Difference {
  readonly what: string
  readonly file: number
  readonly bigquery: number
}

/** The figures that differ between the file and BigQuery: empty if they agree. */
export function differences(file: Totals, stored: Totals): Difference[] {
  const of = (totals: Totals, figure: keyof Figures): ReadonlyMap<string, number> =>
    new Map([...totals.byCurrency].map(([currency, figures]) => [currency, figures[figure]]))
  return [
    ...compare('orders in ', of(file, 'orders'), of(stored, 'orders')),
    ...compare('units in ', of(file, 'units'), of(stored, 'units')),
    ...compare('revenue in minor units of ', of(file, 'revenueMinor'), of(stored, 'revenueMinor')),
    ...compare('units of ', file.unitsBySku, stored.unitsBySku),
  ].filter((one) => one.file !== one.bigquery)
}

function compare(what: string, file: ReadonlyMap<string, number>, stored: ReadonlyMap<string, number>): Difference[] {
  const keys = new Set([...file.keys(), ...stored.keys()])
  return [...keys].map((key) => ({ what: `${what}${key}`, file: file.get(key) ?? 0, bigquery: stored.get(key) ?? 0 }))
}
