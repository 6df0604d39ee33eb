/** The payment provider does not answer for days: each call that is repeated without an end is reported to staff, once. */

import { expect, it } from 'vitest'
import { message } from '../../shared/runtime/deliver.testing.ts'
import { eventsOf } from '../support/simulation/order-facts.ts'
import { ordersOf } from '../support/simulation/always-true.ts'
import { to } from '../support/simulation/virtual-schedule.ts'
import { createWorld, freeSku, sku, type World } from '../support/simulation/world.ts'
import { authorizations, HOUR, lapsed, ordered, paying, reach, WEEK } from './authorizations.testing.ts'
import { expectPartPaid, partlyCancelled } from './partly-cancelled.testing.ts'
import { DAY, expectQuiescence, MINUTE } from './quiescence.testing.ts'
import { refuseCaptures } from './refused-captures.testing.ts'

/** The reports of this type: as events, and as log lines, of which operators are alerted. */
function reportsOf(world: World, type: string): { events: object[]; lines: string[] } {
  const { orderId } = ordersOf(world)[0]!
  const events = eventsOf(world, 'payments', orderId).filter((event) => event.type === type)
  const lines = world.platform('payments').logs.filter(({ event }) => event === type)
  return { events: events.map(({ data }) => data as object), lines: lines.map(({ severity }) => severity) }
}
const none = { events: [], lines: [] }

it('a renewal without an answer is reported after a day, once, and made when the provider answers', async () => {
  const world = await ordered()
  const hold = await reach(world, to('payments', 'MakeRenewal'))
  world.provider.faults.unavailable = Infinity
  hold.release()
  await world.run({ forMs: DAY - HOUR })
  expect(reportsOf(world, 'renewal.overdue')).toEqual(none)
  await world.run({ forMs: 3 * DAY })
  const { orderId } = ordersOf(world)[0]!
  const report = { orderId, paymentId: `p-${orderId}`, authorization: 2 }
  expect(reportsOf(world, 'renewal.overdue')).toEqual({ events: [report], lines: ['ERROR'] })
  world.provider.faults.unavailable = 0
  await world.run({ forMs: WEEK })
  await expectQuiescence(world, 'completed')
  expect(world.provider.ledger.all().flatMap(({ captures }) => captures)).toHaveLength(1)
})

it('the release of the former authorization without an answer is reported after a day, once, and made when the provider answers', async () => {
  // Collected after the outage.
  const world = await ordered('card-ok', { carrier: { collectedAfterMs: 10.5 * DAY, deliveredAfterMs: HOUR } })
  const hold = await reach(world, to('payments', 'ReleaseAuthorization'))
  world.provider.faults.unavailable = Infinity
  hold.release()
  await world.run({ forMs: DAY - HOUR })
  expect(reportsOf(world, 'void.overdue')).toEqual(none)
  await world.run({ forMs: 3 * DAY })
  const { orderId } = ordersOf(world)[0]!
  const report = { orderId, paymentId: `p-${orderId}`, authorization: 1 }
  expect(reportsOf(world, 'void.overdue')).toEqual({ events: [report], lines: ['ERROR'] })
  world.provider.faults.unavailable = 0
  await world.run({ forMs: WEEK })
  await expectQuiescence(world, 'completed')
  expect(authorizations(world)).toEqual(['released', 'captured'])
})

/** Nothing is captured any more; the provider is out for days, and then answers. The types of the commands that end the authorization. */
async function reportedVoid(world: World, types: readonly string[]): Promise<string[]> {
  const hold = await reach(world, ({ to: service, type }) => service === 'payments' && types.includes(type), DAY)
  world.provider.faults.unavailable = Infinity
  hold.release()
  await world.run({ forMs: DAY - HOUR })
  expect(reportsOf(world, 'void.overdue')).toEqual(none)
  await world.run({ forMs: 2 * DAY })
  const { orderId } = ordersOf(world)[0]!
  const report = { orderId, paymentId: `p-${orderId}`, authorization: 1 }
  expect(reportsOf(world, 'void.overdue')).toEqual({ events: [report], lines: ['ERROR'] })
  world.provider.faults.unavailable = 0
  await world.run({ forMs: DAY })
  expect(world.provider.ledger.all().map(({ heldMinor }) => heldMinor)).toEqual([0])
  return [...world.platform('payments').sent, ...world.platform('orders').sent]
    .map(({ envelope }) => envelope.type)
    .filter((type) => types.includes(type))
}
const releases = ['ReleaseUncaptured', 'ReleaseAuthorization']

it('the release after staff has closed an order without an answer is reported after a day, once, and stays one that spares a capture', async () => {
  const world = await createWorld({ piecesPerParcel: 1 })
  refuseCaptures(world, (_authorization, key) => (key.endsWith('-2') ? 'card-expired' : undefined))
  const { orderId } = await world.place({ quantity: 2 })
  await world.run({ forMs: MINUTE })
  const close = message('CloseOrder', { orderId, reason: 'paid by invoice' }, { actor: 'staff:jo' })
  world.bus.send([{ target: 'orders', envelope: close }])
  expect(await reportedVoid(world, releases)).toEqual(['ReleaseUncaptured', 'ReleaseUncaptured'])
})

