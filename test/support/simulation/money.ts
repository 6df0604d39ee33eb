/** The invariants of money, by the provider's ledger: what was captured, what was given back, and what is held. */

import { expect } from 'vitest'
import { evolve, initial, isPlaced, viewOf } from '../../../functions/orders/order.ts'
import type { Authorization, Posting, Refundable } from '../../../functions/shop/local/payment-provider/ledger.ts'
import { fold } from '../../../shared/service/fold.ts'
import { eventsOf, type OrderFacts, sum } from './order-facts.ts'
import { unitMinor, type World } from './world.ts'

const capturedOf = ({ captures }: Authorization): number => sum(captures.map(({ amountMinor }) => amountMinor))

export function expectMoney(world: World, { orderId, status, quantity }: OrderFacts): void {
  const totalMinor = quantity * unitMinor
  const all = world.provider.ledger.all().filter(({ reference }) => reference === orderId)
  // A released authorization under which nothing was captured holds nothing.
  const live = all.filter((one) => one.status === 'authorized' && !(one.isReleased && capturedOf(one) === 0))
  const captured = sum(all.map(capturedOf))
  expect(captured, `money taken for ${orderId}, which is ${status}`).toBe(status === 'completed' ? totalMinor : 0)
  expect(live, `live authorizations of ${orderId}, which is ${status}`).toHaveLength(status === 'completed' ? 1 : 0)
  for (const one of all) expect(capturedOf(one)).toBeLessThanOrEqual(one.amountMinor)
  if (status === 'completed')
    expect(
      live[0]!.captures.filter(({ final }) => final),
      `final captures of ${orderId}`,
    ).toHaveLength(1)
  const capturedEvents = eventsOf(world, 'payments', orderId).filter(({ type }) => type === 'payment.captured')
  expect(sum(capturedEvents.map(({ data }) => (data as { amountMinor: number }).amountMinor)), 'as published').toBe(
    captured,
  )
  expectRefunds(world, orderId, all)
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
  expect(stateOf(world, orderId).refundedMinor, `refunded of ${orderId} in orders`).toBe(refundedMinor)
}

interface RefundData {
  readonly refundId: string
  readonly amountMinor: number
}

/** The money of the order as customers see it. */
function stateOf(world: World, orderId: string): { readonly refundedMinor: number } {
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
