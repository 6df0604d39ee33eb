/** Runs of the whole system with random seeds, until together they have reached all that a suite names. */

import { assert, asyncProperty, integer } from 'fast-check'
import { expect } from 'vitest'
import { expectAlwaysTrue } from './always-true.ts'
import type { World } from './world.ts'

interface Runs {
  simulate(seed: number): Promise<World>
  /** The events of a run that all runs together have to reach. */
  marksOf(world: World): readonly string[]
  readonly all: readonly string[]
  readonly seed: number
  /** Seeds that come first. */
  readonly reaching: readonly number[]
  /** The runs end after `least`, once all is reached; after `most` in any case. So many as `sample` are enough to reach all. */
  readonly least: number
  readonly most: number
  readonly sample: number
}

export async function expectRunsToReachAll({ simulate, marksOf, all, seed, reaching, least, most, sample }: Runs) {
  const marks = new Set<string>()
  const missing = (): string[] => all.filter((mark) => !marks.has(mark))
  let runs = 0
  await assert(
    asyncProperty(integer({ min: 1, max: 2 ** 31 }), async (one) => {
      if (runs >= least && missing().length === 0) return
      runs += 1
      const world = await simulate(one)
      expectAlwaysTrue(world)
      for (const mark of marksOf(world)) marks.add(mark)
    }),
    { seed, numRuns: most, examples: reaching.map((one) => [one]) },
  )
  // Without this, runs without a cancellation would pass.
  if (most >= sample) expect(missing()).toEqual([])
}
