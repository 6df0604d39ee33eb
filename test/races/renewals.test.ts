/** The renewal and the lapse of an authorization against the collection, the capture, a cancellation and another payment method. */

import { describe, expect, it } from 'vitest'
import { ordersOf } from '../support/simulation/always-true.ts'
import { eventsOf } from '../support/simulation/order-facts.ts'
import { to } from '../support/simulation/virtual-schedule.ts'
import { unitMinor, type World } from '../support/simulation/world.ts'
import {
  authorizations,
  cancelling,
  COLLECTED_AFTER,
  HOUR,
  lapsed,
  ordered,
  paying,
  reach,
  slowWorld,
  WEEK,
} from './authorizations.testing.ts'
import { inAnyWay } from './interleavings.testing.ts'
import { DAY, expectQuiescence, MINUTE, SECOND, theOnly } from './quiescence.testing.ts'
import { declineTransiently } from './refused-captures.testing.ts'

const timeout = 60_000
const typesOf = (world: World, service: string): string[] =>
  eventsOf(world, service, ordersOf(world)[0]!.orderId).map(({ type }) => type)

describe('an order whose goods leave after the end of its authorization', () => {
  it('is renewed, collected and captured under the second authorization', async () => {
    const world = await ordered()
    await world.run({ forMs: COLLECTED_AFTER })
    await expectQuiescence(world, 'completed')
    expect(authorizations(world)).toEqual(['released', 'captured'])
    expect(typesOf(world, 'shipping')).not.toContain('booking.held')
  })

  it('of which a parcel is paid asks for the rest alone, when its renewal is refused', async () => {
    const carrier = { collectedAfterMs: HOUR, collectedApartMs: 20 * DAY, deliveredAfterMs: HOUR }
    const world = await slowWorld({ piecesPerParcel: 1, carrier, cards: ['card-renewal-refused'] })
    const { orderId } = await world.place({ quantity: 2, card: 'card-renewal-refused' })
    await world.run({ forMs: 8 * DAY })
    const requested = eventsOf(world, 'orders', orderId).find(({ type }) => type === 'order.payment-needed')
    expect(requested?.data).toMatchObject({ amountMinor: unitMinor })
  })

  it('is renewed as often as it takes, while the carrier is silent, and ends by an event', async () => {
    const world = await slowWorld({ carrier: { collectedAfterMs: 365 * DAY } })
    await world.place()
    await world.run({ forMs: 60 * DAY })
    expect(ordersOf(world)).toMatchObject([{ status: 'cancelled' }])
    expect(ordersOf(world)[0]!.types).toContain('order.payment-needed')
    await expectQuiescence(world, 'cancelled')
    expect(authorizations(world)).toEqual(['released', 'released', 'released', 'released', 'voided'])
  })

  it.each([
    [4, 'is renewed by the fifth attempt, and its customer is not asked', true],
    [Infinity, 'asks its customer after the fifth, while the former authorization has a day left', false],
  ])('whose bank declines %s authorizations for the moment %s', async (times, _name, isRenewed) => {
    const world = await ordered()
    await world.run({ forMs: HOUR })
    declineTransiently(world, times)
    await world.run({ forMs: WEEK - 31 * HOUR - HOUR })
    await world.run({ forMs: 7 * HOUR })
    expect(typesOf(world, 'orders')).not.toContain('order.payment-needed')
    await world.run({ forMs: HOUR })
    expect(typesOf(world, 'payments').filter((type) => type === 'renewal.due')).toHaveLength(5)
    const order = typesOf(world, 'orders')
    expect([order.includes('order.payment-needed'), order.includes('order.payment-renewed')]).toEqual([
      !isRenewed,
      isRenewed,
    ])
    await world.run({ forMs: WEEK })
    await expectQuiescence(world, isRenewed ? 'completed' : 'cancelled')
    expect(authorizations(world).filter((one) => one === 'captured')).toHaveLength(isRenewed ? 1 : 0)
  })

  it('with a free total never waits', async () => {
    const world = await slowWorld()
    await world.place({ discountCode: 'GIFT' })
    await world.run({ forMs: COLLECTED_AFTER + DAY })
    await expectQuiescence(world, 'completed')
    expect(authorizations(world)).toEqual([])
  })
})

