/** A cancellation races with every step of its order: whichever commits first decides, and nothing is lost or charged. */

import { describe, expect, it } from 'vitest'
import { interleave, isAtSharedStep } from './interleavings.testing.ts'
import { message } from '../../shared/runtime/deliver.testing.ts'
import { ordersOf } from '../support/simulation/always-true.ts'
import { everyWay } from '../support/simulation/scheduler.ts'
import { type Hold, type Selector, to } from '../support/simulation/virtual-schedule.ts'
import { createWorld, type World, type WorldOptions } from '../support/simulation/world.ts'
import { expectQuiescence, MINUTE, SECOND, sentTypes, theOnly } from './quiescence.testing.ts'

const cancels = to('orders', 'CancelOrder')
const types = (world: World): readonly string[] => ordersOf(world)[0]!.types
const statusOf = (world: World): string => ordersOf(world)[0]!.status

function cancel(world: World, orderId: string, by: 'customer' | 'staff' = 'customer'): void {
  const envelope = message('CancelOrder', { orderId, by, reason: 'changed-mind' }, { key: by })
  world.bus.send([{ target: 'orders', envelope }])
}

interface Race {
  readonly world: World
  readonly orderId: string
  readonly holds: readonly Hold[]
}

/**
 * An order whose next step, and a cancellation, are both due.
 * @param unavailable so many bookings are not answered: after one the first parcel is booked by a command
 */
async function racing(step: Selector, options: WorldOptions = {}, unavailable = 0): Promise<Race> {
  const world = await createWorld(options)
  Object.assign(world.carrier.faults, { unavailable })
  const held = world.schedule.hold(step)
  const { orderId } = await world.place()
  await world.run({ forMs: MINUTE })
  expect(held.held()).not.toEqual([])
  const cancellation = world.schedule.hold(cancels)
  cancel(world, orderId)
  return { world, orderId, holds: [held, cancellation] }
}

const release = ({ holds }: Race): void => {
  for (const hold of holds) hold.release()
}

/** Both messages are handled at the same time; returns the outcomes. */
async function handledTogether(race: () => Promise<Race>, both: readonly Selector[]): Promise<string[]> {
  const outcomes = new Set<string>()
  const ways = await everyWay(async (choose) => {
    const { world, holds } = await race()
    for (const hold of holds) hold.release()
    const activities = both.map((selector) => world.begin(theOnly(world, selector)))
    await interleave(world, activities, choose, { stopsAt: isAtSharedStep })
    await expectQuiescence(world, ['completed', 'cancelled', 'rejected'])
    outcomes.add(statusOf(world))
  })
  expect(ways).toBeGreaterThan(3)
  return [...outcomes].toSorted()
}

describe('a cancellation and the pivot', () => {
  const authorized = to('orders', 'payment.authorized')
  const race = (): Promise<Race> => racing(authorized, { releaseDelaySeconds: 1_800 })

  it('the cancellation comes first: the late authorization is voided, and the order is never confirmed', async () => {
    const { world, holds } = await race()
    holds[1]!.release()
    await world.run({ forMs: MINUTE })
    expect(statusOf(world)).toBe('cancelled')
    holds[0]!.release()
    await expectQuiescence(world, 'cancelled')
    expect(types(world)).not.toContain('order.confirmed')
  })

  it('the pivot comes first: the confirmed order is cancelled before its release', async () => {
    const { world, holds } = await race()
    holds[0]!.release()
    await world.run({ forMs: MINUTE })
    expect(statusOf(world)).toBe('confirmed')
    holds[1]!.release()
    await expectQuiescence(world, 'cancelled')
    expect(types(world)).not.toContain('order.released')
  })

  it('in any interleaving the order is cancelled', { timeout: 60_000 }, async () => {
    expect(await handledTogether(race, [cancels, authorized])).toEqual(['cancelled'])
  })
})

