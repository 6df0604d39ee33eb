/** An order of which a part has left when it is cancelled. Shipping is answered for here, so that each message may come in any order: parcels.test.ts has its own answers. */

import { expect } from 'vitest'
import { message } from '../../shared/runtime/deliver.testing.ts'
import { expectNothingNegative, ordersOf } from '../support/simulation/always-true.ts'
import { type Hold, to } from '../support/simulation/virtual-schedule.ts'
import {
  createWorld,
  type OrderRequest,
  sku,
  unitMinor,
  type World,
  type WorldOptions,
} from '../support/simulation/world.ts'
import { MINUTE } from './quiescence.testing.ts'

const LEFT = { lineId: '1', sku, quantity: 1 }
const CANCELLED = { lineId: '2', sku, quantity: 2 }

/** The messages whose order of arrival varies, each to one service. */
const arrivals = {
  capture: to('payments', 'shipment.dispatched'),
  commit: to('inventory', 'shipment.dispatched'),
  reduce: to('payments', 'ReduceAuthorization'),
  release: to('inventory', 'ReleaseStock'),
} as const
export type Arrival = keyof typeof arrivals

export interface PartlyCancelled {
  readonly world: World
  /** The messages that are held until a test releases them. */
  readonly holds: ReadonlyMap<Arrival, Hold>
}

export async function partlyCancelled(
  held: readonly Arrival[],
  options: WorldOptions = {},
  request: OrderRequest = {},
): Promise<PartlyCancelled> {
  const world = await createWorld(options)
  for (const type of ['order.released', 'CancelShipments', 'RepublishEvents']) world.schedule.hold(to('shipping', type))
  const holds = new Map(held.map((arrival) => [arrival, world.schedule.hold(arrivals[arrival])]))
  const { orderId } = await world.place({
    ...request,
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
  world.bus.publish([
    message('shipment.dispatched', shipped),
    message('shipment.cancel-decided', answer),
    message('shipment.delivered', { orderId, shipmentId: 's-1' }),
  ])
  await world.run({ forMs: MINUTE })
  return { world, holds }
}

/** The part that left is paid and sold, and the other part is free: each once. */
export function expectPartPaid(world: World): void {
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
  expectOnePieceSold(world)
}

/** No piece is held for the order, and each delivery ended. */
export function expectOnePieceSold(world: World): void {
  const shards = [...world.platform('inventory').storedDocuments()].filter(([path]) => path.startsWith(`shards/${sku}`))
  const stock = (field: string): number => shards.reduce((sum, [, shard]) => sum + (shard[field] as number), 0)
  expect({ onHand: stock('onHand'), reserved: stock('reserved'), sold: stock('sold') }).toEqual({
    onHand: world.stock[sku]! - 1,
    reserved: 0,
    sold: 1,
  })
  expect(world.bus.deadLetters()).toEqual([])
}
