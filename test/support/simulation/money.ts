/** The invariants of money, by the provider's ledger: what was captured, what was given back, and what is held. */

import { expect } from 'vitest'
import { evolve, initial, isPlaced, viewOf } from '../../../functions/orders/order.ts'
import type { Authorization, Posting, Refundable } from '../../../functions/shop/local/payment-provider/ledger.ts'
import { fold } from '../../../shared/service/fold.ts'
import { eventsOf, isSold, type OrderFacts, sum } from './order-facts.ts'
import type { World } from './world.ts'

const DAY_MS = 24 * 3_600_000

const capturedOf = ({ captures }: Authorization): number => sum(captures.map(({ amountMinor }) => amountMinor))

export function expectMoney(world: World, order: OrderFacts): void {
  const { orderId, status, totalMinor } = order
  const isPaid = isSold(order) && totalMinor > 0
  const all = world.provider.ledger.all().filter(({ reference }) => reference === orderId)
  // A released authorization under which nothing was captured holds nothing.
  const live = all.filter((one) => one.status === 'authorized' && !(one.isReleased && capturedOf(one) === 0))
  const captured = sum(all.map(capturedOf))
  expect(captured, `money taken for ${orderId}, which is ${status}`).toBe(isSold(order) ? totalMinor : 0)
  // Each may have paid a parcel before the next one was granted.
  const further = eventsOf(world, 'payments', orderId).filter(({ type }) =>
    ['recapture.due', 'renewal.due'].includes(type),
  ).length
  expect(live.length, `live authorizations of ${orderId}, which is ${status}`).toBeGreaterThanOrEqual(isPaid ? 1 : 0)
  expect(live.length, `live authorizations of ${orderId}, which is ${status}`).toBeLessThanOrEqual(
    isPaid ? 1 + further : 0,
  )
  for (const one of all) expect(capturedOf(one)).toBeLessThanOrEqual(one.amountMinor)
  // With the last parcel; or with the cancellation or the recapture of what had not left.
  for (const { key, captures, isReleased } of live) {
    const finals = captures.filter(({ final }) => final).length
    expect(finals === 0 ? isReleased : finals === 1, `the rest of ${key} is released`).toBe(true)
  }
  const capturedEvents = eventsOf(world, 'payments', orderId).filter(({ type }) => type === 'payment.captured')
  expect(sum(capturedEvents.map(({ data }) => (data as { amountMinor: number }).amountMinor)), 'as published').toBe(
    captured,
  )
  expectRefunds(world, orderId, all)
  expectInTime(world, { orderId, totalMinor }, all)
  expectOwed(world, order, { captured, all })
  if (status === 'closed') expectReturnedIsPaidBack(world, order)
}

/** Nothing is captured on an authorization that has ended, and nothing collected on one with less than a day left. */
function expectInTime(
  world: World,
  { orderId, totalMinor }: Pick<OrderFacts, 'orderId' | 'totalMinor'>,
  all: readonly Refundable[],
): void {
  for (const { key, expiresAt, captures } of all)
    for (const { madeAtMs } of captures) expect(madeAtMs, `capture under ${key}`).toBeLessThan(Date.parse(expiresAt))
  for (const { order, status, collectedAtMs = 0 } of world.carrier.bookings()) {
    if (order !== orderId || status === 'booked') continue
    // The parcels before have paid all: this one is free.
    const paid = all.flatMap(({ captures }) => captures).filter(({ madeAtMs }) => madeAtMs <= collectedAtMs)
    if (sum(paid.map(({ amountMinor }) => amountMinor)) >= totalMinor) continue
    const lefts = all
      .filter((one) => one.status === 'authorized' && one.madeAtMs <= collectedAtMs)
      .map((one) => Date.parse(one.expiresAt) - collectedAtMs)
    expect(Math.max(...lefts), `authorized for ${orderId} when it was collected`).toBeGreaterThanOrEqual(DAY_MS)
  }
}

/** The merchant keeps the price of what was shipped and not refunded, and takes nothing once a cancellation was answered. */
function expectOwed(
  world: World,
  { orderId, status, totalMinor }: OrderFacts,
  { captured, all }: { captured: number; all: readonly Refundable[] },
): void {
  const shipped = eventsOf(world, 'shipping', orderId).filter(({ type }) => type === 'shipment.dispatched')
  expect(captured, `captured for ${orderId}, if it was shipped`).toBe(shipped.length > 0 ? totalMinor : 0)
  if (status === 'cancelled') expect(shipped, `shipments of ${orderId}, which is cancelled`).toEqual([])
  const view = viewOfMoney(world, orderId)
  const refunded = sum(all.map(({ refundedMinor }) => refundedMinor))
  expect((view.capturedMinor ?? 0) - view.refundedMinor, `paid for ${orderId}, as its customer sees it`).toBe(
    captured - refunded,
  )
}

