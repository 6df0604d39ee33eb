/**
 * A run: where it stands, and its next page. It compares the stock first, has payments collect the provider's charges, then reads the
 * records of all orders, and ends with its counts.
 */

import { inventoryContracts } from '../inventory/contracts.ts'
import { ordersContracts } from '../orders/contracts.ts'
import { paymentsContracts } from '../payments/contracts.ts'
import { shippingContracts } from '../shipping/contracts.ts'
import type { Platform } from '../../shared/service/platform.ts'
import { analyticsPage, stockPage } from './analytics.ts'
import { differencesOf, isInFlight, type Records } from './compare.ts'
import type { Counts, Difference } from './contracts.ts'
import { isAfter, joined } from './join.ts'
import {
  bounded,
  nextPass,
  noStock,
  recentIn,
  rowsMissing,
  stockDifferences,
  type StockState,
  withMovements,
  withRows,
  withShards,
} from './stock.ts'

export interface Run {
  readonly startedAt: string
  readonly minAgeMinutes: number
  /** The page that is compared next, from 1. */
  readonly page: number
  /**
   * `stock`: the shards of some products; `movements`: the ledger of these; `stock-rows`: their rows in BigQuery; and so on, until
   * all products are compared.
   */
  readonly phase: 'stock' | 'movements' | 'stock-rows' | 'charges' | 'orders' | 'ended'
  /** The cursor of the shards. */
  readonly shardsAfter?: string
  /** The stream of inventory to which the ledger was read. */
  readonly movementsAfter?: string
  /** BigQuery's query of the stock, and the rows of its result that this pass has read. */
  readonly stockJob?: string
  readonly stockRows?: number
  /** The provider's cursor of the charges that are collected next. */
  readonly chargesAfter?: string
  /** All charges of the provider were collected; absent: of a run that began before they were. */
  readonly hasCharges?: true
  /** The order to which all lists were compared. */
  readonly after?: string
  /** The query of BigQuery, and the rows of its result that were compared. */
  readonly job?: string
  readonly rows: number
  readonly stock: StockState
  readonly compared: Counts
  readonly inFlight: number
  readonly differences: number
}

const noCounts: Counts = { orders: 0, payments: 0, charges: 0, reservations: 0, shipments: 0, products: 0, rows: 0 }

export const begun = (startedAt: string, minAgeMinutes: number): Run => ({
  startedAt,
  minAgeMinutes,
  page: 1,
  phase: 'stock',
  rows: 0,
  stock: noStock(startedAt),
  compared: noCounts,
  inFlight: 0,
  differences: 0,
})

export interface ComparedPage {
  readonly run: Run
  readonly differences: readonly Difference[]
}

/** Rows of each list on a page. */
const PAGE = 100
/** Rows of BigQuery's stock on a page: each pass reads all of them. */
const STOCK_PAGE = 1_000
const limit = String(PAGE)

/** Reads and compares the next page. @throws Unavailable */
export async function comparePage(platform: Platform, runId: string, run: Run): Promise<ComparedPage> {
  switch (run.phase) {
    case 'stock':
      return readStock(platform, run)
    case 'movements':
      return compareStock(platform, run)
    case 'stock-rows':
      return compareStockRows(platform, run)
    case 'charges':
      return collectCharges(platform, runId, run)
    case 'orders':
    case 'ended':
      return compareOrders(platform, runId, run)
  }
}

async function collectCharges(platform: Platform, runId: string, run: Run): Promise<ComparedPage> {
  const { chargesAfter, ...rest } = run
  const body = { runId, ...(chargesAfter === undefined ? {} : { after: chargesAfter }) }
  const { next } = (await platform.query(paymentsContracts, 'collectCharges', { body })).body
  const where = next === undefined ? { phase: 'orders' as const, hasCharges: true as const } : { chargesAfter: next }
  return { run: { ...rest, ...where, page: run.page + 1 }, differences: [] }
}

async function readStock(platform: Platform, run: Run): Promise<ComparedPage> {
  const answer = await platform.query(inventoryContracts, 'listShards', { after: run.shardsAfter, limit })
  // The cursor is inventory's own, of the page before.
  if (answer.refused) throw new Error(`Inventory refused the page of shards: ${answer.detail}`)
  const { rows, next } = answer.body
  const { shardsAfter: before, ...rest } = run
  const read = withShards(run.stock, rows)
  const stock = next === undefined ? read : bounded(read)
  const isEnough = next === undefined || stock.upTo !== undefined
  // The next pass begins with this page again: its last products are not in this pass.
  const shardsAfter = isEnough ? before : next
  return {
    run: {
      ...rest,
      page: run.page + 1,
      phase: isEnough ? 'movements' : 'stock',
      ...(shardsAfter === undefined ? {} : { shardsAfter }),
      stock,
    },
    differences: [],
  }
}

async function compareStock(platform: Platform, run: Run): Promise<ComparedPage> {
  const page = { after: run.movementsAfter, limit }
  const { body } = await platform.query(inventoryContracts, 'listMovements', page)
  const { movementsAfter: _before, ...rest } = run
  const stock = withMovements(run.stock, body.rows, settledBeforeMs(run))
  if (body.next !== undefined)
    return { run: { ...rest, page: run.page + 1, stock, movementsAfter: body.next }, differences: [] }
  const differences = stockDifferences(stock)
  return {
    run: {
      ...rest,
      page: run.page + 1,
      phase: 'stock-rows',
      stockRows: 0,
      stock,
      compared: { ...run.compared, products: run.compared.products + Object.keys(stock.balances).length },
      inFlight: run.inFlight + recentIn(stock),
      differences: run.differences + differences.length,
    },
    differences,
  }
}

