/** An answer of payments that does not arrive: it is requested again in every state of the order, and no order is cancelled for want of it. */

import { describe, expect, it } from 'vitest'
import { app as ordersApp } from '../../functions/orders/app.ts'
import { serveQueries } from '../../shared/runtime/queries.testing.ts'
import { ordersOf } from '../support/simulation/always-true.ts'
import { eventsOf } from '../support/simulation/order-facts.ts'
import { to } from '../support/simulation/virtual-schedule.ts'
import type { World } from '../support/simulation/world.ts'
import { authorizations, cancelling, HOUR, lapsed, ordered, paying, sent, WEEK } from './authorizations.testing.ts'
import { DAY, expectQuiescence, MINUTE } from './quiescence.testing.ts'
import { declineTransiently, refuseCaptures } from './refused-captures.testing.ts'

const cards = ['card-ok', 'card-declined', 'card-renewal-refused', 'card-action-required']
const typesOf = (world: World): readonly string[] => ordersOf(world)[0]!.types
const count = (world: World, type: string): number => typesOf(world).filter((one) => one === type).length

/** The next message of this type never arrives. */
async function lose(world: World, type: string, { service = 'orders', forMs = MINUTE } = {}): Promise<void> {
  const hold = world.schedule.hold(to(service, type))
  await world.run({ forMs, until: () => hold.held().length > 0 })
  const [message] = hold.held()
  expect(message).toBeDefined()
  world.schedule.take(message!)
  hold.release()
}

describe('the answer to another payment method after a lapse', () => {
  /** The carrier collects so late that the order stalls, and its authorization lapses after that. */
  async function stalled(): Promise<World> {
    const world = await ordered('card-ok', { cards, carrier: { collectedAfterMs: 11.9 * DAY, deliveredAfterMs: HOUR } })
    await world.run({ forMs: 11 * DAY })
    expect(typesOf(world)).toContain('order.stalled')
    declineTransiently(world, 5)
    await world.run({ forMs: DAY, until: () => typesOf(world).includes('order.payment-needed') })
    return world
  }

  /** It waits for its release. */
  const unreleased = (): Promise<World> => lapsed({ cards, releaseDelaySeconds: (WEEK - 30 * HOUR) / 1_000 })

  it.each([
    ['has stalled', stalled],
    ['is not released', unreleased],
  ] as const)('is lost while the order %s: the order completes with it, and is charged once', async (_name, begin) => {
    const world = await begin()
    await world.finish(world.begin(paying(world)))
    await lose(world, 'payment.authorized')
    await world.run({ forMs: HOUR })
    expect(count(world, 'order.payment-renewed')).toBeGreaterThan(0)
    await world.run({ forMs: 30 * DAY })
    await expectQuiescence(world, 'completed')
    expect(authorizations(world).filter((end) => end === 'captured')).toHaveLength(1)
  })

  it.each([
    ['has stalled', stalled],
    ['is not released', unreleased],
  ] as const)('is lost after an approval while the order %s: the approval counts', async (_name, begin) => {
    const world = await begin()
    await world.finish(world.begin(paying(world, 'card-action-required')))
    await world.run({ forMs: HOUR })
    const acting = world.provider.ledger.all().find(({ status }) => status === 'action-required')!.key
    await world.provider.partner.app.request(`/actions/action-${acting}`, {
      method: 'POST',
      body: JSON.stringify({ outcome: 'authorized' }),
    })
    await lose(world, 'payment.authorized')
    const before = count(world, 'order.payment-renewed')
    await world.run({ forMs: 3 * DAY })
    expect(count(world, 'order.payment-renewed')).toBe(before + 1)
    expect(typesOf(world)).not.toContain('order.cancel-requested')
    // The next renewal would want an approval again.
    cancelling(world)
    await expectQuiescence(world, 'cancelled')
  })

  it.each([
    ['has stalled', stalled],
    ['is not released', unreleased],
  ] as const)(
    'is never reported while the order %s: the order is cancelled at the end of the time, and no money is held',
    async (_name, begin) => {
      const world = await begin()
      const answers = world.schedule.hold(to('orders', 'payment.authorized'))
      await world.finish(world.begin(paying(world)))
      await world.run({ forMs: 4 * DAY })
      answers.release()
      await expectQuiescence(world, 'cancelled')
      expect(authorizations(world).filter((end) => end === 'captured')).toEqual([])
    },
  )

  it('arrives, and its report to shipping is lost while the order has stalled: it is published again', async () => {
    const world = await stalled()
    await world.finish(world.begin(paying(world)))
    await lose(world, 'order.payment-renewed', { service: 'shipping' })
    // The next renewal is a week away.
    await world.run({ forMs: 2 * DAY })
    expect(world.carrier.bookings()).toHaveLength(1)
    await world.run({ forMs: 30 * DAY })
    await expectQuiescence(world, 'completed')
  })

  it('that the bank refuses is lost while the order is not released: its customer is asked for another one', async () => {
    const world = await unreleased()
    await world.finish(world.begin(paying(world, 'card-declined')))
    await lose(world, 'payment.lapsed')
    await world.run({ forMs: HOUR })
    expect(count(world, 'order.payment-needed')).toBe(2)
    await world.finish(world.begin(paying(world, 'card-ok', 2)))
    await world.run({ forMs: 30 * DAY })
    await expectQuiescence(world, 'completed')
  })
})

