import { describe, expect, it } from 'vitest'
import { expectAlwaysTrue, ordersOf } from '../simulation/always-true.ts'
import { createWorld } from '../simulation/world.ts'

const DAY_MS = 24 * 3_600_000

describe('an order in the simulated platform', () => {
  it.each([
    ['card-ok', 2, 'completed'],
    ['card-declined', 2, 'rejected'],
    ['card-ok', 200, 'rejected'],
    ['card-action-required', 2, 'expired'],
  ])('paid by %s, %s pieces, is %s', async (card, quantity, status) => {
    const world = await createWorld()
    expect((await world.place({ card, quantity })).status).toBe(201)
    await world.run({ forMs: 3 * DAY_MS })
    expect(ordersOf(world).map((order) => order.status)).toEqual([status])
    expectAlwaysTrue(world)
  })
})
