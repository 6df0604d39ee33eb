/** A payment method that is given after a lapse, and for which the bank wants the customer's approval: approved, declined, late, or replaced. */

import { describe, expect, it } from 'vitest'
import { app as ordersApp } from '../../functions/orders/app.ts'
import { serveQueries } from '../../shared/runtime/queries.testing.ts'
import { ordersOf } from '../support/simulation/always-true.ts'
import { eventsOf } from '../support/simulation/order-facts.ts'
import { to } from '../support/simulation/virtual-schedule.ts'
import type { World } from '../support/simulation/world.ts'
import { authorizations, cancelling, COLLECTED_AFTER, HOUR, lapsed, paying, reach } from './authorizations.testing.ts'
import { inAnyWay } from './interleavings.testing.ts'
import { type Held, killedAtEachStep, KILLS_TIMEOUT_MS } from './killed-at-each-step.testing.ts'
import { DAY, expectQuiescence, MINUTE } from './quiescence.testing.ts'
import { sentIn } from '../support/sends.ts'

const timeout = 60_000
const cards = ['card-ok', 'card-declined', 'card-renewal-refused', 'card-action-required']

/** The parcel is booked anew after the hold, and is collected half a day later. */
const carrier = { collectedAfterMs: COLLECTED_AFTER, collectedApartMs: -6 * DAY, deliveredAfterMs: HOUR }
const options = { cards, carrier }

const acting = async (): Promise<{ world: World; orderId: string }> => {
  const world = await lapsed(options)
  await world.run({ forMs: 2 * HOUR })
  await world.finish(world.begin(paying(world, 'card-action-required')))
  await world.run({ forMs: HOUR })
  return { world, orderId: ordersOf(world)[0]!.orderId }
}
const act = (world: World, orderId: string, outcome: 'authorized' | 'declined', number = 3) =>
  world.provider.partner.app.request(`/actions/action-${orderId}:auth:${number}`, {
    method: 'POST',
    body: JSON.stringify({ outcome }),
  })
const viewOf = async (world: World, orderId: string): Promise<unknown> =>
  (await serveQueries(ordersApp, world.platform('orders')).request(`/orders/${orderId}`)).json()
const isWebhook = ({ kind }: { readonly kind: string }): boolean => kind === 'webhook'

describe('the customer', () => {
  it('gets the link in the order and in the notification, and the approval renews the order', async () => {
    const { world, orderId } = await acting()
    const actionUrl = expect.stringContaining(encodeURIComponent(`${orderId}:auth:3`)) as unknown
    expect(await viewOf(world, orderId)).toMatchObject({
      status: 'payment-needed',
      paymentNeeded: { reason: 'action-required', actionUrl, attemptsLeft: 2 },
      actionUrlRef: `action-${orderId}:auth:3`,
    })
    const requested = eventsOf(world, 'orders', orderId).filter(({ type }) => type === 'order.payment-needed')
    expect(requested.at(-1)!.data).toMatchObject({ reason: 'action-required', actionUrl })
    const sends = sentIn([...world.platform('notifications').storedDocuments().values()])
    expect(sends.map(({ id }) => id)).toContain(requested.at(-1)!.id)
    await act(world, orderId, 'authorized')
    await world.run({ forMs: MINUTE })
    expect(await viewOf(world, orderId)).toMatchObject({ status: 'confirmed' })
    await world.run({ forMs: COLLECTED_AFTER + DAY })
    await expectQuiescence(world, 'completed')
    expect(authorizations(world).filter((end) => end === 'captured')).toHaveLength(1)
  })

  it('has approved, and the webhook is lost: the provider is asked at the end of the time', async () => {
    const { world, orderId } = await acting()
    const webhooks = world.schedule.hold(isWebhook)
    await act(world, orderId, 'authorized')
    await world.run({ forMs: 2 * DAY })
    expect(await viewOf(world, orderId)).toMatchObject({ status: 'payment-needed' })
    await world.run({ forMs: DAY })
    expect(ordersOf(world)[0]!.types).toContain('order.payment-renewed')
    webhooks.release()
    await world.run({ forMs: COLLECTED_AFTER + DAY })
    await expectQuiescence(world, 'completed')
  })

  it('does nothing: the order is cancelled, and nothing is held', async () => {
    const { world, orderId } = await acting()
    await world.run({ forMs: 3 * DAY })
    await expectQuiescence(world, 'cancelled')
    expect(authorizations(world)).toEqual(['voided', 'voided', 'voided'])
    expect((await act(world, orderId, 'authorized')).status).toBe(409)
  })

  it('declines: another payment method is asked for, and continues the order', async () => {
    const { world, orderId } = await acting()
    await act(world, orderId, 'declined')
    await world.run({ forMs: MINUTE })
    expect(await viewOf(world, orderId)).toMatchObject({ status: 'payment-needed', paymentNeeded: { attemptsLeft: 2 } })
    expect(await viewOf(world, orderId)).not.toHaveProperty('paymentNeeded.actionUrl')
    await world.finish(world.begin(paying(world, 'card-ok', 2)))
    await world.run({ forMs: COLLECTED_AFTER + DAY })
    await expectQuiescence(world, 'completed')
  })

  it('gives another payment method instead: it pays, and the first can not be approved any more', async () => {
    const { world, orderId } = await acting()
    await world.finish(world.begin(paying(world, 'card-ok', 2)))
    await world.run({ forMs: MINUTE })
    expect((await act(world, orderId, 'authorized')).status).toBe(409)
    await world.run({ forMs: COLLECTED_AFTER + DAY })
    await expectQuiescence(world, 'completed')
    expect(world.provider.ledger.all().flatMap(({ key, captures }) => captures.map(() => key))).toEqual([
      `${orderId}:auth:4`,
    ])
  })

  it('gives another payment method, and has approved the first one: that one pays, and the other is not charged', async () => {
    const { world, orderId } = await acting()
    const webhooks = world.schedule.hold(isWebhook)
    await act(world, orderId, 'authorized')
    await world.finish(world.begin(paying(world, 'card-ok', 2)))
    await world.run({ forMs: MINUTE })
    webhooks.release()
    await world.run({ forMs: COLLECTED_AFTER + DAY })
    await expectQuiescence(world, 'completed')
    const held = world.provider.ledger.all().map(({ key }) => key)
    expect(held).not.toContain(`${orderId}:auth:4`)
  })

  it('cancels meanwhile: nothing is held, also when the approval comes later', async () => {
    const { world, orderId } = await acting()
    cancelling(world)
    await world.run({ forMs: MINUTE })
    await act(world, orderId, 'authorized')
    await expectQuiescence(world, 'cancelled')
  })
})