describe('a cancellation and the release', () => {
  const timer = to('orders', 'ContinueCheckout')
  async function race(): Promise<Race> {
    const one = await racing(timer, { releaseDelaySeconds: 600 })
    await one.world.run({ forMs: 10 * MINUTE })
    return one
  }

  it('the cancellation comes first: the timer releases nothing', async () => {
    const one = await race()
    one.holds[1]!.release()
    await one.world.run({ forMs: SECOND })
    release(one)
    await expectQuiescence(one.world, 'cancelled')
    expect(types(one.world)).not.toContain('order.released')
    expect(sentTypes(one.world)).not.toContain('CancelShipments')
  })

  it('the release comes first: shipping is asked, and has not booked yet', async () => {
    const { world, holds } = await race()
    const booking = world.schedule.hold(to('shipping', 'order.released'))
    holds[0]!.release()
    await world.run({ forMs: SECOND })
    expect(types(world)).toContain('order.released')
    holds[1]!.release()
    await world.run({ forMs: SECOND })
    expect(statusOf(world)).toBe('cancelled')
    booking.release()
    await expectQuiescence(world, 'cancelled')
  })
})

describe.each([
  ['order.released', 0],
  ['BookCarrier', 1],
] as const)('a cancellation and the booking by %s', (type, unavailable) => {
  const booking = to('shipping', type)
  const cancelling = to('shipping', 'CancelShipments')
  async function race(): Promise<Race> {
    const { world, orderId, holds } = await racing(booking, {}, unavailable)
    const question = world.schedule.hold(cancelling)
    holds[1]!.release()
    await world.run({ forMs: SECOND })
    expect(question.held()).toHaveLength(1)
    return { world, orderId, holds: [holds[0]!, question] }
  }

  it('the cancellation comes first: nothing is booked, and nothing is captured', async () => {
    const { world, holds } = await race()
    holds[1]!.release()
    await world.run({ forMs: SECOND })
    holds[0]!.release()
    await expectQuiescence(world, 'cancelled')
    expect(world.carrier.bookings()).toEqual([])
  })

  it('the booking comes first: the cancellation is refused, and the order completes', async () => {
    const { world, holds } = await race()
    holds[0]!.release()
    await world.run({ forMs: SECOND })
    holds[1]!.release()
    await expectQuiescence(world, 'completed')
    expect(types(world)).toEqual(expect.arrayContaining(['order.cancel-requested', 'order.cancel-refused']))
  })

  it('in any interleaving of the booking the order is cancelled', { timeout: 120_000 }, async () => {
    expect(await handledTogether(race, [cancelling, booking])).toEqual(['cancelled'])
  })
})

describe('a cancellation that overtakes the release', () => {
  it('leaves no shipment', async () => {
    const world = await createWorld()
    const released = world.schedule.hold(to('shipping', 'order.released'))
    const { orderId } = await world.place()
    await world.run({ forMs: MINUTE })
    cancel(world, orderId)
    await world.run({ forMs: MINUTE })
    expect(statusOf(world)).toBe('cancelled')
    released.release()
    await expectQuiescence(world, 'cancelled')
    expect(world.platform('shipping').published.map(({ type }) => type)).not.toContain('shipment.created')
  })

  it('takes the booking back of a release that has died before its commit', async () => {
    const world = await createWorld({ carrier: { collectedAfterMs: 60 * MINUTE, deliveredAfterMs: MINUTE } })
    const released = world.schedule.hold(to('shipping', 'order.released'))
    const { orderId } = await world.place()
    await world.run({ forMs: MINUTE })
    const item = released.held()[0]!
    const dying = world.begin(item)
    while (dying.waiting[0]?.what !== 'commit') await world.scheduler.step(dying)
    world.scheduler.kill(dying)
    expect(world.carrier.bookings()).toHaveLength(1)
    cancel(world, orderId)
    await world.run({ forMs: MINUTE })
    expect(statusOf(world)).toBe('cancelled')
    expect(world.carrier.bookings()).toEqual([])
    world.schedule.items.push(item)
    released.release()
    await expectQuiescence(world, 'cancelled')
    expect(world.carrier.bookings()).toEqual([])
  })

  it('of a release that has died before its commit, and whose parcel has left since, is refused', async () => {
    const world = await createWorld()
    const released = world.schedule.hold(to('shipping', 'order.released'))
    const { orderId } = await world.place()
    await world.run({ forMs: MINUTE })
    const item = released.held()[0]!
    const dying = world.begin(item)
    while (dying.waiting[0]?.what !== 'commit') await world.scheduler.step(dying)
    world.scheduler.kill(dying)
    await world.run({ forMs: MINUTE })
    cancel(world, orderId)
    await world.run({ forMs: MINUTE })
    expect(statusOf(world)).toBe('confirmed')
    world.schedule.items.push(item)
    released.release()
    await expectQuiescence(world, 'completed')
    expect(types(world)).toContain('order.cancel-refused')
    expect(world.carrier.bookings()).toHaveLength(1)
  })
})

