/** Waits until all events are in BigQuery, then compares BigQuery's figures with the file's. */

import type { BigQuery } from '@google-cloud/bigquery'
import { setTimeout as pause } from 'node:timers/promises'
import type { Api } from '../../../../cli/api.ts'
import { hasEnded, type OrderView } from '../order-view.ts'
import { forEachConcurrently } from '../../../../shared/base/concurrently.ts'
import { CONCURRENCY, type Placed } from './place.ts'
import type { Totals } from './expected.ts'
import type { Progress } from './progress.ts'

const POLL_INTERVAL_MS = 500

export interface Ended {
  readonly completed: number
  readonly rejected: number
  /** Orders whose saga had not ended, or whose events were not in BigQuery, at the timeout. */
  readonly open: readonly string[]
}

/** Returns when every order has ended and all events of its timeline are rows in BigQuery, or at the timeout. */
export async function waitForEnd(
  { api, bigquery, timeoutMs }: { readonly api: Api; readonly bigquery: BigQuery; readonly timeoutMs: number },
  placed: readonly Placed[],
  progress: Progress,
): Promise<Ended> {
  const endMs = Date.now() + timeoutMs
  const outcome = new Map<string, string>()
  let waiting = placed.map(({ orderId }) => orderId)
  progress.begin('orders ended', placed.length)
  while (waiting.length > 0 && Date.now() < endMs) {
    const stored = await storedEvents(bigquery, waiting)
    const candidates = waiting.filter((orderId) => stored.get(orderId)?.ended)
    await forEachConcurrently(candidates, CONCURRENCY, async (orderId) => {
      const { body: order } = await api.send<OrderView>('GET', `/v1/orders/${orderId}`)
      const recorded = order.timeline.entries ?? []
      if (
        hasEnded(order) &&
        recorded.length > 0 &&
        recorded.every(({ eventId }) => stored.get(orderId)!.ids.has(eventId))
      ) {
        outcome.set(orderId, order.status)
        progress.set(outcome.size)
      }
    })
    waiting = waiting.filter((orderId) => !outcome.has(orderId))
    if (waiting.length > 0) await pause(POLL_INTERVAL_MS)
  }
  progress.end()
  const completed = [...outcome.values()].filter((status) => status === 'completed').length
  return { completed, rejected: outcome.size - completed, open: waiting }
}

interface Stored {
  readonly ids: ReadonlySet<string>
  readonly ended: boolean
}

async function storedEvents(bigquery: BigQuery, orderIds: readonly string[]): Promise<Map<string, Stored>> {
  const [rows] = (await bigquery.query({
    query: `
      SELECT correlation_id, ARRAY_AGG(id) AS ids,
        COUNTIF(type IN ('order.completed', 'order.closed', 'order.rejected', 'order.expired', 'order.cancelled')) > 0 AS ended
      FROM analytics.event_log
      WHERE correlation_id IN UNNEST(@orderIds)
      GROUP BY correlation_id`,
    params: { orderIds },
  })) as unknown as [{ correlation_id: string; ids: string[]; ended: boolean }[]]
  return new Map(rows.map((row) => [row.correlation_id, { ids: new Set(row.ids), ended: row.ended }]))
}

export interface Difference {
  readonly what: string
  readonly file: number
  readonly bigquery: number
}

/** The figures that differ between the file and BigQuery: empty if they agree. */
export async function differences(
  bigquery: BigQuery,
  placed: readonly Placed[],
  expected: Totals,
): Promise<Difference[]> {
  // The client does not know the type of an empty list by itself.
  const orderIds = { params: { orderIds: placed.map(({ orderId }) => orderId) }, types: { orderIds: ['STRING'] } }
  const only = `order_id IN UNNEST(@orderIds) AND status = 'completed'`
  const [byCurrency] = (await bigquery.query({
    query: `SELECT currency, COUNT(*) AS orders, SUM(total_minor) AS minor FROM analytics.orders WHERE ${only} GROUP BY currency`,
    ...orderIds,
  })) as unknown as [{ currency: string; orders: number; minor: number }[]]
  const [bySku] = (await bigquery.query({
    query: `
      SELECT line.sku, SUM(line.quantity) AS units
      FROM analytics.order_lines AS line JOIN analytics.orders USING (order_id)
      WHERE ${only} GROUP BY line.sku`,
    ...orderIds,
  })) as unknown as [{ sku: string; units: number }[]]

  const orders = byCurrency.reduce((sum, row) => sum + row.orders, 0)
  const minor = new Map(byCurrency.map((row) => [row.currency, row.minor]))
  const units = new Map(bySku.map((row) => [row.sku, row.units]))
  return [
    { what: 'orders', file: expected.orders, bigquery: orders },
    ...compare('revenue in minor units of ', expected.revenueMinor, minor),
    ...compare('units of ', expected.unitsBySku, units),
  ].filter(({ file, bigquery: stored }) => file !== stored)
}

function compare(what: string, file: ReadonlyMap<string, number>, stored: ReadonlyMap<string, number>): Difference[] {
  const keys = new Set([...file.keys(), ...stored.keys()])
  return [...keys].map((key) => ({ what: `${what}${key}`, file: file.get(key) ?? 0, bigquery: stored.get(key) ?? 0 }))
}
