/** The payment provider: a webhook and an answer, a timeout with and without effect, an expired idempotency key. */

import { describe, expect, it } from 'vitest'
import { to } from '../support/simulation/virtual-schedule.ts'
import { createWorld, type World } from '../support/simulation/world.ts'
import { DAY, expectQuiescence, MINUTE, SECOND } from './quiescence.testing.ts'

const authorized = (world: World): number =>
  world.provider.ledger.postings().filter(({ kind }) => kind === 'authorize').length

async function act(world: World, outcome: 'authorized' | 'declined' = 'authorized'): Promise<void> {
  const { key } = world.provider.ledger.all()[0]!
  const body = JSON.stringify({ outcome })
  const response = await world.provider.partner.app.request(`/actions/action-${key}`, { method: 'POST', body })
  expect(response.status).toBe(200)
}

describe('the webhook of the provider and the answer to the call', () => {
  it("the answer first: the webhook after the customer's action completes the order", async () => {
    const world = await createWorld()
    await world.place({ card: 'card-action-required' })
    await world.run({ forMs: MINUTE })
    await act(world)
    await expectQuiescence(world, 'completed')
  })

  it('the webhook before payments has committed the answer is retried until then', async () => {
    const world = await createWorld()
    const call = world.schedule.hold(to('payments', 'AuthorizePayment'))
    await world.place({ card: 'card-action-required' })
    await world.run({ until: () => call.held().length > 0 })
    const activity = world.begin(call.held()[0]!)
    while (activity.waiting[0]?.what !== 'commit') await world.scheduler.step(activity)
    activity.paused = true
    await act(world)
    await world.run({ forMs: 10 * SECOND })
    expect(world.platform('payments').logs.map(({ event }) => event)).toContain('message.retry-later')
    activity.paused = false
    call.release()
    await expectQuiescence(world, 'completed')
  })

  it('the webhook first, while the response is lost: the retried call gets the same outcome', async () => {
    const world = await createWorld()
    world.provider.faults.lostAnswers = 1
    await world.place({ card: 'card-action-required' })
    await world.run({ until: () => world.provider.ledger.all().length > 0 })
    await act(world)
    await expectQuiescence(world, 'completed')
    expect(authorized(world)).toBe(1)
  })

  it.each([2, 5])('%s webhooks of one action confirm and capture once', async (times) => {
    const world = await createWorld()
    await world.place({ card: 'card-action-required' })
    await world.run({ forMs: MINUTE })
    await act(world)
    const { id } = world.provider.webhooks.recorded()[0]!
    for (let again = 1; again < times; again++) {
      world.provider.webhooks.sendAgain(id)
      // Another event with the same content.
      world.provider.webhooks.send({ ...world.provider.webhooks.recorded()[0]!, id: `${id}-${again}` })
      await world.run({ forMs: again * 20 * MINUTE })
    }
    await expectQuiescence(world, 'completed')
    const authorizedEvents = world.platform('payments').published.filter(({ type }) => type === 'payment.authorized')
    expect(new Set(authorizedEvents.map(({ id: eventId }) => eventId)).size).toBe(1)
  })

  it('a webhook that the customer declined: the order waits for another payment method, and its stock is released', async () => {
    const world = await createWorld()
    await world.place({ card: 'card-action-required' })
    await world.run({ forMs: MINUTE })
    await act(world, 'declined')
    await expectQuiescence(world, 'expired')
  })

  it('a webhook while payments cannot enqueue is sent again until it can', async () => {
    const world = await createWorld()
    world.platform('payments').fail('send', 3)
    await world.place({ card: 'card-action-required' })
    await world.run({ forMs: MINUTE })
    await act(world)
    await expectQuiescence(world, 'completed')
  })
})

describe('a timeout of the provider', () => {
  it.each([1, 3])('with effect, %s times, holds the money once', async (times) => {
    const world = await createWorld()
    world.provider.faults.lostAnswers = times
    await world.place()
    await expectQuiescence(world, 'completed')
    expect(authorized(world)).toBe(1)
  })

  it.each([1, 3])('without effect, %s times, is retried', async (times) => {
    const world = await createWorld()
    world.provider.faults.unavailable = times
    await world.place()
    await expectQuiescence(world, 'completed')
    expect(authorized(world)).toBe(1)
  })

  it("with effect beyond the step's timeout is found when the provider is available again", async () => {
    const world = await createWorld()
    world.provider.faults.lostAnswers = 1
    await world.place()
    await world.run({ until: () => authorized(world) === 1 })
    world.provider.faults.unavailable = 12
    await world.run({ forMs: 4 * MINUTE })
    await expectQuiescence(world, 'completed')
    expect(authorized(world)).toBe(1)
  })

  it("without effect beyond the step's timeout holds no money", async () => {
    const world = await createWorld()
    world.provider.faults.unavailable = 12
    await world.place()
    await expectQuiescence(world, 'rejected')
    expect(authorized(world)).toBe(0)
  })

  it('of a capture with effect, retried after the key has expired, captures once', async () => {
    const world = await createWorld()
    const shipped = world.schedule.hold(to('payments', 'shipment.dispatched'))
    await world.place()
    await world.run({ until: () => shipped.held().length > 0 })
    world.provider.faults.lostAnswers = 1
    await world.finish(world.begin(shipped.held()[0]!))
    await world.run({ forMs: 2 * DAY })
    shipped.release()
    await expectQuiescence(world, 'completed')
  })

  it('of the carrier with effect, retried after the key has expired, books one parcel', async () => {
    const world = await createWorld({ carrier: { collectedAfterMs: 3 * DAY, deliveredAfterMs: DAY } })
    const booked = world.schedule.hold(to('shipping', 'BookCarrier'))
    world.carrier.faults.lostAnswers = 1
    await world.place()
    await world.run({ forMs: 2 * DAY })
    expect(booked.held().length).toBeGreaterThan(0)
    booked.release()
    await expectQuiescence(world, 'completed')
    expect(world.carrier.bookings()).toHaveLength(1)
  })

  it('of the carrier with effect books one parcel', async () => {
    const world = await createWorld()
    world.carrier.faults.lostAnswers = 2
    await world.place()
    await expectQuiescence(world, 'completed')
    expect(world.carrier.bookings()).toHaveLength(1)
  })
})