describe('a cancellation and the collection', () => {
  const HOUR = 60 * MINUTE
  const carrier = { collectedAfterMs: HOUR, deliveredAfterMs: HOUR }
  const cancelling = to('shipping', 'CancelShipments')
  const checking = to('shipping', 'CheckShipments')
  const payments = (world: World): string[] => world.platform('payments').published.map(({ type }) => type)

  it('the booked parcel is cancelled at the carrier: it is never collected', async () => {
    const world = await createWorld({ carrier })
    const { orderId } = await world.place()
    await world.run({ forMs: MINUTE })
    expect(world.carrier.bookings()).toMatchObject([{ status: 'booked' }])
    cancel(world, orderId)
    await expectQuiescence(world, 'cancelled')
    expect(world.carrier.bookings()).toEqual([])
    expect(payments(world)).toEqual(['payment.authorized', 'payment.voided'])
  })

  it('a carrier that keeps the booking all the same has to give it back an hour later: it is never collected', async () => {
    const world = await createWorld({ carrier: { collectedAfterMs: 3 * HOUR, deliveredAfterMs: HOUR } })
    const { orderId } = await world.place()
    await world.run({ forMs: MINUTE })
    cancel(world, orderId)
    await world.run({ forMs: MINUTE })
    expect(statusOf(world)).toBe('cancelled')
    const bookings = world.carrier.partner.journal.table<object>('bookings')
    bookings.set(`s-${orderId}-1`, { ...bookings.get(`s-${orderId}-1`), isCancelled: undefined })
    expect(world.carrier.bookings()).toMatchObject([{ status: 'booked' }])
    await world.run({ forMs: HOUR })
    expect(world.carrier.bookings()).toEqual([])
    await expectQuiescence(world, 'cancelled')
    expect(world.platform('shipping').published.map(({ type }) => type)).not.toContain('shipment.collected-in-error')
  })

  it('nothing is captured before the collection, and the collected parcel is not cancelled', async () => {
    const world = await createWorld({ carrier })
    const { orderId } = await world.place()
    await world.run({ forMs: 30 * MINUTE })
    expect(payments(world)).toEqual(['payment.authorized'])
    await world.run({ forMs: 31 * MINUTE })
    expect(payments(world)).toEqual(['payment.authorized', 'payment.captured'])
    expect(statusOf(world)).toBe('confirmed')
    cancel(world, orderId)
    await expectQuiescence(world, 'completed')
    expect(types(world)).toContain('order.cancel-refused')
  })

  /** The parcel is collected, and shipping learns of it and of the cancellation now. */
  async function race(): Promise<Race> {
    const world = await createWorld({ carrier })
    const check = world.schedule.hold(checking)
    const { orderId } = await world.place()
    await world.run({ forMs: 30 * MINUTE })
    const question = world.schedule.hold(cancelling)
    cancel(world, orderId)
    await world.run({ forMs: 30 * MINUTE + SECOND })
    expect([check.held().length, question.held().length]).toEqual([1, 1])
    return { world, orderId, holds: [check, question] }
  }

  it('in any interleaving after the collection the parcel leaves, and is paid', { timeout: 120_000 }, async () => {
    expect(await handledTogether(race, [cancelling, checking])).toEqual(['completed'])
  })

  it('a cancellation that the carrier took before it collects wins, whenever the webhook comes', async () => {
    const world = await createWorld({ carrier })
    const check = world.schedule.hold(checking)
    const { orderId } = await world.place()
    await world.run({ forMs: 30 * MINUTE })
    cancel(world, orderId)
    await world.run({ forMs: 3 * HOUR })
    check.release()
    await expectQuiescence(world, 'cancelled')
  })
})

