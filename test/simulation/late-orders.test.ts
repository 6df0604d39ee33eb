/** Whole runs in which goods leave after their authorization has ended: for every seed the invariants hold, and no order waits for ever. */

import { describe, expect, it } from 'vitest'
import { orderIn } from '../../functions/orders/order.ts'
import { isOpen } from '../../functions/orders/renewal-times.ts'
import { ordersOf } from '../support/simulation/always-true.ts'
import { eventsOf } from '../support/simulation/order-facts.ts'
import { expectRunsToReachAll } from '../support/simulation/reach-all.ts'
import type { World } from '../support/simulation/world.ts'
import { wholeLists } from '../support/whole-lists.ts'
import { simulateLateOrders } from './late-orders.testing.ts'

/** For a longer run of half so many: `SIMULATION_RUNS=1000 npm test -- test/simulation/late-orders`. A failure prints its seed. */
const MOST_RUNS = Math.ceil(Number(process.env['SIMULATION_RUNS'] ?? 40) / 2)
/** `npm test` ends after so many, once all of `all` is reached. */
const LEAST_RUNS = wholeLists || process.env['SIMULATION_RUNS'] ? MOST_RUNS : 6
/** Seeds whose runs together reach all of `all`; a change of the rules may make others reach it, after more runs. */
const reaching = [26, 27, 13, 8, 4, 1]
/** So many runs are enough to reach all of `all`. */
const SAMPLE = 20
const runs = { least: LEAST_RUNS, most: MOST_RUNS, sample: SAMPLE }

const all = [
  'renewed, completed',
  'renewed, cancelled',
  'lapsed, completed',
  'lapsed, cancelled',
  'cancelled for want of a payment',
  'cancelled after ninety days',
  'held',
  'recaptured',
  'renewed while a recapture waits',
  'captured in one, completed',
  'acting after a lapse, completed',
]

/** The renewal has an end after the recapture was requested. */
function isRecapturedWhileActing(world: World, orderId: string): boolean {
  const waits = new Set<number>()
  for (const { type, data } of eventsOf(world, 'payments', orderId)) {
    const { authorization, refused = authorization } = data as { authorization: number; refused?: number }
    if (type === 'recapture.due' && waits.size > 0) return true
    if (type === 'payment.action-required') waits.add(authorization)
    if (['payment.authorized', 'payment.lapsed', 'renewal.dropped'].includes(type)) waits.delete(refused)
  }
  return false
}

/** A recapture that was declined for the moment has not come to its next attempt. */
function isRenewedWhileRecapturing(world: World, orderId: string): boolean {
  let waits = false
  for (const { type } of eventsOf(world, 'payments', orderId)) {
    if (type === 'renewal.due' && waits) return true
    if (type === 'recapture.declined') waits = true
    if (type === 'recapture.done') waits = false
  }
  return false
}

/** A renewal is attempted for seven hours. */
const ANSWERED_WITHIN_MS = 9 * 3_600_000

/**
 * A renewal that orders or a customer has requested is granted or refused in time, unless its order needs none any more. The faults of
 * these runs are short.
 */
function expectRenewalsAnswered(world: World, orderId: string): void {
  const commits = world.platform('orders').commitsByStream().get(orderId) ?? []
  const upTo = (ms: number) => commits.flatMap(({ time, events }) => (Date.parse(time) <= ms ? events : []))
  for (const { time, events } of commits)
    for (const { type, data } of events) {
      if (type !== 'renewal.requested' && type !== 'order.payment-continued') continue
      const { authorization } = data as { authorization: number }
      const order = orderIn(upTo(Date.parse(time) + ANSWERED_WITHIN_MS))
      const isNeeded = isOpen(order) && !order.ledger.cancelling
      const isWaiting =
        type === 'renewal.requested'
          ? order.authorization?.number === authorization && !order.lapse
          : order.payment?.authorization === authorization && order.lapse?.isTried === true
      expect(isNeeded && isWaiting, `${type} for authorization ${authorization} of ${orderId} has no answer`).toBe(
        false,
      )
    }
}

async function simulate(seed: number): Promise<World> {
  const world = await simulateLateOrders(seed)
  for (const { orderId } of ordersOf(world)) expectRenewalsAnswered(world, orderId)
  return world
}

function marksOf(world: World): string[] {
  return ordersOf(world).flatMap(({ orderId, status, types }) => {
    const of = (service: string, type: string): boolean =>
      eventsOf(world, service, orderId).some((event) => event.type === type)
    const isEndedFor = (reason: string): boolean =>
      eventsOf(world, 'orders', orderId).some(
        ({ type, data }) =>
          ['order.cancelled', 'order.partly-cancelled'].includes(type) &&
          (data as { reason: string }).reason === reason,
      )
    return [
      ...(types.includes('order.payment-renewed') ? [`renewed, ${status}`] : []),
      ...(of('payments', 'payment.lapsed') ? [`lapsed, ${status}`] : []),
      ...(isEndedFor('payment-lapsed') ? ['cancelled for want of a payment'] : []),
      ...(isEndedFor('open-too-long') ? ['cancelled after ninety days'] : []),
      ...(of('shipping', 'booking.held') ? ['held'] : []),
      ...(of('orders', 'lapse.acting') ? [`acting after a lapse, ${status}`] : []),
      ...(of('payments', 'captures.joined') ? [`captured in one, ${status}`] : []),
      ...(of('payments', 'recapture.done') ? ['recaptured'] : []),
      ...(isRecapturedWhileActing(world, orderId) ? ['recaptured while the bank waits for its customer'] : []),
      ...(isRenewedWhileRecapturing(world, orderId) ? ['renewed while a recapture waits'] : []),
      ...(of('payments', 'payment.nothing-due') ? [`a free parcel, ${status}`] : []),
      ...(of('orders', 'shipments.resumed') ? ['paid by the first parcels'] : []),
    ]
  })
}

describe('a run in which goods leave late, with faults', () => {
  it('keeps all invariants, and ends', { timeout: 30_000 + MOST_RUNS * 6_000 }, async () => {
    await expectRunsToReachAll({ simulate, marksOf, all, seed: 1, reaching, ...runs })
  })
})