describe('the answer to a renewal', () => {
  it.each([
    ['has stalled', { carrier: { collectedAfterMs: 13 * DAY, deliveredAfterMs: HOUR } }, 10 * DAY],
    ['is not released', { releaseDelaySeconds: (20 * DAY) / 1_000 }, 4 * DAY],
  ] as const)(
    'is lost while the order %s: it is requested before the parcels are held',
    async (_name, options, forMs) => {
      const world = await ordered('card-ok', { cards, ...options })
      await world.run({ forMs })
      const before = count(world, 'order.payment-renewed')
      await lose(world, 'payment.authorized', { forMs: 2 * DAY })
      await world.run({ forMs: HOUR - MINUTE })
      expect(count(world, 'order.payment-renewed')).toBe(before + 1)
      expect(eventsOf(world, 'shipping', ordersOf(world)[0]!.orderId).map(({ type }) => type)).not.toContain(
        'booking.held',
      )
      await world.run({ forMs: 60 * DAY })
      await expectQuiescence(world, 'completed')
      expect(authorizations(world).filter((end) => end === 'captured')).toHaveLength(1)
    },
  )

  it('that never arrives is requested a bounded number of times, and operators are notified of the last', async () => {
    const world = await ordered('card-ok', { cards, carrier: { collectedAfterMs: 30 * DAY } })
    await world.run({ forMs: 5 * DAY })
    const answers = world.schedule.hold(to('orders', 'payment.authorized'))
    await world.run({ forMs: 20 * DAY })
    const { orderId } = ordersOf(world)[0]!
    const steps = eventsOf(world, 'orders', orderId).flatMap(({ type, data }) =>
      type === 'saga.stuck' ? [(data as { step: string }).step] : [],
    )
    expect(steps.filter((step) => step === 'payment: answer')).toHaveLength(1)
    const saga = await serveQueries(ordersApp, world.platform('orders')).request(`/orders/${orderId}/saga`)
    expect(await saga.json()).toMatchObject({ stuck: true, waitsFor: [{}, { step: 'payment: answer', until: null }] })
    const commits = world.platform('orders').commitsByStream().get(orderId)!.length
    await world.run({ forMs: 10 * DAY })
    expect(world.platform('orders').commitsByStream().get(orderId)!).toHaveLength(commits)
    answers.release()
    cancelling(world)
    await world.run({ forMs: DAY })
    await expectQuiescence(world, 'cancelled')
  })
})

it.each(['payment.captured', 'payment.capture-failed'] as const)(
  'the answer %s to a recapture is lost: it is requested again without staff',
  async (answer) => {
    const world = await ordered('card-ok', { cards: ['card-ok', 'card-declined'], carrier: { deliveredAfterMs: HOUR } })
    refuseCaptures(world, (authorization) => (authorization.endsWith(':auth') ? 'card-expired' : undefined))
    await world.run({ forMs: DAY })
    expect(typesOf(world)).toContain('order.stalled')
    const { orderId } = ordersOf(world)[0]!
    const recapture = (card: string): void => {
      const paymentMethodRef = world.paymentMethodOf(card)!
      sent(world, 'RecaptureOrder', { paymentMethodRef, reason: 'the customer has a new card' }, card)
    }
    recapture(answer === 'payment.captured' ? 'card-ok' : 'card-declined')
    await lose(world, answer)
    await world.run({ forMs: HOUR })
    // It is refused while a recapture is not answered.
    if (answer === 'payment.capture-failed') recapture('card-ok')
    await world.run({ forMs: HOUR })
    await expectQuiescence(world, 'completed')
    expect(eventsOf(world, 'payments', orderId).filter(({ type }) => type === 'payment.captured')).toHaveLength(1)
  },
)
