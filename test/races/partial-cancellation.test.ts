/** A part of an order has left when it is cancelled: payments and inventory keep what belongs to that part, in any order of arrival. */

import { expect, it } from 'vitest'
import { append, reconcile } from '../support/simulation/reconcile.ts'
import { to } from '../support/simulation/virtual-schedule.ts'
import { createWorld, unitMinor } from '../support/simulation/world.ts'
import { type OrderFacts, ordersOf } from '../support/simulation/always-true.ts'
import { type Arrival, expectOnePieceSold, expectPartPaid, partlyCancelled } from './partly-cancelled.testing.ts'
import { DAY, MINUTE } from './quiescence.testing.ts'

it.each<readonly [Arrival, Arrival, Arrival, Arrival]>([
  ['capture', 'commit', 'reduce', 'release'],
  ['reduce', 'release', 'capture', 'commit'],
  ['capture', 'release', 'commit', 'reduce'],
  ['reduce', 'commit', 'release', 'capture'],
])('%s, %s, %s, %s: the part that left is paid and sold, the other part is free', async (...order) => {
  const { world, holds } = await partlyCancelled(order)
  for (const arrival of order) {
    holds.get(arrival)!.release()
    await world.run({ forMs: MINUTE })
  }
  await world.run({ forMs: DAY })
  expectPartPaid(world)
})

it.each<readonly [Arrival, Arrival]>([
  ['capture', 'reduce'],
  ['reduce', 'capture'],
])('with taxes and a discount, %s before %s: orders and payments agree on the price of the rest', async (...order) => {
  const taxed = { taxClass: 'standard' } as const
  const { world, holds } = await partlyCancelled(order, taxed, { discountCode: 'WELCOME-10' })
  for (const arrival of order) {
    holds.get(arrival)!.release()
    await world.run({ forMs: MINUTE })
  }
  await world.run({ forMs: DAY })
  const [{ orderId, totalMinor, status }] = ordersOf(world) as [OrderFacts]
  // 11.90 less a tenth, and 19 % of that.
  expect({ totalMinor, status }).toEqual({ totalMinor: 1071 + 203, status: 'completed' })
  const [authorization] = world.provider.ledger.all()
  expect(authorization!.captures.map(({ amountMinor }) => amountMinor)).toEqual([totalMinor])
  const owed = async () =>
    (await reconcile(world)).differences
      .filter(({ kind }) => kind === 'completed-not-captured')
      .map(({ values }) => values)
  expect(await owed()).toEqual([])
  append(world, 'payments', orderId, more(orderId))
  await world.run({ forMs: DAY })
  expect(await owed()).toEqual([{ orders: 'completed EUR 12.74', ledger: 'captured EUR 12.75' }])
})

/** A capture of one cent beyond what is owed. */
function more(orderId: string): Parameters<typeof append>[3] {
  const about = { shipmentId: 's-more', amountMinor: 1, final: true }
  const captured = {
    ...about,
    orderId,
    paymentId: `p-${orderId}`,
    captureId: 'c-more',
    currency: 'EUR',
    authorization: 1,
  }
  return [
    { type: 'capture.due', version: 1, data: { ...about, quantities: {} } },
    { type: 'payment.captured', version: 2, data: captured },
  ]
}

it.each([
  ['orders does not know of the collection', to('orders', 'shipment.dispatched')],
  ['shipping has not asked the carrier about it', to('shipping', 'CheckShipments')],
])('cancelled twice while %s: the parcel that left is paid and sold once', async (_, late) => {
  const carrier = { collectedAfterMs: 60 * MINUTE, collectedApartMs: 60 * MINUTE, deliveredAfterMs: 30 * MINUTE }
  const world = await createWorld({ piecesPerParcel: 1, carrier })
  const { orderId } = await world.place({ quantity: 3 })
  await world.run({ forMs: 60 * MINUTE - 1_000 })
  const hold = world.schedule.hold(late)
  await world.run({ forMs: 5_000 })
  for (const key of ['first', 'second']) {
    await world.submit('CancelOrder', { orderId, by: 'customer', reason: 'changed-mind' }, key)
    await world.run({ forMs: MINUTE })
  }
  hold.release()
  await world.run({ forMs: 30 * DAY })
  expect(ordersOf(world)).toMatchObject([{ status: 'completed', quantity: 1, totalMinor: unitMinor }])
  const captured = world.provider.ledger.all().flatMap(({ captures }) => captures.map(({ amountMinor }) => amountMinor))
  expect(captured).toEqual([unitMinor])
  expectOnePieceSold(world)
  expect(await reconcile(world)).toMatchObject({ differences: [] })
})
