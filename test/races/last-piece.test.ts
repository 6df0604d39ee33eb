/** Several orders compete for the last piece: only one of them gets it. */

import { describe, expect, it } from 'vitest'
import { interleave } from './interleavings.testing.ts'
import { expectNothingNegative, ordersOf } from '../support/simulation/always-true.ts'
import { to } from '../support/simulation/virtual-schedule.ts'
import { everyWay } from '../support/simulation/scheduler.ts'
import { createWorld } from '../support/simulation/world.ts'
import { wholeLists } from '../support/whole-lists.ts'
import { expectQuiescence, MINUTE } from './quiescence.testing.ts'

describe('the last piece', () => {
  it('goes to one of two orders in any interleaving of their reservations', { timeout: 300_000 }, async () => {
    const winners = new Set<number>()
    const ways = await everyWay(async (choose) => {
      const world = await createWorld({ stock: 1 })
      const reservations = world.schedule.hold(to('inventory', 'ReserveStock'))
      for (const key of ['a', 'b']) await world.place({ key, quantity: 1 })
      await world.run({ forMs: 1_000 })
      const both = reservations.held().map((item) => world.begin(item))
      for (const activity of both) {
        await world.scheduler.step(activity)
        // The reads of the attempt without the stream decide nothing: npm run verify interleaves them too.
        while (!wholeLists && activity.waiting[0]?.what === 'read') await world.scheduler.step(activity)
      }
      await interleave(world, both, choose)
      expectNothingNegative(world)
      reservations.release()
      await world.run({ forMs: MINUTE })
      const statuses = ordersOf(world).map(({ status }) => status)
      expect(statuses.toSorted()).toEqual(['completed', 'rejected'])
      winners.add(statuses.indexOf('completed'))
    })
    expect(winners).toEqual(new Set([0, 1]))
    expect(ways).toBeGreaterThan(7)
  })

  it('is sold once to eight concurrent orders', async () => {
    for (let seed = 1; seed <= 5; seed++) {
      const world = await createWorld({ seed, stock: 8, concurrency: 8 })
      for (let order = 0; order < 8; order++) await world.place({ key: `key-${order}`, quantity: 3 })
      await expectQuiescence(world, ['completed', 'rejected'])
      expect(ordersOf(world).filter(({ status }) => status === 'completed')).toHaveLength(2)
    }
  })
})