describe('a lapse', () => {
  it('holds the parcel, which goes with another payment method and a booking of its own', async () => {
    const world = await lapsed()
    await world.run({ forMs: 2 * HOUR })
    expect(typesOf(world, 'shipping').at(-1)).toBe('booking.held')
    expect(world.carrier.bookings()).toEqual([])
    await world.finish(world.begin(paying(world)))
    await world.run({ forMs: COLLECTED_AFTER + DAY })
    await expectQuiescence(world, 'completed')
    expect(authorizations(world)).toEqual(['released', 'declined', 'released', 'captured'])
  })

  it('without another payment method ends with the cancellation of the order: its stock is back', async () => {
    const world = await lapsed()
    await world.run({ forMs: 3 * DAY - MINUTE })
    expect(ordersOf(world)).toMatchObject([{ status: 'confirmed' }])
    await world.run({ forMs: 2 * MINUTE })
    await expectQuiescence(world, 'cancelled')
  })

  it('with payment methods that are refused ends so, too', async () => {
    const world = await lapsed()
    for (const key of [1, 2, 3]) {
      await world.finish(world.begin(paying(world, 'card-declined', key)))
      await world.run({ forMs: HOUR })
    }
    await world.run({ forMs: 3 * DAY })
    await expectQuiescence(world, 'cancelled')
    expect(ordersOf(world)[0]!.types.filter((type) => type === 'order.payment-continued')).toHaveLength(3)
  })
})

describe('a hold and the collection', () => {
  /** The carrier collects at this time after the hold was requested. */
  async function holding(collectedAfterHoldMs: number): Promise<World> {
    const probe = await lapsed()
    const bookedMs = probe.carrier.bookings()[0]!.madeAtMs
    const holdAtMs = (await reach(probe, to('shipping', 'HoldShipments'))).held()[0]!.dueMs
    const world = await lapsed({
      carrier: { collectedAfterMs: holdAtMs + collectedAfterHoldMs - bookedMs, deliveredAfterMs: HOUR },
    })
    return world
  }

  it('the collection first: the parcel has left, and is captured before the authorization ends', async () => {
    const world = await holding(-MINUTE)
    await world.run({ forMs: 3 * HOUR })
    await expectQuiescence(world, 'completed')
    expect(authorizations(world)).toEqual(['captured', 'declined'])
  })

  it('the collection in the moment before the hold arrives, its webhook on its way: so, too', async () => {
    const world = await holding(0)
    const hold = await reach(world, to('shipping', 'HoldShipments'))
    const webhooks = world.schedule.hold(({ kind, type }) => kind === 'webhook' && type === 'booking.updated')
    await world.run({ forMs: MINUTE })
    hold.release()
    await world.run({ forMs: MINUTE })
    expect(typesOf(world, 'shipping')).toContain('shipment.dispatched')
    webhooks.release()
    await expectQuiescence(world, 'completed')
  })

  it('the carrier out for five hours when it is asked: it gives the booking back before the last day', async () => {
    const world = await holding(5 * HOUR + 30 * MINUTE)
    world.carrier.faults.unavailable = Infinity
    await world.run({ forMs: 5 * HOUR + MINUTE })
    expect(typesOf(world, 'shipping')).not.toContain('booking.held')
    world.carrier.faults.unavailable = 0
    await world.run({ forMs: 2 * HOUR })
    expect(typesOf(world, 'shipping').at(-1)).toBe('booking.held')
    await world.run({ forMs: 3 * DAY })
    await expectQuiescence(world, 'cancelled')
  })

  // The carrier is out for longer than the six hours, so it collects on less than a day: nothing can keep it from that.
  it('the carrier out for a day when it is asked, and collecting meanwhile: captured while the authorization lasts', async () => {
    const world = await holding(7 * HOUR)
    world.carrier.faults.unavailable = Infinity
    await world.run({ forMs: DAY })
    world.carrier.faults.unavailable = 0
    await world.run({ forMs: 3 * HOUR })
    expect(typesOf(world, 'shipping')).not.toContain('booking.held')
    expect(ordersOf(world)).toMatchObject([{ status: 'completed' }])
    expect(authorizations(world)).toEqual(['captured', 'declined'])
  })

  it('the hold first: the carrier has nothing to collect', async () => {
    const world = await holding(MINUTE)
    await world.run({ forMs: 3 * HOUR })
    expect(typesOf(world, 'shipping')).not.toContain('shipment.dispatched')
    await world.run({ forMs: 3 * DAY })
    await expectQuiescence(world, 'cancelled')
  })

  it(
    'a report of the collection at the same time, in any interleaving: the parcel leaves once',
    { timeout },
    async () => {
      const outcomes = await inAnyWay(
        async () => {
          const world = await holding(0)
          const hold = await reach(world, to('shipping', 'HoldShipments'))
          const check = await reach(world, to('shipping', 'CheckShipments'))
          hold.release()
          check.release()
          const items = [to('shipping', 'HoldShipments'), to('shipping', 'CheckShipments')]
          return { world, activities: items.map((item) => world.begin(world.schedule.items.find(item)!)) }
        },
        (world) => expectQuiescence(world, 'completed'),
      )
      expect([...outcomes]).toEqual(['completed'])
    },
  )

  it(
    'a renewal at the same time, in any interleaving: the parcel leaves once, with the new authorization',
    { timeout },
    async () => {
      const outcomes = await inAnyWay(
        async () => {
          const world = await ordered()
          const renewing = await reach(world, to('payments', 'RenewAuthorization'))
          const hold = await reach(world, to('shipping', 'HoldShipments'))
          renewing.release()
          const renewed = await reach(world, to('shipping', 'order.payment-renewed'))
          hold.release()
          renewed.release()
          const items = [to('shipping', 'HoldShipments'), to('shipping', 'order.payment-renewed')]
          return { world, activities: items.map((item) => world.begin(theOnly(world, item))) }
        },
        async (world) => {
          await world.run({ forMs: 2 * COLLECTED_AFTER })
          await expectQuiescence(world, 'completed')
        },
      )
      expect([...outcomes]).toEqual(['completed'])
    },
  )
})