it('the approval and the end of the time, in any interleaving: the order goes on', { timeout }, async () => {
  const outcomes = await inAnyWay(
    async () => {
      const { world, orderId } = await acting()
      const ending = world.schedule.hold(to('payments', 'MakeRenewal'))
      const checking = world.schedule.hold(to('payments', 'CheckAuthorization'))
      const [timer] = ending.held()
      await world.run({ forMs: timer!.dueMs - world.schedule.now() })
      await act(world, orderId, 'authorized')
      await world.run({ forMs: 1_000 })
      const items = [ending.held()[0]!, checking.held()[0]!]
      ending.release()
      checking.release()
      return { world, activities: items.map((item) => world.begin(item)) }
    },
    async (world) => {
      await world.run({ forMs: COLLECTED_AFTER + DAY })
      await expectQuiescence(world, ['completed'])
    },
  )
  expect([...outcomes]).toEqual(['completed'])
})

it.each([
  ['the first payment method', 3],
  ['one that replaces it', 4],
] as const)(
  'the approval of %s is reported before payments has recorded that it is needed: it counts',
  async (_, number) => {
    const world = number === 3 ? await lapsed(options) : (await acting()).world
    await world.run({ forMs: 2 * HOUR })
    const { orderId } = ordersOf(world)[0]!
    const asking = world.schedule.hold(to('payments', 'MakeRenewal'))
    const due = () => asking.held().find(({ dueMs }) => dueMs <= world.schedule.now())
    paying(world, 'card-action-required', number)
    await world.run({ until: () => due() !== undefined })
    const renewal = world.begin(due()!)
    while (!renewal.waiting[0]?.what.startsWith('commit')) await world.scheduler.step(renewal)
    renewal.paused = true
    asking.release()
    await act(world, orderId, 'authorized', number)
    await world.run({ forMs: 1_000 })
    expect(world.provider.ledger.all().map(({ status }) => status)).toContain('authorized')
    // The provider's second report, a minute later, is lost.
    const webhooks = world.schedule.hold(isWebhook)
    renewal.paused = false
    await world.run({ forMs: 10 * MINUTE })
    expect(await viewOf(world, orderId)).toMatchObject({ status: 'confirmed' })
    webhooks.release()
    await world.run({ forMs: COLLECTED_AFTER + DAY })
    await expectQuiescence(world, 'completed')
  },
)

it.each(['first', 'last'] as const)(
  'payments dies at any step of its %s MakeRenewal: the approval counts',
  { timeout: KILLS_TIMEOUT_MS },
  async (which) => {
    const begin = async (): Promise<Held> => {
      if (which === 'last') {
        const { world, orderId } = await acting()
        const webhooks = world.schedule.hold(isWebhook)
        await act(world, orderId, 'authorized')
        const hold = await reach(world, to('payments', 'MakeRenewal'))
        webhooks.release()
        return { world, hold }
      }
      const world = await lapsed(options)
      await world.run({ forMs: 2 * HOUR })
      const hold = world.schedule.hold(to('payments', 'MakeRenewal'))
      paying(world, 'card-action-required')
      await world.run({ until: () => hold.held().length > 0 })
      return { world, hold }
    }
    await killedAtEachStep(begin, async (world) => {
      await world.run({ forMs: HOUR })
      if (which === 'first') await act(world, ordersOf(world)[0]!.orderId, 'authorized')
      await world.run({ forMs: 2 * COLLECTED_AFTER })
      await expectQuiescence(world, 'completed')
    })
  },
)
