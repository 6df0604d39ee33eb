/** People write off pieces while an order reserves them: the order or the person gets them, never both. */

import { expect, it } from 'vitest'
import { interleave } from './interleavings.testing.ts'
import { message } from '../../shared/runtime/deliver.testing.ts'
import { expectNothingNegative, ordersOf } from '../support/simulation/always-true.ts'
import { everyWay } from '../support/simulation/scheduler.ts'
import { to } from '../support/simulation/virtual-schedule.ts'
import { createWorld, sku } from '../support/simulation/world.ts'
import { MINUTE } from './quiescence.testing.ts'

it('the last piece is reserved or written off in any interleaving', { timeout: 60_000 }, async () => {
  const outcomes = new Set<string>()
  const ways = await everyWay(async (choose) => {
    const world = await createWorld({ stock: 1 })
    const held = [
      world.schedule.hold(to('inventory', 'ReserveStock')),
      world.schedule.hold(to('inventory', 'AdjustStock')),
    ]
    await world.place({ quantity: 1 })
    const adjustment = { adjustmentId: 'a-1', sku, change: -1, reason: 'damaged' }
    world.bus.send([{ target: 'inventory', envelope: message('AdjustStock', adjustment, { subject: sku }) }])
    await world.run({ forMs: 1_000 })
    const both = held.flatMap((one) => one.held()).map((item) => world.begin(item))
    expect(both).toHaveLength(2)
    for (const activity of both) await world.scheduler.step(activity)
    await interleave(world, both, choose)
    expectNothingNegative(world)
    for (const one of held) one.release()
    await world.run({ forMs: MINUTE })
    const [order] = ordersOf(world)
    const adjusted = world.platform('inventory').published.some(({ type }) => type === 'stock.adjusted')
    outcomes.add(`${order!.status}, ${adjusted ? 'written off' : 'refused'}`)
  })
  expect(outcomes).toEqual(new Set(['completed, refused', 'rejected, written off']))
  expect(ways).toBeGreaterThan(5)
})
