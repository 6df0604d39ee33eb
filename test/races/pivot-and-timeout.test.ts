/** One append decides between the pivot and the timeout, whichever comes first: the loser reads again. */

import { describe, expect, it } from 'vitest'
import { ordersOf } from '../simulation/always-true.ts'
import { to } from '../simulation/agenda.ts'
import { type Activity, everyWay } from '../simulation/scheduler.ts'
import { createWorld, type World } from '../simulation/world.ts'
import { expectRest, MINUTE, only, SECOND } from './rest.ts'

/** The payment is authorised, its reply is not delivered yet, and its time is up. */
async function atTheDeadline(): Promise<World> {
  const world = await createWorld()
  const answer = world.agenda.hold(to('orders', 'payment.authorized'))
  await world.place()
  await world.run({ forMs: 2 * MINUTE })
  const timer = world.agenda.hold(to('orders', 'ContinueCheckout'))
  const { dueMs } = only(world, to('orders', 'ContinueCheckout'))
  await world.run({ forMs: dueMs - world.agenda.now() })
  expect(ordersOf(world)).toMatchObject([{ status: 'pending' }])
  answer.release()
  timer.release()
  return world
}

describe('the answer and the timeout', () => {
  it('the answer first: confirmed, and the timeout finds nothing to do', async () => {
    const world = await atTheDeadline()
    await world.finish(world.begin(only(world, to('orders', 'payment.authorized'))))
    await expectRest(world, 'completed')
  })

  it('the timeout first: rejected, and the late success is compensated again', async () => {
    const world = await atTheDeadline()
    await world.finish(world.begin(only(world, to('orders', 'ContinueCheckout'))))
    await expectRest(world, 'rejected')
  })

  it('at the same moment, in every way in which their steps can mix', { timeout: 60_000 }, async () => {
    const outcomes = new Map<string, number>()
    const ways = await everyWay(async (choose) => {
      const world = await atTheDeadline()
      const both = [
        world.begin(only(world, to('orders', 'payment.authorized'))),
        world.begin(only(world, to('orders', 'ContinueCheckout'))),
      ]
      // What follows a commit follows whoever committed: mixed up, it would only be the same again.
      const undecided = (): Activity[] =>
        both.filter(({ state, waiting }) => state === 'under way' && waiting[0]?.what !== 'committed')
      for (let open = undecided(); open.length > 0; open = undecided())
        await world.scheduler.step(open[open.length === 1 ? 0 : choose(2)]!)
      for (const activity of both) await world.finish(activity)
      await expectRest(world, ['completed', 'rejected'])
      const { status } = ordersOf(world)[0]!
      outcomes.set(status, (outcomes.get(status) ?? 0) + 1)
    })
    expect([...outcomes.keys()].toSorted()).toEqual(['completed', 'rejected'])
    expect(ways).toBeGreaterThan(10)
  })
})

describe('a customer who acts in the last moment', () => {
  async function acted(): Promise<World> {
    const world = await createWorld()
    await world.place({ card: 'card-action-required' })
    const timer = world.agenda.hold(to('orders', 'ContinueCheckout'))
    await world.run({ forMs: 16 * MINUTE })
    const { key } = world.provider.ledger.all()[0]!
    await world.provider.partner.app.request(`/actions/action-${key}`, { method: 'POST', body: '{}' })
    timer.release()
    return world
  }

  it('the note first: confirmed', async () => {
    const world = await acted()
    const timer = world.agenda.hold(to('orders', 'ContinueCheckout'))
    await world.run({ forMs: 10 * SECOND })
    timer.release()
    await expectRest(world, 'completed')
  })

  it('the timeout first: expired, and the money is let go', async () => {
    const world = await acted()
    await world.finish(world.begin(world.agenda.items.filter(to('orders', 'ContinueCheckout'))[0]!))
    await expectRest(world, 'expired')
  })
})