/** Records that changed from then on are in flight. */
const settledBeforeMs = ({ startedAt, minAgeMinutes }: Run): number => Date.parse(startedAt) - minAgeMinutes * 60_000

async function compareStockRows(platform: Platform, run: Run): Promise<ComparedPage> {
  const { stockJob, stockRows: from = 0 } = run
  const { job, rows } = await stockPage(platform, { job: stockJob, from, limit: STOCK_PAGE })
  const { state, differences: found } = withRows(run.stock, rows)
  const hasMore = rows.length === STOCK_PAGE
  const differences = hasMore ? found : [...found, ...rowsMissing(state)]
  const read = { ...run, page: run.page + 1, stockJob: job, differences: run.differences + differences.length }
  if (hasMore) return { run: { ...read, stock: state, stockRows: from + rows.length }, differences }
  const readAt = new Date(platform.now()).toISOString()
  const isLast = state.upTo === undefined
  return {
    run: {
      ...read,
      phase: isLast ? 'charges' : 'stock',
      stock: isLast ? noStock(readAt) : nextPass(state, readAt),
    },
    differences,
  }
}

async function compareOrders(platform: Platform, runId: string, run: Run): Promise<ComparedPage> {
  const lists = await readLists(platform, runId, run)
  const { orders, payments, charges, reservations, shipments, analytics } = lists
  const { ids, reached } = joined([orders, payments, charges, reservations, shipments, analytics])
  const within = <Row extends { readonly orderId: string }>({ rows }: { readonly rows: readonly Row[] }): Row[] =>
    rows.filter(({ orderId }) => reached === undefined || !isAfter(orderId, reached))
  const byOrder = <Row extends { readonly orderId: string }>(list: { readonly rows: readonly Row[] }) =>
    Map.groupBy(within(list), ({ orderId }) => orderId)
  const tables = {
    order: byOrder(orders),
    payment: byOrder(payments),
    charges: byOrder(charges),
    reservation: byOrder(reservations),
    shipments: byOrder(shipments),
    analytics: byOrder(analytics),
  }
  const differences: Difference[] = []
  let { inFlight } = run
  for (const orderId of ids) {
    const records: Records = {
      orderId,
      order: tables.order.get(orderId)?.[0],
      payment: tables.payment.get(orderId)?.[0],
      ...(charges.unlisted === undefined ? { charges: tables.charges.get(orderId) ?? [] } : {}),
      reservation: tables.reservation.get(orderId)?.[0],
      shipments: tables.shipments.get(orderId)?.[0],
      analytics: tables.analytics.get(orderId)?.[0],
    }
    if (isInFlight(records, settledBeforeMs(run))) inFlight += 1
    else differences.push(...differencesOf(records))
  }
  const isLast = reached === undefined
  if (isLast) differences.push(...notCompared(charges.unlisted))
  const { after: _before, ...rest } = run
  const added = {
    orders: within(orders).length,
    payments: within(payments).length,
    charges: within(charges).length,
    reservations: within(reservations).length,
    shipments: within(shipments).length,
    rows: within(analytics).length,
  }
  return {
    run: {
      ...rest,
      page: run.page + 1,
      phase: isLast ? 'ended' : 'orders',
      ...(reached === undefined ? {} : { after: reached }),
      job: lists.job,
      rows: run.rows + added.rows,
      compared: sumOf(run.compared, { ...added, products: 0 }),
      inFlight,
      differences: run.differences + differences.length,
    },
    differences,
  }
}

/** A comparison that no run makes is a difference of each run, so that no operator takes it for made. */
const notCompared = (why: string | undefined): Difference[] =>
  why === undefined
    ? []
    : [{ kind: 'charges-not-compared', id: 'charges', values: { provider: why, ledger: 'begin another run' } }]

async function readLists(platform: Platform, runId: string, { after, job, rows: from, hasCharges }: Run) {
  const page = { after, limit }
  const [orders, payments, charges, reservations, shipments, analytics] = await Promise.all([
    platform.query(ordersContracts, 'listOrderRecords', page),
    platform.query(paymentsContracts, 'listPaymentRecords', page),
    hasCharges
      ? platform.query(paymentsContracts, 'listCollectedCharges', { ...page, runId })
      : platform.query(paymentsContracts, 'listCharges', page),
    platform.query(inventoryContracts, 'listReservations', page),
    platform.query(shippingContracts, 'listShipmentRecords', page),
    analyticsPage(platform, { job, from, limit: PAGE }),
  ])
  const hasMore = analytics.rows.length === PAGE
  return {
    orders: orders.body,
    payments: payments.body,
    charges: { unlisted: undefined, ...charges.body },
    reservations: reservations.body,
    shipments: shipments.body,
    analytics: { rows: analytics.rows, ...(hasMore ? { next: analytics.rows.at(-1)!.orderId } : {}) },
    job: analytics.job,
  }
}

const sumOf = (one: Counts, other: Counts): Counts =>
  Object.fromEntries((Object.keys(one) as (keyof Counts)[]).map((name) => [name, one[name] + other[name]])) as Counts
