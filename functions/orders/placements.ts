/**
 * Bounds for one customer: orders in an hour, unpaid orders, and the stock that they hold. All instances count in one document
 * for each customer, which is written in the same commit as the order's own stream.
 */

import { type Bound, Limited, Refused } from '../../shared/base/errors.ts'
import { hashOf } from '../../shared/base/ids.ts'
import { type DocumentPath, documentPath } from '../../shared/service/document-path.ts'
import { shopCodes } from '../shop/errors.ts'
import type { orders } from './service.ts'
import type { Bounds } from './settings.ts'

/** The document of one customer. The bounds also limit its size. */
export interface Placements {
  /** Start of five minutes, in milliseconds since the epoch → orders placed in them. */
  readonly placed: Readonly<Record<string, number>>
  /** Orders that were unpaid when they were last looked up. */
  readonly unpaid: readonly Unpaid[]
  /** Orders of the last hour that lapsed. Absent: none. */
  readonly lapses?: readonly Lapse[]
}

interface Unpaid {
  readonly orderId: string
  readonly placedAtMs: number
  /** By `keyOf` the SKU. */
  readonly pieces: Readonly<Record<string, number>>
}

/** The pieces of a lapsed order count for an hour. Otherwise a customer could hold stock for ever, by one lapsed order after the other. */
type Lapse = Pick<Unpaid, 'placedAtMs' | 'pieces'>

/** The order that is to be placed. */
export interface Placing {
  readonly orderId: string
  readonly lines: readonly { readonly sku: string; readonly quantity: number }[]
}

/** The kind as which an earlier order counts in its customer's bounds. */
export type PlacementStatus =
  | { readonly kind: 'unpaid'; readonly endsAtMs: number }
  /** The customer was asked to act for the payment, and did not act in time or was declined. */
  | { readonly kind: 'lapsed' }
  /** Paid, or ended without holding stock for its customer's answer. */
  | { readonly kind: 'over' }

const SLICE_MS = 5 * 60_000
const HOUR_MS = 60 * 60_000
const none: Placements = { placed: {}, unpaid: [] }

/** The document's name is a hash: a customer's name has up to 400 bytes, and the document must not reveal it. */
export const placementsPath = (customerRef: string): DocumentPath =>
  documentPath<typeof orders>('placements', hashOf(customerRef))

/** Short, since an order may have a thousand. */
const keyOf = (sku: string): string => hashOf(sku).slice(0, 12)

/**
 * The customer's document with this order added. It looks up the unpaid orders (`placementStatusOf`) only if the document alone would
 * exceed a bound, because some of them may be paid by now.
 * @throws Limited, Refused with the bound, how much of it is used, and when the next order is possible.
 */
export async function withPlacement(
  document: Placements | undefined,
  placing: Placing,
  {
    bounds,
    nowMs,
    placementStatusOf,
  }: { bounds: Bounds; nowMs: number; placementStatusOf: (orderId: string) => Promise<PlacementStatus> },
): Promise<Placements> {
  const kept = recent(document ?? none, nowMs)
  const pieces = piecesOf(placing.lines)
  refuseLargeOrder(placing, pieces, bounds)
  refuseManyOrders(kept, bounds, nowMs)
  if (isWithin(kept, pieces, bounds)) return added(kept, placing, pieces, nowMs)
  const withStatus = await Promise.all(
    kept.unpaid.map(async (one) => ({ one, status: await placementStatusOf(one.orderId) })),
  )
  const lapsed = withStatus
    .filter(({ status }) => status.kind === 'lapsed')
    .map(({ one: { placedAtMs, pieces } }) => ({ placedAtMs, pieces }))
  const open = withStatus.flatMap(({ one, status }) => (status.kind === 'unpaid' ? [{ one, status }] : []))
  const current = recent({ ...kept, unpaid: open.map(({ one }) => one), lapses: [...kept.lapses, ...lapsed] }, nowMs)
  const endsAtMs = Math.min(...open.map(({ status }) => status.endsAtMs))
  refuseUnpaid(current, placing, { pieces, bounds, nowMs, endsAtMs })
  return added(current, placing, pieces, nowMs)
}

type Recent = Placements & { readonly lapses: readonly Lapse[] }

function recent({ placed, unpaid, lapses = [] }: Placements, nowMs: number): Recent {
  const slices = Object.entries(placed).filter(([startMs]) => Number(startMs) + SLICE_MS + HOUR_MS > nowMs)
  return {
    placed: Object.fromEntries(slices),
    unpaid,
    lapses: lapses
      .filter(({ placedAtMs }) => placedAtMs + HOUR_MS > nowMs)
      .toSorted((a, b) => a.placedAtMs - b.placedAtMs),
  }
}

function added(current: Recent, { orderId }: Placing, pieces: Unpaid['pieces'], nowMs: number): Placements {
  const slice = String(nowMs - (nowMs % SLICE_MS))
  return {
    ...current,
    placed: { ...current.placed, [slice]: (current.placed[slice] ?? 0) + 1 },
    unpaid: [...current.unpaid, { orderId, placedAtMs: nowMs, pieces }],
  }
}

