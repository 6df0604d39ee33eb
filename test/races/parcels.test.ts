/** Several parcels of one order: each is captured when it is collected, and a cancellation, a delay or a death in between loses no cent and no piece. */

import { describe, expect, it } from 'vitest'
import { interleave } from './interleavings.testing.ts'
import { app as ordersApp } from '../../functions/orders/app.ts'
import { message } from '../../shared/runtime/deliver.testing.ts'
import { serveQueries } from '../../shared/runtime/queries.testing.ts'
import { expectNothingNegative, type OrderFacts, ordersOf } from '../support/simulation/always-true.ts'
import { eventsOf } from '../support/simulation/order-facts.ts'
import { type Activity, everyWay } from '../support/simulation/scheduler.ts'
import { to } from '../support/simulation/virtual-schedule.ts'
import {
  createWorld,
  type OrderRequest,
  unitMinor,
  type World,
  type WorldOptions,
} from '../support/simulation/world.ts'
import { expectQuiescence, MINUTE, SECOND } from './quiescence.testing.ts'

const HOUR = 60 * MINUTE
/** Three parcels of a piece each, collected an hour apart and delivered half an hour later. */
const carrier = { collectedAfterMs: HOUR, collectedApartMs: HOUR, deliveredAfterMs: HOUR / 2 }

async function ordered(options: WorldOptions = {}, request: OrderRequest = {}) {
  const world = await createWorld({ piecesPerParcel: 1, carrier, ...options })
  const { orderId } = await world.place({ quantity: 3, ...request })
  return { world, orderId }
}
const viewOf = async (world: World, orderId: string): Promise<unknown> =>
  (await serveQueries(ordersApp, world.platform('orders')).request(`/orders/${orderId}`)).json()
const captures = (world: World): number[] =>
  world.provider.ledger.all().flatMap((one) => one.captures.map(({ amountMinor }) => amountMinor))
const cancel = (world: World, orderId: string): void =>
  world.bus.send([
    { target: 'orders', envelope: message('CancelOrder', { orderId, by: 'customer', reason: 'changed-mind' }) },
  ])
const only = (world: World): OrderFacts => ordersOf(world)[0]!

describe('an order of several parcels', () => {
  it('is paid parcel by parcel, and completes with the delivery of the last', async () => {
    const { world, orderId } = await ordered()
    const parcels = ['1', '2', '3'].map((one) => `s-${orderId}-${one}`)
    const shown = async () => (await viewOf(world, orderId)) as Record<string, unknown>
    await world.run({ forMs: HOUR + MINUTE })
    expect(captures(world)).toEqual([unitMinor])
    expect(await shown()).toMatchObject({
      status: 'confirmed',
      payment: { capturedMinor: unitMinor },
      shipments: [{ shipmentId: parcels[0], status: 'dispatched' }],
    })
    await world.run({ forMs: HOUR })
    expect(captures(world)).toEqual([unitMinor, unitMinor])
    expect(await shown()).toMatchObject({ shipments: [{ status: 'delivered' }, { status: 'dispatched' }] })
    await world.run({ forMs: HOUR })
    expect(await shown()).toMatchObject({ status: 'confirmed', payment: { capturedMinor: 3 * unitMinor } })
    await expectQuiescence(world, 'completed')
    const { trackingRef } = world.carrier.bookings().find(({ key }) => key === parcels[1])!
    expect(await shown()).toMatchObject({
      shipments: parcels.map((shipmentId) => ({ shipmentId, status: 'delivered', lines: [{ quantity: 1 }] })),
    })
    expect(await shown()).toMatchObject({ shipments: [{}, { shipmentId: parcels[1], trackingRef }, {}] })
  })

  it.each([
    ['with taxes and a discount', { discountCode: 'WELCOME-10' }, 'card-ok'],
    ['whose captures are delayed', {}, 'card-capture-delayed'],
    ['whose captures are refused and taken from another card', {}, 'card-capture-refused'],
  ] as const)('%s pays its total, whatever is captured first', async (_name, request, card) => {
    const together = { collectedAfterMs: HOUR, deliveredAfterMs: HOUR }
    const { world, orderId } = await ordered({ carrier: together, taxClass: 'standard' }, { ...request, card })
    await world.run({ forMs: 3 * HOUR })
    if (card === 'card-capture-refused') {
      const paymentMethodRef = world.paymentMethodOf('card-ok')!
      await world.submit('RecaptureOrder', { orderId, paymentMethodRef, reason: 'a new card' }, 'key-1')
      await world.run({ forMs: MINUTE })
      const { data } = eventsOf(world, 'orders', orderId).find(({ type }) => type === 'recapture.requested')!
      const renewed = world.provider.ledger.all().find(({ key }) => key === `${orderId}:auth:2`)!
      expect(data).toMatchObject({ amountMinor: renewed.amountMinor })
    }
    await expectQuiescence(world, 'completed')
    expect(captures(world)).toHaveLength(3)
    expect(captures(world).reduce((sum, one) => sum + one, 0)).toBe(only(world).totalMinor)
    // The last capture waits for the others without an alert.
    if (card !== 'card-capture-refused') expect(only(world).types).not.toContain('saga.stuck')
  })

  it('is paid for what is collected, and no more, when the rest is cancelled', async () => {
    const { world, orderId } = await ordered()
    await world.run({ forMs: HOUR + MINUTE })
    cancel(world, orderId)
    await expectQuiescence(world, 'completed')
    expect(only(world)).toMatchObject({ quantity: 1, totalMinor: unitMinor })
    expect(only(world).types).toContain('order.partly-cancelled')
    expect(captures(world)).toEqual([unitMinor])
    expect(world.carrier.bookings()).toHaveLength(1)
    expectNothingNegative(world)
  })

  it(
    'and a cancellation, in any interleaving with the second collection: one part leaves, the other is free',
    {
      timeout: 120_000,
    },
    async () => {
      const left = new Set<number>()
      const ways = await everyWay(async (choose) => {
        const { world, orderId } = await ordered()
        await world.run({ forMs: HOUR + HOUR / 2 + MINUTE })
        const check = world.schedule.hold(to('shipping', 'CheckShipments'))
        const question = world.schedule.hold(to('shipping', 'CancelShipments'))
        cancel(world, orderId)
        await world.run({ forMs: HOUR / 2 })
        const activities = [check, question].map((hold) => world.begin(hold.held()[0]!))
        const stopsAt = ({ waiting }: Activity): boolean => /^(read|commit|ask .*cancel)/.test(waiting[0]?.what ?? '')
        await interleave(world, activities, choose, { stopsAt })
        check.release()
        question.release()
        await expectQuiescence(world, 'completed')
        left.add(only(world).quantity)
      })
      expect(ways).toBeGreaterThan(5)
      expect([...left]).toEqual([2])
    },
  )

  it('whose service dies at any step of the release has each parcel once', { timeout: 60_000 }, async () => {
    for (let at = 1, isWhole = false; !isWhole; at++) {
      const { world } = await ordered({ carrier: {} })
      const hold = world.schedule.hold(to('shipping', 'order.released'))
      await world.run({ forMs: SECOND, until: () => hold.held().length > 0 })
      const [item] = hold.held()
      const activity = world.begin(item!)
      for (let step = 0; step < at && activity.state === 'running'; step++) await world.scheduler.step(activity)
      isWhole = activity.state !== 'running'
      if (!isWhole) {
        world.scheduler.kill(activity)
        world.schedule.items.push(item!)
      }
      hold.release()
      await expectQuiescence(world, 'completed')
      expect(world.carrier.bookings()).toHaveLength(3)
    }
  })
})