describe('a renewal and the capture', () => {
  /** The parcel is collected while the renewal is on its way. */
  async function collectedWhileRenewing(): Promise<World> {
    const world = await ordered('card-ok', {
      carrier: { collectedAfterMs: WEEK - 31 * HOUR + MINUTE, deliveredAfterMs: HOUR },
    })
    return world
  }

  it.each([
    ['the renewal first', ['MakeRenewal', 'shipment.dispatched'], ['released', 'captured']],
    ['the capture first', ['shipment.dispatched', 'MakeRenewal'], ['captured']],
  ])('%s: it is captured once, and nothing else is held', async (_name, order, end) => {
    const world = await collectedWhileRenewing()
    const holds = order.map((type) => world.schedule.hold(to('payments', type)))
    await world.run({ forMs: WEEK - 31 * HOUR + 30 * MINUTE })
    for (const hold of holds) {
      expect(hold.held()).toHaveLength(1)
      hold.release()
      await world.run({ forMs: MINUTE })
    }
    await expectQuiescence(world, 'completed')
    expect(authorizations(world)).toEqual(end)
  })

  /** The command of the renewal and the parcel's event, in any interleaving. Returns the ends of the authorizations. */
  async function besideTheCapture(command: string): Promise<readonly string[]> {
    const ends = new Set<string>()
    await inAnyWay(
      async () => {
        const world = await collectedWhileRenewing()
        const items = [to('payments', command), to('payments', 'shipment.dispatched')]
        const holds = items.map((item) => world.schedule.hold(item))
        await world.run({ forMs: WEEK - 30 * HOUR })
        holds.forEach((hold) => hold.release())
        return { world, activities: items.map((item) => world.begin(theOnly(world, item))) }
      },
      async (world) => {
        await expectQuiescence(world, 'completed')
        ends.add(authorizations(world).join(', '))
      },
    )
    return [...ends]
  }

  it('in any interleaving it is captured once, and nothing else is held', { timeout }, async () => {
    expect((await besideTheCapture('MakeRenewal')).length).toBeGreaterThan(1)
  })

  it('the release of the former one, in any interleaving: it is captured once', { timeout }, async () => {
    expect(await besideTheCapture('ReleaseAuthorization')).toEqual(['released, captured'])
  })
})

describe('a renewal and a cancellation', () => {
  it.each([['RenewAuthorization'], ['MakeRenewal'], ['ReleaseAuthorization']])(
    '%s and the void, in any interleaving: no money is held',
    { timeout },
    async (type) => {
      const outcomes = await inAnyWay(
        async () => {
          const world = await ordered()
          const renewing = await reach(world, to('payments', type))
          const voiding = world.schedule.hold(to('payments', 'VoidPayment'))
          await world.finish(world.begin(cancelling(world)))
          await world.run({ forMs: 10 * SECOND })
          renewing.release()
          voiding.release()
          const items = [to('payments', type), to('payments', 'VoidPayment')]
          return { world, activities: items.map((item) => world.begin(theOnly(world, item))) }
        },
        (world) => expectQuiescence(world, 'cancelled'),
      )
      expect([...outcomes]).toEqual(['cancelled'])
    },
  )

  it('the renewal and the void at the provider, in any interleaving: no money is held', { timeout }, async () => {
    await inAnyWay(
      async () => {
        const world = await ordered()
        const renewing = await reach(world, to('payments', 'MakeRenewal'))
        const voiding = world.schedule.hold(to('payments', 'VoidAuthorization'))
        await world.finish(world.begin(cancelling(world)))
        await world.run({ forMs: 10 * SECOND })
        renewing.release()
        voiding.release()
        const items = [to('payments', 'MakeRenewal'), to('payments', 'VoidAuthorization')]
        return { world, activities: items.map((item) => world.begin(theOnly(world, item))) }
      },
      (world) => expectQuiescence(world, 'cancelled'),
    )
  })

  it(
    'the booking with the new authorization and the cancellation, in any interleaving: no parcel leaves',
    { timeout },
    async () => {
      await inAnyWay(
        async () => {
          const world = await lapsed()
          await world.run({ forMs: 2 * HOUR })
          await world.finish(world.begin(paying(world)))
          const renewed = await reach(world, to('shipping', 'order.payment-renewed'))
          const deciding = world.schedule.hold(to('shipping', 'CancelShipments'))
          await world.finish(world.begin(cancelling(world)))
          renewed.release()
          deciding.release()
          const items = [to('shipping', 'order.payment-renewed'), to('shipping', 'CancelShipments')]
          return { world, activities: items.map((item) => world.begin(theOnly(world, item))) }
        },
        (world) => expectQuiescence(world, 'cancelled'),
      )
    },
  )
})

