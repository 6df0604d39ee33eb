/** The carrier's reports late, twice, and in any order; a delivery that fails; the promised time; a report that never comes. */

import { describe, expect, it } from 'vitest'
import { interleave } from './interleavings.testing.ts'
import { app as ordersApp } from '../../functions/orders/app.ts'
import { message } from '../../shared/runtime/deliver.testing.ts'
import { serveQueries } from '../../shared/runtime/queries.testing.ts'
import { expectNothingNegative, ordersOf } from '../support/simulation/always-true.ts'
import { eventsOf } from '../support/simulation/order-facts.ts'
import { everyWay } from '../support/simulation/scheduler.ts'
import { to } from '../support/simulation/virtual-schedule.ts'
import { createWorld, type World } from '../support/simulation/world.ts'
import { DAY, expectQuiescence, MINUTE, SECOND } from './quiescence.testing.ts'

const HOUR = 60 * MINUTE
const viewOf = async (world: World, orderId: string): Promise<unknown> =>
  (await serveQueries(ordersApp, world.platform('orders')).request(`/orders/${orderId}`)).json()
const typesOf = (world: World, service: string, orderId: string): string[] =>
  eventsOf(world, service, orderId)
    .filter(({ sequence }) => sequence > 0)
    .map(({ type }) => type)
const shipments = ['shipment.created', 'shipment.dispatched', 'shipment.delivered']

describe("the carrier's webhook", () => {
  it('each fact follows when it happens: label, collection with the capture, delivery with the completion', async () => {
    const world = await createWorld({ carrier: { collectedAfterMs: HOUR, deliveredAfterMs: HOUR } })
    const { orderId } = await world.place()
    await world.run({ forMs: 30 * MINUTE })
    expect(typesOf(world, 'shipping', orderId)).toEqual(shipments.slice(0, 1))
    expect(typesOf(world, 'payments', orderId)).toEqual(['payment.authorized'])
    await world.run({ forMs: HOUR })
    expect(typesOf(world, 'shipping', orderId)).toEqual(shipments.slice(0, 2))
    expect(typesOf(world, 'payments', orderId)).toEqual(['payment.authorized', 'payment.captured'])
    expect(await viewOf(world, orderId)).toMatchObject({ status: 'confirmed', shipments: [{ status: 'dispatched' }] })
    await world.run({ forMs: HOUR })
    expect(typesOf(world, 'shipping', orderId)).toEqual(shipments)
    await expectQuiescence(world, 'completed')
  })

  it.each([
    ['the release', 'order.released', 0],
    ['the command', 'BookCarrier', 1],
  ] as const)(
    "before the booking's answer is recorded by %s: the parcel is dispatched once",
    async (by, type, unavailable) => {
      const world = await createWorld()
      Object.assign(world.carrier.faults, { unavailable })
      const booking = world.schedule.hold(to('shipping', type))
      const { orderId } = await world.place()
      await world.run({ forMs: MINUTE })
      const activity = world.begin(booking.held()[0]!)
      while (activity.waiting[0]?.what !== 'commit') await world.scheduler.step(activity)
      activity.paused = true
      await world.run({ forMs: 10 * SECOND })
      // Its webhook waits for the release, and is repeated until then.
      expect(typesOf(world, 'shipping', orderId)).toEqual(by === 'the release' ? [] : shipments)
      activity.paused = false
      booking.release()
      await expectQuiescence(world, 'completed')
      expect(typesOf(world, 'shipping', orderId)).toEqual(shipments)
      expect(world.carrier.bookings()).toHaveLength(1)
    },
  )

  it('of the delivery before that of the collection, and each of them twice: each fact is recorded once', async () => {
    const world = await createWorld()
    const late = world.schedule.hold(({ kind, type }) => kind === 'webhook' && type === 'booking.updated')
    const { orderId } = await world.place()
    await world.run({ forMs: 2 * MINUTE })
    expect(late.held().length).toBeGreaterThanOrEqual(4)
    await world.finish(world.begin(late.held().at(-1)!))
    await world.run({ forMs: MINUTE })
    expect(typesOf(world, 'shipping', orderId)).toEqual(shipments)
    late.release()
    await expectQuiescence(world, 'completed')
    expect(typesOf(world, 'shipping', orderId)).toEqual(shipments)
  })

  it.each([
    ['delivered, dispatched', ['shipment.delivered', 'shipment.dispatched']],
    ['dispatched, delivered', ['shipment.dispatched', 'shipment.delivered']],
  ])('%s reach orders: it completes after both', async (_name, order) => {
    const world = await createWorld()
    const holds = order.map((type) => world.schedule.hold(to('orders', type)))
    await world.place()
    await world.run({ forMs: MINUTE })
    for (const hold of holds) {
      expect(ordersOf(world)).toMatchObject([{ status: 'confirmed' }])
      hold.release()
      await world.run({ forMs: SECOND })
    }
    await expectQuiescence(world, 'completed')
  })

  it('that is lost: orders has the carrier asked when the parcel is overdue', async () => {
    const world = await createWorld()
    const lost = world.schedule.hold(({ kind, type }) => kind === 'webhook' && type === 'booking.updated')
    await world.place()
    await world.run({ forMs: 2 * DAY })
    expect(lost.held().length).toBeGreaterThan(0)
    await expectQuiescence(world, 'completed')
  })
})