/** The amount that was captured for each shipment, as published. */
export const capturedByShipment = (world: World, orderId: string): ReadonlyMap<string, number> =>
  new Map(
    eventsOf(world, 'payments', orderId)
      .filter(({ type }) => type === 'payment.captured')
      .map(({ data }) => data as { shipmentId: string; amountMinor: number })
      .map(({ shipmentId, amountMinor }) => [shipmentId, amountMinor]),
  )

/** The merchant keeps at most the price of what its customer has: a refund that the bank sends back is paid in another way. */
function expectReturnedIsPaidBack(world: World, { orderId, parcels }: OrderFacts): void {
  const captured = capturedByShipment(world, orderId)
  const kept = sum(parcels.map(({ shipmentId, end }) => (end === 'delivered' ? (captured.get(shipmentId) ?? 0) : 0)))
  const due = eventsOf(world, 'payments', orderId).filter(({ type }) => type === 'refund.due')
  const refunded = sum(due.map(({ data }) => (data as RefundData).amountMinor))
  expect(sum([...captured.values()]) - refunded, `kept of ${orderId}, of which a parcel came back`).toBeLessThanOrEqual(
    kept,
  )
}

/** The provider, payments and orders agree on what was refunded, and nothing more was than was captured. */
function expectRefunds(world: World, orderId: string, all: readonly Refundable[]): void {
  for (const one of all) expect(one.refundedMinor, `refunded of ${one.key}`).toBeLessThanOrEqual(capturedOf(one))
  const made = all.flatMap(({ refunds }) => refunds)
  expect(
    made.filter(({ status }) => status === 'pending'),
    `pending refunds of ${orderId}`,
  ).toEqual([])
  const paid = made
    .filter(({ status }) => status === 'succeeded')
    .map(({ key, amountMinor }) => `${key} ${amountMinor}`)
  const decided = eventsOf(world, 'payments', orderId)
  const idsOf = (type: string): string[] =>
    decided.filter((event) => event.type === type).map(({ data }) => (data as { refundId: string }).refundId)
  const failed = [...idsOf('refund.failed'), ...idsOf('refund.refused')]
  const due = idsOf('refund.due')
  const open = due.filter((id) => !idsOf('refund.issued').includes(id) && !failed.includes(id))
  expect(open, `refunds of ${orderId} without an end`).toEqual([])
  const issued = decided
    .filter(({ type, data }) => type === 'refund.issued' && !failed.includes((data as RefundData).refundId))
    .map(({ data }) => data as RefundData)
  expect(
    issued.map(({ refundId, amountMinor }) => `${orderId}:refund:${refundId} ${amountMinor}`).toSorted(),
    `refunds of ${orderId} as published`,
  ).toEqual(paid.toSorted())
  const refundedMinor = sum(issued.map(({ amountMinor }) => amountMinor))
  expect(viewOfMoney(world, orderId).refundedMinor, `refunded of ${orderId} in orders`).toBe(refundedMinor)
}

interface RefundData {
  readonly refundId: string
  readonly amountMinor: number
}

/** The money of the order as customers see it. */
function viewOfMoney(
  world: World,
  orderId: string,
): { readonly capturedMinor?: number | undefined; readonly refundedMinor: number } {
  const state = fold({ initial, evolve }, eventsOf(world, 'orders', orderId))
  return (isPlaced(state) ? viewOf(state).payment : undefined) ?? { refundedMinor: 0 }
}

/** At rest no money is held: every authorization was captured or voided. */
export function expectNoMoneyWithoutOrder(world: World, orders: readonly OrderFacts[]): void {
  const known = new Set(orders.map(({ orderId }) => orderId))
  for (const { reference } of world.provider.ledger.all()) expect(known.has(reference), reference).toBe(true)
  const of = (kind: Posting['kind']): number =>
    sum(world.provider.ledger.postings().map((one) => (one.kind === kind ? one.amountMinor : 0)))
  expect(of('authorize'), 'authorized = captured + released').toBe(of('capture') + of('release'))
}
