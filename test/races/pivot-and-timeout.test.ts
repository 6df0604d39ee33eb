/** The reply and the timeout: money that is held is found before anything is voided, whichever comes first. */

import { describe, expect, it } from 'vitest'
import { interleave } from './interleavings.testing.ts'
import { ordersOf } from '../support/simulation/always-true.ts'
import { to } from '../support/simulation/virtual-schedule.ts'
import { everyWay } from '../support/simulation/scheduler.ts'
import { createWorld, type World } from '../support/simulation/world.ts'
import { expectQuiescence, MINUTE, sentTypes, theOnly, SECOND } from './quiescence.testing.ts'

/** The payment is authorized, its reply is undelivered, and the timeout is due. */
async function atTheTimeout(): Promise<World> {
  const world = await createWorld()
  const answer = world.schedule.hold(to('orders', 'payment.authorized'))
  await world.place()
  await world.run({ forMs: 2 * MINUTE })
  const timer = world.schedule.hold(to('orders', 'ContinueCheckout'))
  const { dueMs } = theOnly(world, to('orders', 'ContinueCheckout'))
  await world.run({ forMs: dueMs - world.schedule.now() })
  expect(ordersOf(world)).toMatchObject([{ status: 'pending' }])
  answer.release()
  timer.release()
  return world
}

describe('the reply and the timeout', () => {
  it('the reply arrives first: the order is confirmed, and the timeout changes nothing', async () => {
    const world = await atTheTimeout()
    await world.finish(world.begin(theOnly(world, to('orders', 'payment.authorized'))))
    await expectQuiescence(world, 'completed')
  })

  it('the timeout fires first: the inquiry finds the payment, and the order is confirmed', async () => {
    const world = await atTheTimeout()
    await world.finish(world.begin(theOnly(world, to('orders', 'ContinueCheckout'))))
    await expectQuiescence(world, 'completed')
    expect(sentTypes(world)).toContain('FindAuthorization')
  })

  it('the timeout fires first and the inquiry is not answered either: the order is rejected, and the late success is compensated again', async () => {
    const world = await atTheTimeout()
    const inquiry = world.schedule.hold(
      (item) => to('payments', 'FindAuthorization')(item) || to('payments', 'RepublishEvents')(item),
    )
    const answer = world.schedule.hold(to('orders', 'payment.authorized'))
    await world.finish(world.begin(theOnly(world, to('orders', 'ContinueCheckout'))))
    await world.run({ forMs: 2 * MINUTE })
    expect(ordersOf(world)).toMatchObject([{ status: 'rejected' }])
    answer.release()
    inquiry.release()
    await expectQuiescence(world, 'rejected')
  })

  it('in any interleaving of their steps the order completes', { timeout: 60_000 }, async () => {
    const outcomes = new Map<string, number>()
    const ways = await everyWay(async (choose) => {
      const world = await atTheTimeout()
      const both = [
        world.begin(theOnly(world, to('orders', 'payment.authorized'))),
        world.begin(theOnly(world, to('orders', 'ContinueCheckout'))),
      ]
      await interleave(world, both, choose)
      await expectQuiescence(world, 'completed')
      const { status } = ordersOf(world)[0]!
      outcomes.set(status, (outcomes.get(status) ?? 0) + 1)
    })
    expect([...outcomes.keys()]).toEqual(['completed'])
    expect(ways).toBeGreaterThan(4)
  })
})

describe('a customer who acts at the end of the timeout', () => {
  const actOn = async (world: World, outcome = 'authorized'): Promise<Response> => {
    const { key } = world.provider.ledger.all()[0]!
    const body = JSON.stringify({ outcome })
    return world.provider.partner.app.request(`/actions/action-${key}`, { method: 'POST', body })
  }
  async function acted(outcome = 'authorized'): Promise<World> {
    const world = await createWorld()
    await world.place({ card: 'card-action-required' })
    const timer = world.schedule.hold(to('orders', 'ContinueCheckout'))
    await world.run({ forMs: 16 * MINUTE })
    await actOn(world, outcome)
    timer.release()
    return world
  }

  it('the webhook arrives first: the order is confirmed', async () => {
    const world = await acted()
    const timer = world.schedule.hold(to('orders', 'ContinueCheckout'))
    await world.run({ forMs: 10 * SECOND })
    timer.release()
    await expectQuiescence(world, 'completed')
  })

  it('the timeout fires first: the provider is asked, and the order is confirmed', async () => {
    const world = await acted()
    const webhook = world.schedule.hold(to('gateway', 'authorization.updated'))
    await world.finish(world.begin(world.schedule.items.filter(to('orders', 'ContinueCheckout'))[0]!))
    await world.run({ forMs: MINUTE })
    expect(ordersOf(world)).toMatchObject([{ status: 'completed' }])
    webhook.release()
    await expectQuiescence(world, 'completed')
  })

  it.each(['webhook', 'timeout'])(
    'and declines there: the order is not confirmed, with the %s first',
    async (first) => {
      const world = await acted('declined')
      if (first === 'timeout')
        await world.finish(world.begin(world.schedule.items.filter(to('orders', 'ContinueCheckout'))[0]!))
      await expectQuiescence(world, ['rejected', 'expired'])
    },
  )

  it('and whose webhook never arrives, is asked about at the provider at the deadline', async () => {
    const world = await createWorld()
    world.schedule.hold(to('gateway', 'authorization.updated'))
    await world.place({ card: 'card-action-required' })
    await world.run({ forMs: MINUTE })
    await actOn(world)
    await expectQuiescence(world, 'completed')
  })

  it('too late, after the order has expired, can not approve any more', async () => {
    const world = await createWorld()
    await world.place({ card: 'card-action-required' })
    await world.run({ forMs: 7 * MINUTE })
    expect(ordersOf(world)).toMatchObject([{ status: 'expired' }])
    expect((await actOn(world)).status).toBe(409)
    await expectQuiescence(world, 'expired')
  })
})
