/** Two parcels: the first pays all, and the second is free and leaves after the end of the authorization. */

import { expect, it } from 'vitest'
import { app as inventoryApp } from '../../functions/inventory/app.ts'
import { app as ordersApp } from '../../functions/orders/app.ts'
import { deliver, message } from '../../shared/runtime/deliver.testing.ts'
import { ordersOf } from '../support/simulation/always-true.ts'
import { eventsOf } from '../support/simulation/order-facts.ts'
import { to } from '../support/simulation/virtual-schedule.ts'
import { createWorld, type World } from '../support/simulation/world.ts'
import { authorizations, HOUR } from './authorizations.testing.ts'
import { DAY } from './quiescence.testing.ts'

async function placed(card: string): Promise<World> {
  const world = await createWorld({
    piecesPerParcel: 1,
    cards: ['card-ok', 'card-renewal-refused'],
    carrier: { collectedAfterMs: HOUR, collectedApartMs: 9 * DAY, deliveredAfterMs: HOUR },
  })
  const price = { sku: 'FREE-001', unitMinor: 0, currency: 'EUR' }
  const announced = message('price.changed', price, { subject: 'FREE-001', version: 2, key: 'free' })
  await deliver(ordersApp, world.platform('orders'), announced)
  const received = { deliveryId: 'd-2', lines: [{ sku: 'FREE-001', quantity: 5 }] }
  await deliver(inventoryApp, world.platform('inventory'), world.commandTo('inventory', 'ReceiveStock', received))
  const lines = [
    { sku: 'TEA-001', quantity: 1 },
    { sku: 'FREE-001', quantity: 1 },
  ]
  await world.place({ lines, card })
  return world
}
/** Nothing is held any more, and the money was taken once. */
async function expectCompleted(world: World): Promise<void> {
  const isCompleted = (): boolean => ordersOf(world)[0]!.status === 'completed'
  await world.run({ forMs: 30 * DAY, until: isCompleted })
  expect(ordersOf(world)).toMatchObject([{ status: 'completed' }])
  expect(world.provider.ledger.all().flatMap(({ captures }) => captures)).toHaveLength(1)
  expect(world.provider.ledger.all().filter((one) => one.status === 'authorized' && !one.isReleased)).toEqual([])
}
const typesOf = (world: World, service: string): string[] =>
  eventsOf(world, service, ordersOf(world)[0]!.orderId).map(({ type }) => type)

it('needs neither a renewal nor a hold: the free parcel leaves when the carrier collects it', async () => {
  const world = await placed('card-ok')
  await expectCompleted(world)
  expect(typesOf(world, 'orders')).not.toContain('renewal.requested')
  expect(typesOf(world, 'shipping')).not.toContain('booking.held')
  expect(authorizations(world)).toEqual(['captured'])
})

it.each(['card-ok', 'card-renewal-refused'])(
  '%s: the first parcel is captured after the hold of the second, which is booked again',
  async (card) => {
    const world = await placed(card)
    const captures = world.schedule.hold(to('payments', 'shipment.dispatched'))
    await world.run({ forMs: 6 * DAY })
    // A renewal is granted before the hold; one that is refused leaves the order to its customer.
    if (card === 'card-renewal-refused') expect(typesOf(world, 'shipping')).toContain('booking.held')
    captures.release()
    await expectCompleted(world)
    expect(typesOf(world, 'shipping').filter((type) => type === 'shipment.dispatched')).toHaveLength(2)
  },
)

it.each([
  ['the hold first', ['HoldShipments', 'ResumeShipments']],
  ['the resumption first', ['ResumeShipments', 'HoldShipments']],
])('%s: no parcel waits', async (_name, order) => {
  const world = await placed('card-renewal-refused')
  const captures = world.schedule.hold(to('payments', 'shipment.dispatched'))
  const holds = order.map((type) => world.schedule.hold(to('shipping', type)))
  await world.run({ forMs: 6 * DAY })
  captures.release()
  await world.run({ forMs: HOUR })
  for (const hold of holds) {
    expect(hold.held()).toHaveLength(1)
    hold.release()
    await world.run({ forMs: HOUR })
  }
  await expectCompleted(world)
})
