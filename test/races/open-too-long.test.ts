/** The end of the time that an order may be open against a payment of its customer, the collection and a recapture, in both orders. */

import { expect, it } from 'vitest'
import { ordersOf } from '../support/simulation/always-true.ts'
import { MAX_OPEN_MS } from '../../functions/orders/renewal-times.ts'
import { eventsOf } from '../support/simulation/order-facts.ts'
import { type Selector, to } from '../support/simulation/virtual-schedule.ts'
import { createWorld, type World } from '../support/simulation/world.ts'
import { authorizations, HOUR, ordered, paying, reach, slowWorld } from './authorizations.testing.ts'
import { type Held, killedAtEachStep, KILLS_TIMEOUT_MS } from './killed-at-each-step.testing.ts'
import { DAY, expectQuiescence, MINUTE } from './quiescence.testing.ts'
import { refuseCaptures } from './refused-captures.testing.ts'

const timeout = 60_000
const eventsOfOrder = (world: World) => eventsOf(world, 'orders', ordersOf(world)[0]!.orderId)
const waitsForCustomer = (world: World): boolean => {
  const { types } = ordersOf(world)[0]!
  return types.lastIndexOf('order.payment-needed') > types.lastIndexOf('order.payment-continued')
}
const endOf = (world: World): number => {
  const { placedAt } = eventsOfOrder(world).find(({ type }) => type === 'order.placed')!.data as { placedAt: string }
  return Date.parse(placedAt) + MAX_OPEN_MS
}
const timerOfEnd = (world: World): Selector => {
  const endMs = endOf(world)
  return (item) => to('orders', 'ContinueCheckout')(item) && item.dueMs === endMs
}
const runTo = (world: World, ms: number): Promise<void> => world.run({ forMs: ms - world.schedule.now() })

/** The customer pays each time that they are asked, so long afterwards. The carrier collects so long after the booking. */
async function paidAgain(collectedAfterMs: number, waitMs: number): Promise<World> {
  const world = await ordered('card-ok', { carrier: { collectedAfterMs, deliveredAfterMs: HOUR } })
  for (const time of ['first', 'second']) {
    await world.run({ forMs: 40 * DAY, until: () => waitsForCustomer(world) })
    await world.run({ forMs: waitMs })
    await world.finish(world.begin(paying(world, 'card-ok', time)))
  }
  return world
}

const cancellations = (world: World): unknown[] =>
  eventsOfOrder(world).flatMap(({ type, data }) => (type === 'order.cancelled' ? [data] : []))

it.each([
  ['before', ['pay', 'end']],
  ['after', ['end', 'pay']],
] as const)(
  'a customer who pays %s the end of the time: the order ends, and no money is held',
  { timeout },
  async (_name, order) => {
    const world = await paidAgain(200 * DAY, 1.6 * DAY)
    const endMs = endOf(world)
    await world.run({ forMs: 40 * DAY, until: () => waitsForCustomer(world) })
    const [last] = eventsOfOrder(world)
      .filter(({ type }) => type === 'order.payment-needed')
      .slice(-1)
    // Less than the three days that a customer has otherwise.
    expect((last!.data as { until: string }).until).toBe(new Date(endMs).toISOString())
    expect(endMs - world.schedule.now()).toBeLessThan(3 * DAY)
    const ending = world.schedule.hold(timerOfEnd(world))
    await runTo(world, endMs - MINUTE)
    const renewals = world.schedule.hold(to('payments', 'MakeRenewal'))
    const request = paying(world, 'card-ok', 'last')
    const payment = world.schedule.hold((item) => item === request)
    if (order[0] === 'pay') {
      payment.release()
      await world.run({ forMs: MINUTE / 2 })
      expect(renewals.held()).toHaveLength(1)
    }
    await runTo(world, endMs)
    ending.release()
    await world.run({ forMs: MINUTE })
    payment.release()
    await world.run({ forMs: MINUTE })
    renewals.release()
    await expectQuiescence(world, 'cancelled')
    expect(cancellations(world)).toMatchObject([{ by: 'platform', reason: 'open-too-long' }])
    expect(authorizations(world).filter((end) => end !== 'released' && end !== 'voided')).toEqual([])
  },
)

