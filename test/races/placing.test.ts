/** A request from outside, which is not redelivered: a timer before the paused commit, a retrying client, concurrent requests. */

import { describe, expect, it } from 'vitest'
import { interleave } from './interleavings.testing.ts'
import { ordersOf } from '../support/simulation/always-true.ts'
import { to } from '../support/simulation/virtual-schedule.ts'
import { type Activity, everyWay } from '../support/simulation/scheduler.ts'
import { createWorld, type World } from '../support/simulation/world.ts'
import { expectQuiescence, MINUTE } from './quiescence.testing.ts'

const stopsAt = (activity: Activity, what: string): boolean => activity.waiting[0]?.what === what

describe('the timer and the commit', () => {
  /** A request that pauses before one of its commits, until its timer has fired. */
  async function pauseBeforeCommit(world: World, activity: Activity): Promise<void> {
    while (!stopsAt(activity, 'commit')) await world.scheduler.step(activity)
    activity.paused = true
    await world.run({ forMs: 3 * MINUTE })
    activity.paused = false
    await world.scheduler.step(activity)
  }

  it('the timer fires first: the paused commit fails, and the order is placed with another timer', async () => {
    const world = await createWorld()
    const { activity, answer } = world.placing()
    await pauseBeforeCommit(world, activity)
    expect(ordersOf(world)).toEqual([])
    await world.finish(activity)
    expect(answer()!.status).toBe(201)
    expect((await world.place()).status).toBe(200)
    await expectQuiescence(world, 'completed')
  })

  it('the commit comes first: the timer sends the unsent messages', async () => {
    const world = await createWorld()
    const { activity } = world.placing()
    while (!stopsAt(activity, 'committed')) await world.scheduler.step(activity)
    world.scheduler.kill(activity)
    expect(world.platform('orders').published).toEqual([])
    await expectQuiescence(world, 'completed')
  })

  it('a request that is killed at any step leaves nothing or an order that ends', async () => {
    for (let stop = 0; ; stop++) {
      const world = await createWorld()
      const { activity } = world.placing()
      for (let step = 0; step < stop && activity.state === 'running'; step++) await world.scheduler.step(activity)
      if (activity.state === 'ended') return expect(stop).toBeGreaterThan(5)
      world.scheduler.kill(activity)
      await world.run({ forMs: 5 * MINUTE })
      const left = ordersOf(world).length
      // The client retries with the same key, and there is one order.
      expect((await world.place()).status).toBe(left === 0 ? 201 : 200)
      await expectQuiescence(world, 'completed')
    }
  })

  it('requests that are slow before each of their commits leave no order without a timer', async () => {
    const world = await createWorld()
    for (let request = 0; request < 2; request++) {
      const { activity, answer } = world.placing()
      for (const _ of ['first', 'second']) await pauseBeforeCommit(world, activity)
      await world.finish(activity)
      expect(answer()!.status).toBe(503)
    }
    await world.place()
    await expectQuiescence(world, 'completed')
  })
})

it('two concurrent requests with one key place one order in any interleaving of their steps', async () => {
  const ways = await everyWay(async (choose) => {
    const world = await createWorld()
    const both = [world.placing(), world.placing()]
    const activities = both.map(({ activity }) => activity)
    await interleave(world, activities, choose, {
      // Only steps on the stream can interfere.
      stopsAt: (one) => stopsAt(one, 'load') || stopsAt(one, 'commit'),
      isUndecided: (one) => one.state === 'running' && !stopsAt(one, 'committed') && !stopsAt(one, 'publish'),
    })
    expect(new Set(both.map(({ answer }) => answer()!.orderId)).size).toBe(1)
    expect(ordersOf(world)).toHaveLength(1)
    await world.run({ forMs: MINUTE })
    expect(ordersOf(world)).toMatchObject([{ status: 'completed' }])
  })
  expect(ways).toBeGreaterThan(5)
}, 60_000)

describe('two chains of timers', () => {
  it('a timer from the placement and an earlier one from a decision leave one pending timer', async () => {
    const world = await createWorld()
    // No service replies, so every timeout is checked.
    for (const type of ['ReserveStock', 'ReleaseStock']) world.schedule.hold(to('inventory', type))
    const { activity } = world.placing()
    while (!stopsAt(activity, 'commit')) await world.scheduler.step(activity)
    await world.finish(activity)
    await world.run({ forMs: 130_000 })
    const timers = (): number => world.schedule.items.filter(to('orders', 'ContinueCheckout')).length
    for (let minute = 0; minute < 30; minute++) {
      expect(timers()).toBe(1)
      await world.run({ forMs: MINUTE })
    }
  })

  it.each([
    ['in turn', false],
    ['in reverse', true],
  ])('two late timers, delivered %s, leave one pending timer', async (_name, reversed) => {
    const world = await createWorld({ releaseDelaySeconds: 30 })
    const timers = world.schedule.hold(to('orders', 'ContinueCheckout'))
    await world.place()
    await world.run({ forMs: 10 * MINUTE })
    // One is due at 90 s, from the request; one at the end of the release delay, from the confirmation.
    const late = timers.held()
    expect(late).toHaveLength(2)
    expect(ordersOf(world)).toMatchObject([{ status: 'confirmed' }])
    for (const timer of reversed ? late.toReversed() : late) await world.finish(world.begin(timer))
    expect(world.platform('orders').published.filter(({ type }) => type === 'order.released')).toHaveLength(1)
    timers.release()
    await expectQuiescence(world, 'completed')
  })

  it('a timer that fires too early is retried later, and changes nothing', async () => {
    const world = await createWorld()
    const answer = world.schedule.hold(to('orders', 'stock.reserved'))
    await world.place()
    const timer = world.schedule.items.find(to('orders', 'ContinueCheckout'))!
    timer.dueMs = world.schedule.now()
    const before = world.platform('orders').billed.writes
    await world.run({ forMs: 10_000 })
    expect(timer.attempts).toBeGreaterThan(1)
    expect(world.platform('orders').billed.writes).toBe(before)
    answer.release()
    await expectQuiescence(world, 'completed')
  })
})
