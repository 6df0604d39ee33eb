/** A part of an order has left when it is cancelled: payments and inventory keep what belongs to that part, in any order of arrival. */

import { expect, it } from 'vitest'
import { message } from '../../shared/runtime/deliver.testing.ts'
import { expectNothingNegative, ordersOf } from '../support/simulation/always-true.ts'
import { to } from '../support/simulation/virtual-schedule.ts'
import { createWorld, sku, unitMinor, type World } from '../support/simulation/world.ts'
import { DAY, MINUTE } from './quiescence.testing.ts'

const LEFT = { lineId: '1', sku, quantity: 1 }
const CANCELLED = { lineId: '2', sku, quantity: 2 }

/** The messages whose order of arrival varies, each to one service. */
const arrivals = {
  capture: to('payments', 'shipment.dispatched'),
  commit: to('inventory', 'shipment.dispatched'),
  reduce: to('payments', 'ReduceAuthorization'),
  release: to('inventory', 'ReleaseStock'),
} as const
type Arrival = keyof typeof arrivals

/** Shipping makes one parcel of an order for now: a test has to answer in its place. */
async function partlyCancelled(order: readonly Arrival[]): Promise<World> {
  const world = await createWorld()
  for (const type of ['order.released', 'CancelShipments', 'RepublishEvents']) world.schedule.hold(to('shipping', type))
  const holds = new Map(order.map((arrival) => [arrival, world.schedule.hold(arrivals[arrival])]))
  const { orderId } = await world.place({
    lines: [LEFT, CANCELLED].map(({ sku: ordered, quantity }) => ({ sku: ordered, quantity })),
  })
  await world.run({ forMs: MINUTE })
  const envelope = message('CancelOrder', { orderId, by: 'customer', reason: 'changed-mind' })
  world.bus.send([{ target: 'orders', envelope }])
  await world.run({ forMs: MINUTE })
  const shipped = { orderId, shipmentId: 's-1', lines: [LEFT], trackingRef: 't-1' }
  const answer = {
    orderId,
    cancellationId: envelope.id,
    cancelled: [CANCELLED],
    refused: [LEFT],
    cancelledShipments: ['s-2'],
  }
  world.bus.publish([message('shipment.dispatched', shipped), message('shipment.cancel-decided', answer)])
  await world.run({ forMs: MINUTE })
  for (const arrival of order) {
    holds.get(arrival)!.release()
    await world.run({ forMs: MINUTE })
  }
  await world.run({ forMs: DAY })
  return world
}

it.each<readonly [Arrival, Arrival, Arrival, Arrival]>([
  ['capture', 'commit', 'reduce', 'release'],
  ['reduce', 'release', 'capture', 'commit'],
  ['capture', 'release', 'commit', 'reduce'],
  ['reduce', 'commit', 'release', 'capture'],
])('%s, %s, %s, %s: the part that left is paid and sold, the other part is free', async (...order) => {
  const world = await partlyCancelled(order)
  expect(ordersOf(world)).toMatchObject([{ status: 'completed', quantity: 1 }])
  const [authorization] = world.provider.ledger.all()
  expect(authorization!.captures.map(({ amountMinor }) => amountMinor)).toEqual([unitMinor])
  const posted = (kind: string): number =>
    world.provider.ledger
      .postings()
      .reduce((sum, posting) => sum + (posting.kind === kind ? posting.amountMinor : 0), 0)
  expect({ authorized: posted('authorize'), released: posted('release') }).toEqual({
    authorized: 3 * unitMinor,
    released: 2 * unitMinor,
  })
  expectNothingNegative(world)
  const shards = [...world.platform('inventory').storedDocuments()].filter(([path]) => path.startsWith(`shards/${sku}`))
  const stock = (field: string): number => shards.reduce((sum, [, shard]) => sum + (shard[field] as number), 0)
  expect({ onHand: stock('onHand'), reserved: stock('reserved'), sold: stock('sold') }).toEqual({
    onHand: world.stock - 1,
    reserved: 0,
    sold: 1,
  })
  expect(world.bus.deadLetters()).toEqual([])
})