it.each([
  ['before', -HOUR, 'completed'],
  ['after', HOUR, 'cancelled'],
] as const)(
  'a parcel that the carrier collects %s the end of the time, whose webhook is late',
  { timeout },
  async (_name, difference, status) => {
    const world = await paidAgain(MAX_OPEN_MS + difference, 0)
    const endMs = endOf(world)
    await world.run({ forMs: 40 * DAY, until: () => waitsForCustomer(world) })
    await world.finish(world.begin(paying(world, 'card-ok', 'third')))
    const webhooks = world.schedule.hold(({ kind, type }) => kind === 'webhook' && type === 'booking.updated')
    await runTo(world, endMs + 2 * HOUR)
    webhooks.release()
    await expectQuiescence(world, status)
    expect(cancellations(world)).toHaveLength(status === 'cancelled' ? 1 : 0)
    expect(authorizations(world).filter((end) => end === 'captured')).toHaveLength(status === 'completed' ? 1 : 0)
  },
)

it(
  'orders dies at any step of the timer that ends a free order: it is cancelled once',
  { timeout: KILLS_TIMEOUT_MS },
  async () => {
    const begin = async (): Promise<Held> => {
      const world = await createWorld()
      // The carrier does not know its address: it waits without an authorization.
      await world.place({ discountCode: 'GIFT', address: 'unknown' })
      return { world, hold: await reach(world, timerOfEnd(world), MAX_OPEN_MS) }
    }
    await killedAtEachStep(begin, async (world) => {
      await expectQuiescence(world, 'cancelled')
      expect(cancellations(world)).toMatchObject([{ by: 'platform', reason: 'open-too-long' }])
    })
  },
)

it.each([
  ['before', ['recapture', 'end']],
  ['after', ['end', 'recapture']],
] as const)(
  'a part has left, and staff recaptures it %s the end of the time: what has left is paid, and no money is held',
  { timeout },
  async (_name, order) => {
    const world = await slowWorld({
      piecesPerParcel: 1,
      carrier: { collectedAfterMs: HOUR, collectedApartMs: 200 * DAY, deliveredAfterMs: HOUR },
    })
    let refuses = true
    refuseCaptures(world, () => (refuses ? 'card-expired' : undefined))
    const { orderId } = await world.place({ quantity: 2 })
    await world.run({ forMs: DAY })
    const endMs = endOf(world)
    while (world.schedule.now() < endMs - 2.5 * DAY) {
      await world.run({
        forMs: Math.min(40 * DAY, endMs - 2.5 * DAY - world.schedule.now()),
        until: () => waitsForCustomer(world),
      })
      if (waitsForCustomer(world))
        await world.finish(world.begin(paying(world, 'card-ok', String(world.schedule.now()))))
    }
    const ending = world.schedule.hold(timerOfEnd(world))
    const recaptures = world.schedule.hold(to('payments', 'MakeRecapture'))
    await runTo(world, endMs - MINUTE)
    refuses = false
    const data = {
      orderId,
      paymentMethodRef: world.paymentMethodOf('card-ok')!,
      reason: 'the customer has another card',
    }
    expect(await world.submit('RecaptureOrder', data, 'again')).toEqual({ status: 202 })
    await runTo(world, endMs)
    expect(recaptures.held()).toHaveLength(1)
    for (const one of order) {
      if (one === 'end') ending.release()
      else recaptures.release()
      await world.run({ forMs: 10 * MINUTE })
    }
    await expectQuiescence(world, 'completed')
    const parts = eventsOfOrder(world).filter(({ type }) => type === 'order.partly-cancelled')
    expect(parts.map(({ data }) => data)).toMatchObject([{ by: 'platform', reason: 'open-too-long' }])
    expect(authorizations(world).filter((end) => end !== 'released' && end !== 'voided')).toEqual(['captured'])
  },
)