it('the release of the rest after a part was cancelled without an answer is reported after a day, once, and keeps no service waiting', async () => {
  const { world, holds } = await partlyCancelled(['reduce'])
  await world.run({ forMs: MINUTE })
  holds.get('reduce')!.release()
  expect(await reportedVoid(world, releases)).toEqual(['ReleaseAuthorization', 'ReleaseAuthorization'])
  expectPartPaid(world)
})

it('the release with a last parcel that is free without an answer is reported after a day, once, and keeps no service waiting', async () => {
  const carrier = { collectedAfterMs: HOUR, collectedApartMs: HOUR, deliveredAfterMs: HOUR }
  const world = await createWorld({ piecesPerParcel: 1, carrier, freeStock: 1 })
  await world.place({ lines: [sku, freeSku].map((one) => ({ sku: one, quantity: 1 })) })
  expect(await reportedVoid(world, releases)).toEqual(['ReleaseAuthorization', 'ReleaseAuthorization'])
  await expectQuiescence(world, 'completed')
})

it('one for which the customer was to act is not overdue at the end of their time: the order is cancelled, and its void stuck', async () => {
  const world = await lapsed({ cards: ['card-ok', 'card-action-required', 'card-renewal-refused'] })
  await world.run({ forMs: HOUR })
  await world.finish(world.begin(paying(world, 'card-action-required')))
  await world.run({ forMs: HOUR })
  const hold = await reach(world, to('payments', 'MakeRenewal'))
  world.provider.faults.unavailable = Infinity
  hold.release()
  await world.run({ forMs: 2 * DAY })
  expect(reportsOf(world, 'renewal.overdue')).toEqual(none)
  expect(ordersOf(world)[0]!.types).toContain('order.cancelled')
  const { orderId } = ordersOf(world)[0]!
  const report = { orderId, paymentId: `p-${orderId}`, authorization: 1 }
  expect(reportsOf(world, 'void.overdue')).toEqual({ events: [report], lines: ['ERROR'] })
  const stuck = world.platform('orders').published.filter(({ type }) => type === 'saga.stuck')
  expect([...new Set(stuck.map(({ data }) => (data as { step: string }).step))]).toContain('compensate obtain-payment')
  world.provider.faults.unavailable = 0
  await expectQuiescence(world, 'cancelled')
})

it('a refund without an answer is reported after a day, once, and made when the provider answers', async () => {
  const world = await createWorld()
  const { orderId } = await world.place()
  await expectQuiescence(world, 'completed')
  world.provider.faults.unavailable = Infinity
  await world.submit('RefundPayment', { orderId, refundId: 'r-1', amountMinor: 380, reason: 'late' }, 'r-1')
  await world.run({ forMs: DAY - HOUR })
  expect(reportsOf(world, 'refund.overdue')).toEqual(none)
  await world.run({ forMs: 3 * DAY })
  const report = { refundId: 'r-1', amountMinor: 380, reason: 'late' }
  expect(reportsOf(world, 'refund.overdue')).toMatchObject({ events: [report], lines: ['ERROR'] })
  world.provider.faults.unavailable = 0
  await expectQuiescence(world, 'completed')
  expect(world.provider.ledger.all().map(({ refundedMinor }) => refundedMinor)).toEqual([380])
})

it('a recapture that waits for a renewal without an answer is reported after a day, and made after it', async () => {
  const carrier = { collectedAfterMs: HOUR, collectedApartMs: 9 * DAY, deliveredAfterMs: HOUR }
  const world = await createWorld({ piecesPerParcel: 1, carrier, cards: ['card-ok', 'card-declined'] })
  refuseCaptures(world, (authorization) => (authorization.endsWith(':auth') ? 'card-expired' : undefined))
  const { orderId } = await world.place({ quantity: 2 })
  const renewals = await reach(world, to('payments', 'MakeRenewal'))
  const paymentMethodRef = world.paymentMethodOf('card-ok')!
  const request = { orderId, paymentMethodRef, reason: 'a new card' }
  expect(await world.submit('RecaptureOrder', request, 'again')).toEqual({ status: 202 })
  await world.run({ forMs: DAY - HOUR })
  expect(reportsOf(world, 'recapture.overdue')).toEqual(none)
  await world.run({ forMs: 2 * DAY })
  const report = { orderId, paymentId: `p-${orderId}`, authorization: 3 }
  expect(reportsOf(world, 'recapture.overdue')).toEqual({ events: [report], lines: ['ERROR'] })
  expect(world.bus.deadLetters()).toEqual([])
  renewals.release()
  await world.run({ forMs: HOUR })
  const taken = world.provider.ledger.all().map(({ key, captures }) => [key, captures.length])
  expect(taken).toContainEqual([`${orderId}:auth:3`, 1])
  await world.run({ forMs: 20 * DAY })
  await expectQuiescence(world, 'completed')
})