function piecesOf(lines: Placing['lines']): Record<string, number> {
  const pieces: Record<string, number> = {}
  for (const { sku, quantity } of lines) pieces[keyOf(sku)] = (pieces[keyOf(sku)] ?? 0) + quantity
  return pieces
}

const heldOf = ({ unpaid, lapses }: Recent, key: string): number =>
  [...unpaid, ...lapses].reduce((sum, { pieces }) => sum + (pieces[key] ?? 0), 0)

/** The key of the first SKU of which unpaid and lapsed orders, together with this one, would hold more than `maxPieces` pieces. */
const exceeded = (current: Recent, pieces: Unpaid['pieces'], maxPieces: number): string | undefined =>
  Object.keys(pieces).find((key) => heldOf(current, key) + pieces[key]! > maxPieces)

const isWithin = (current: Recent, pieces: Unpaid['pieces'], bounds: Bounds): boolean =>
  current.unpaid.length < bounds.unpaidOrders &&
  current.lapses.length < bounds.lapsedOrders &&
  exceeded(current, pieces, bounds.unpaidPieces) === undefined

function refuseLargeOrder({ lines }: Placing, pieces: Unpaid['pieces'], { unpaidPieces }: Bounds): void {
  const line = lines.find(({ sku }) => pieces[keyOf(sku)]! > unpaidPieces)
  if (!line) return
  const ordered = pieces[keyOf(line.sku)]!
  throw new Refused(
    shopCodes['too-many-pieces'],
    `The order asks for ${ordered} pieces of ${line.sku}, and one customer may hold ${unpaidPieces} unpaid: order less at once.`,
  )
}

function refuseManyOrders({ placed }: Placements, { ordersPerHour }: Bounds, nowMs: number): void {
  const slices = Object.entries(placed).toSorted(([a], [b]) => Number(a) - Number(b))
  let used = slices.reduce((sum, [, count]) => sum + count, 0)
  if (used < ordersPerHour) return
  const bound = { bound: 'orders-per-hour', limit: ordersPerHour, used }
  const freeing = slices.find(([, count]) => (used -= count) < ordersPerHour)!
  const seconds = secondsUntil(Number(freeing[0]) + SLICE_MS + HOUR_MS, nowMs)
  throw new Limited(
    `${bound.used} orders were placed within an hour, and ${ordersPerHour} may be: retry in ${seconds} s.`,
    seconds,
    shopCodes['too-many-orders'],
    bound,
  )
}

interface UnpaidLimits {
  readonly pieces: Unpaid['pieces']
  readonly bounds: Bounds
  readonly nowMs: number
  /** The earliest time at which an unpaid order expires. */
  readonly endsAtMs: number
}

function refuseUnpaid(current: Recent, { lines }: Placing, { pieces, bounds, nowMs, endsAtMs }: UnpaidLimits): void {
  const refuse = (detail: string, fromMs: number, bound: Bound): never => {
    const seconds = secondsUntil(fromMs, nowMs)
    throw new Limited(`${detail} in ${seconds} s.`, seconds, shopCodes['too-many-unpaid-orders'], bound)
  }
  const { unpaidOrders, unpaidPieces, lapsedOrders } = bounds
  const lapsed = current.lapses.length
  if (lapsed >= lapsedOrders)
    refuse(
      `${lapsed} orders within an hour were not paid after their customer was asked to act, and ${lapsedOrders} may be, since they hold stock: retry`,
      current.lapses[lapsed - lapsedOrders]!.placedAtMs + HOUR_MS,
      { bound: 'lapsed-orders', limit: lapsedOrders, used: lapsed },
    )
  const open = current.unpaid.length
  if (open >= unpaidOrders)
    refuse(`${open} orders are not paid yet, and ${unpaidOrders} may be at once: pay one, or retry`, endsAtMs, {
      bound: 'unpaid-orders',
      limit: unpaidOrders,
      used: open,
    })
  const key = exceeded(current, pieces, unpaidPieces)
  if (key === undefined) return
  const used = heldOf(current, key)
  const { sku } = lines.find((line) => keyOf(line.sku) === key)!
  const releasedAtMs = current.lapses
    .filter((one) => one.pieces[key] !== undefined)
    .map((one) => one.placedAtMs + HOUR_MS)
  refuse(
    `${used} pieces of ${sku} are in orders that are not paid yet or lapsed within an hour, ${unpaidPieces} may be, and this order asks for ${pieces[key]!} more: pay one, or retry`,
    // `endsAtMs` is Infinity if no order is unpaid.
    Math.min(endsAtMs, ...releasedAtMs),
    { bound: 'unpaid-pieces', limit: unpaidPieces, used },
  )
}

const secondsUntil = (atMs: number, nowMs: number): number => Math.max(1, Math.ceil((atMs - nowMs) / 1000))