describe('another payment method and the end of the time for it', () => {
  const deadline = to('orders', 'ContinueCheckout')
  async function beforeTheEnd(ms: number): Promise<World> {
    const world = await lapsed()
    await world.run({ forMs: 2 * HOUR })
    await world.run({ forMs: theOnly(world, deadline).dueMs - ms - world.schedule.now() })
    expect(ordersOf(world)).toMatchObject([{ status: 'confirmed' }])
    return world
  }

  it('the payment method first, its answer after the time: the order goes on', async () => {
    const world = await beforeTheEnd(1_000)
    const renewing = world.schedule.hold(to('payments', 'RenewAuthorization'))
    await world.finish(world.begin(paying(world)))
    await world.run({ forMs: HOUR - MINUTE })
    renewing.release()
    await world.run({ forMs: COLLECTED_AFTER + DAY })
    await expectQuiescence(world, 'completed')
  })

  it('the payment method first, no answer within an hour: the order is cancelled, and no money is held', async () => {
    const world = await beforeTheEnd(1_000)
    const renewing = world.schedule.hold(to('payments', 'RenewAuthorization'))
    await world.finish(world.begin(paying(world)))
    await world.run({ forMs: 2 * HOUR })
    renewing.release()
    await expectQuiescence(world, 'cancelled')
  })

  it('the end first: the payment method is refused, and not charged', async () => {
    const world = await beforeTheEnd(1_000)
    const item = paying(world)
    world.schedule.take(item)
    await world.run({ forMs: MINUTE })
    item.dueMs = world.schedule.now()
    world.schedule.items.push(item)
    await expectQuiescence(world, 'cancelled')
    // The renewal that was declined is voided as well.
    expect(authorizations(world)).toEqual(['voided', 'voided'])
  })

  it('in any interleaving the order goes on with it, or is cancelled without a charge', { timeout }, async () => {
    const outcomes = await inAnyWay(
      async () => {
        const world = await beforeTheEnd(1)
        const card = world.begin(paying(world))
        // The payment method is decided on by the time of its arrival.
        await world.scheduler.step(card)
        world.schedule.advanceTo(world.schedule.now() + 1)
        return { world, activities: [card, world.begin(theOnly(world, deadline))] }
      },
      async (world) => {
        await world.run({ forMs: COLLECTED_AFTER + DAY })
        await expectQuiescence(world, ['completed', 'cancelled'])
      },
    )
    expect([...outcomes].toSorted()).toEqual(['cancelled', 'completed'])
  })

  it('a lapse that is reported again after it changes nothing', async () => {
    const world = await ordered('card-renewal-refused')
    const lapse = await reach(world, to('orders', 'payment.lapsed'))
    const [item] = lapse.held()
    lapse.release()
    await world.run({ forMs: MINUTE })
    await world.finish(world.begin(paying(world)))
    await world.run({ forMs: MINUTE })
    item!.dueMs = world.schedule.now()
    world.schedule.items.push(item!)
    await world.run({ forMs: MINUTE })
    expect(ordersOf(world)[0]!.types.filter((type) => type === 'order.payment-needed')).toHaveLength(1)
    await world.run({ forMs: 2 * COLLECTED_AFTER })
    await expectQuiescence(world, 'completed')
  })

  it('and a cancellation, in any interleaving: the order is cancelled, and no money is held', { timeout }, async () => {
    await inAnyWay(
      async () => {
        const world = await lapsed()
        return { world, activities: [paying(world), cancelling(world)].map((item) => world.begin(item)) }
      },
      (world) => expectQuiescence(world, 'cancelled'),
    )
  })
})
