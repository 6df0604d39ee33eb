/** Whole runs with faults of all kinds: for every seed the invariants hold after the faults stop. */

import { assert, asyncProperty, integer } from 'fast-check'
import { describe, expect, it } from 'vitest'
import { expectAlwaysTrue, ordersOf } from '../support/simulation/always-true.ts'
import { simulate } from './simulation.testing.ts'
import type { World } from '../support/simulation/world.ts'

/** For a longer run: `SIMULATION_RUNS=10000 npm test -- test/simulation`. A failure prints its seed. */
const RUNS = Number(process.env['SIMULATION_RUNS'] ?? 40)

/** Trace ids are random and do not affect decisions. */
const publishedBy = (world: World, service: string): object[] =>
  world.platform(service).published.map((event) => ({ ...event, traceparent: '' }))

describe('a run with faults of every kind', () => {
  it('keeps all invariants', { timeout: 30_000 + RUNS * 3_000 }, async () => {
    await assert(
      asyncProperty(integer({ min: 1, max: 2 ** 31 }), async (seed) => expectAlwaysTrue(await simulate(seed))),
      { seed: 20_261_126, numRuns: RUNS },
    )
  })

  it('is the same run for the same seed', async () => {
    const [one, again] = [await simulate(7), await simulate(7)]
    expect(ordersOf(again)).toEqual(ordersOf(one))
    for (const service of ['orders', 'inventory', 'payments', 'shipping'])
      expect(publishedBy(again, service)).toEqual(publishedBy(one, service))
  })
})