describe('a cancellation and the capture', () => {
  it.each([
    ['before', [0, 1]],
    ['after', [1, 0]],
  ] as const)(
    'the cancellation is decided %s the capture: it is refused, and the order completes',
    async (_when, order) => {
      const world = await createWorld()
      const capture = world.schedule.hold(to('payments', 'shipment.dispatched'))
      const report = world.schedule.hold(to('orders', 'shipment.dispatched'))
      const { orderId } = await world.place()
      await world.run({ forMs: MINUTE })
      const answer = world.schedule.hold(to('orders', 'shipment.cancel-decided'))
      cancel(world, orderId)
      await world.run({ forMs: SECOND })
      expect(answer.held()).toHaveLength(1)
      for (const next of order) {
        ;[answer, capture][next]!.release()
        await world.run({ forMs: SECOND })
      }
      expect(sentTypes(world)).not.toContain('VoidPayment')
      report.release()
      await expectQuiescence(world, 'completed')
      expect(types(world)).toContain('order.cancel-refused')
    },
  )

  it('an answer of shipping that is lost is republished, and the order is cancelled then', async () => {
    const { world, holds } = await racing(to('shipping', 'BookCarrier'), {}, 1)
    const answer = world.schedule.hold(to('orders', 'shipment.cancel-decided'))
    holds[1]!.release()
    await world.run({ forMs: MINUTE })
    expect(answer.held()).toHaveLength(1)
    world.schedule.take(answer.held()[0]!)
    answer.release()
    holds[0]!.release()
    await expectQuiescence(world, 'cancelled')
    expect(sentTypes(world)).toContain('RepublishEvents')
  })
})

describe('two cancellations', () => {
  const twice = async (step: Selector): Promise<Race> => {
    const one = await racing(step, { releaseDelaySeconds: 1_800 })
    cancel(one.world, one.orderId, 'staff')
    return one
  }
  const by =
    (key: string): Selector =>
    (item) =>
      cancels(item) && (item.envelope?.data as { by: string } | undefined)?.by === key

  it.each([
    ['the checkout', to('orders', 'payment.authorized')],
    ['the release delay', to('orders', 'ContinueCheckout')],
  ])('by the customer and by staff at once, during %s, are one', { timeout: 60_000 }, async (_when, step) => {
    expect(await handledTogether(() => twice(step), [by('customer'), by('staff')])).toEqual(['cancelled'])
  })
})

describe('a cancellation and the timeout of the inquiry, the last of a checkout', () => {
  const timer = to('orders', 'ContinueCheckout')
  const inquiry: Selector = (item) =>
    to('payments', 'FindAuthorization')(item) || to('payments', 'RepublishEvents')(item)
  async function race(): Promise<Race> {
    const world = await createWorld()
    const answer = world.schedule.hold(to('orders', 'payment.authorized'))
    const { orderId } = await world.place()
    const inquiring = world.schedule.hold(inquiry)
    await world.run({ until: () => inquiring.held().length === 2 })
    const due = world.schedule.hold(timer)
    const { dueMs } = theOnly(world, timer)
    await world.run({ forMs: dueMs - world.schedule.now() })
    const cancellation = world.schedule.hold(cancels)
    cancel(world, orderId)
    return { world, orderId, holds: [due, cancellation, answer, inquiring] }
  }

  it('the timeout comes first: the order is rejected, and the cancellation refused', async () => {
    const one = await race()
    one.holds[0]!.release()
    await one.world.run({ forMs: SECOND })
    release(one)
    await expectQuiescence(one.world, 'rejected')
    expect(types(one.world)).toContain('order.cancel-refused')
  })

  it('in any interleaving the order ends once', { timeout: 60_000 }, async () => {
    expect(await handledTogether(race, [cancels, timer])).toEqual(['cancelled', 'rejected'])
  })
})