describe('a carrier that is out for twelve hours: the booking is made once it is back', () => {
  async function expectBooked(world: World): Promise<void> {
    await world.run({ forMs: 12 * HOUR })
    expect(world.carrier.bookings()).toEqual([])
    world.carrier.faults.unavailable = 0
    await world.run({ forMs: 11 * MINUTE })
    expect(world.carrier.bookings()).toHaveLength(1)
    // Operators have known of it for hours.
    const lines = world.platform('shipping').logs.filter(({ event }) => event === 'saga.stuck')
    expect(lines.length).toBeGreaterThan(20)
    await expectQuiescence(world, 'completed')
  }

  it('of a release', async () => {
    const world = await createWorld()
    world.carrier.faults.unavailable = Infinity
    await world.place()
    await expectBooked(world)
  })

  it('of a release that had to wait for an authorization, which was renewed before its hold', async () => {
    const world = await createWorld({ releaseDelaySeconds: (7 * DAY - 20 * HOUR) / 1_000 })
    await world.place()
    await world.run({ forMs: 5 * DAY })
    const renewal = world.schedule.hold(to('orders', 'payment.authorized'))
    const hold = world.schedule.hold(to('shipping', 'HoldShipments'))
    const booking = world.schedule.hold(to('shipping', 'BookCarrier'))
    await world.run({ forMs: 2 * DAY, until: () => hold.held().length > 0 })
    renewal.release()
    await world.run({ forMs: MINUTE })
    hold.release()
    await world.run({ forMs: MINUTE })
    expect(booking.held()).toHaveLength(1)
    world.carrier.faults.unavailable = Infinity
    booking.release()
    await expectBooked(world)
  })
})

describe('an order whose promised time passes', () => {
  const carrier = { collectedAfterMs: HOUR, deliveredAfterMs: 5 * DAY }

  it('is reported to its customer once, and completes with the delivery', async () => {
    const world = await createWorld({ carrier })
    const { orderId } = await world.place()
    await world.run({ forMs: 2 * DAY - HOUR })
    expect(typesOf(world, 'orders', orderId)).not.toContain('order.delayed')
    await world.run({ forMs: 10 * DAY })
    const delayed = typesOf(world, 'orders', orderId).filter((type) => type === 'order.delayed')
    expect(delayed).toHaveLength(1)
    await expectQuiescence(world, 'completed')
  })

  it('and the report of its delivery that is under way, in any interleaving: it is not delayed, and completes', async () => {
    const delays = new Set<number>()
    const ways = await everyWay(async (choose) => {
      // Delivered an hour before the promised time; the report comes with it.
      const world = await createWorld({ carrier: { collectedAfterMs: HOUR, deliveredAfterMs: 2 * DAY - 2 * HOUR } })
      const report = world.schedule.hold(to('orders', 'shipment.delivered'))
      const { orderId } = await world.place()
      await world.run({ forMs: DAY + HOUR })
      const promise = world.schedule.hold(to('orders', 'ContinueCheckout'))
      await world.run({ forMs: DAY + HOUR })
      expect([report.held().length, promise.held().length]).toEqual([1, 1])
      const activities = [report, promise].map((hold) => {
        const [item] = hold.held()
        hold.release()
        return world.begin(item!)
      })
      await interleave(world, activities, choose)
      await expectQuiescence(world, 'completed')
      delays.add(typesOf(world, 'orders', orderId).filter((type) => type === 'order.delayed').length)
    })
    expect(ways).toBeGreaterThan(4)
    expect(delays).toEqual(new Set([0]))
  })

  it('an hour after a report that is still under way: it is delayed once, whichever comes first', async () => {
    const delays = new Set<number>()
    for (const isReportFirst of [true, false]) {
      const world = await createWorld({ carrier: { collectedAfterMs: HOUR, deliveredAfterMs: 2 * DAY - 2 * HOUR } })
      const report = world.schedule.hold(to('orders', 'shipment.delivered'))
      const { orderId } = await world.place()
      await world.run({ forMs: 2 * DAY + 30 * MINUTE })
      const promise = world.schedule.hold(to('orders', 'ContinueCheckout'))
      await world.run({ forMs: HOUR })
      expect([report.held().length, promise.held().length]).toEqual([1, 1])
      for (const hold of isReportFirst ? [report, promise] : [promise, report]) {
        hold.release()
        await world.run({ forMs: MINUTE })
      }
      await expectQuiescence(world, 'completed')
      delays.add(typesOf(world, 'orders', orderId).filter((type) => type === 'order.delayed').length)
    }
    expect(delays).toEqual(new Set([0, 1]))
  })

  it('whose webhook of a return is lost stalls instead: the carrier is asked a day before the end of the wait', async () => {
    const world = await createWorld({ carrier })
    const { orderId } = await world.place({ address: 'returned' })
    await world.run({ forMs: 2 * HOUR })
    const lost = world.schedule.hold(({ kind, type }) => kind === 'webhook' && type === 'booking.updated')
    await world.run({ forMs: 20 * DAY })
    expect(lost.held().length).toBeGreaterThan(0)
    expect(ordersOf(world)).toMatchObject([{ status: 'confirmed' }])
    expect(typesOf(world, 'orders', orderId).at(-1)).toBe('order.stalled')
    expect(await viewOf(world, orderId)).toMatchObject({ shipments: [{ status: 'returned' }] })
  })

  it('without a report of its delivery completes after fourteen days', async () => {
    const world = await createWorld({ carrier: { ...carrier, deliveredAfterMs: 60 * DAY } })
    const { orderId } = await world.place()
    await world.run({ forMs: 13 * DAY })
    expect(ordersOf(world)).toMatchObject([{ status: 'confirmed' }])
    await world.run({ forMs: 3 * DAY })
    expect(ordersOf(world)).toMatchObject([{ status: 'completed' }])
    expect(await viewOf(world, orderId)).toMatchObject({ shipments: [{ status: 'dispatched' }] })
  })
})

describe('a parcel that comes back', () => {
  const returned = async (): Promise<{ world: World; orderId: string }> => {
    const world = await createWorld()
    const { orderId } = await world.place({ address: 'returned' })
    await world.run({ forMs: MINUTE })
    return { world, orderId }
  }

  it('is shown, stalls the order for staff, who refunds and closes it', async () => {
    const { world, orderId } = await returned()
    const parcel = { status: 'returned', code: 'recipient-unknown' }
    expect(await viewOf(world, orderId)).toMatchObject({ status: 'confirmed', shipments: [parcel] })
    expect(typesOf(world, 'orders', orderId).slice(-2)).toEqual(['saga.stuck', 'order.stalled'])
    await world.run({ forMs: 30 * DAY })
    expect(ordersOf(world)).toMatchObject([{ status: 'confirmed' }])
    const refund = { orderId, refundId: 'r-1', amountMinor: 2380, reason: 'it came back' }
    expect(await world.submit('RefundPayment', refund, 'r-1')).toEqual({ status: 202 })
    const envelope = message('CloseOrder', { orderId, reason: 'it came back' }, { actor: 'staff:jo' })
    world.bus.send([{ target: 'orders', envelope }])
    await world.run({ forMs: DAY })
    expect(await viewOf(world, orderId)).toMatchObject({ status: 'closed', payment: { refundedMinor: 2380 } })
    expectNothingNegative(world)
    expect(world.bus.deadLetters()).toEqual([])
  })

  it('is sold until the warehouse receives it, once, however often the command is sent', async () => {
    const { world } = await returned()
    const available = (): number =>
      [...world.platform('inventory').storedDocuments()]
        .filter(([path]) => path.startsWith('shards/'))
        .reduce((sum, [, shard]) => sum + Number(shard['onHand']), 0)
    const before = available()
    const adjustment = { adjustmentId: 'returned-s-1', sku: 'TEA-001', change: 2, reason: 'returned' }
    for (const key of ['once', 'again']) {
      const envelope = message('AdjustStock', adjustment, { actor: 'staff:jo', key })
      world.bus.send([{ target: 'inventory', envelope }])
    }
    await world.run({ forMs: DAY })
    expect(available()).toBe(before + 2)
    const adjusted = eventsOf(world, 'inventory', 'adjustment-returned-s-1')
    expect(adjusted).toMatchObject([{ type: 'stock.adjusted', data: { reason: 'returned', change: 2 } }])
  })

  it.each([[['shipment.failed', 'shipment.dispatched']], [['shipment.dispatched', 'shipment.failed']]])(
    'reported to orders as %s stalls it once both are there',
    async (order) => {
      const world = await createWorld()
      const holds = order.map((type) => world.schedule.hold(to('orders', type)))
      const { orderId } = await world.place({ address: 'returned' })
      await world.run({ forMs: MINUTE })
      for (const hold of holds) {
        expect(typesOf(world, 'orders', orderId)).not.toContain('order.stalled')
        hold.release()
        await world.run({ forMs: MINUTE })
      }
      expect(typesOf(world, 'orders', orderId).at(-1)).toBe('order.stalled')
      expect(await viewOf(world, orderId)).toMatchObject({ shipments: [{ status: 'returned' }] })
    },
  )
})
