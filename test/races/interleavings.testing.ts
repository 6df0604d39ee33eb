/** Two activities at the same time, in every order of the steps in which they interfere. */

import { expect } from 'vitest'
import { ordersOf } from '../support/simulation/always-true.ts'
import { type Activity, everyWay } from '../support/simulation/scheduler.ts'
import type { World } from '../support/simulation/world.ts'

/** The steps in which they interfere: on a stream, and at the provider. */
const isAtSharedStep = ({ waiting }: Activity): boolean => /^(read|commit|ask )/.test(waiting[0]?.what ?? '')

/** Both begin at once, and every order of their steps is tried. */
export async function inEveryWay(
  prepare: () => Promise<{ world: World; activities: readonly Activity[] }>,
  check: (world: World) => Promise<void>,
): Promise<Set<string>> {
  const outcomes = new Set<string>()
  const ways = await everyWay(async (choose) => {
    const { world, activities: all } = await prepare()
    const undecided = (): Activity[] =>
      all.filter(({ state, waiting }) => state === 'running' && waiting[0]?.what !== 'committed')
    for (let open = undecided(); open.length > 0; open = undecided()) {
      const chosen = open[open.length === 1 ? 0 : choose(2)]!
      do await world.scheduler.step(chosen)
      while (undecided().includes(chosen) && !isAtSharedStep(chosen))
    }
    for (const activity of all) await world.finish(activity)
    await check(world)
    outcomes.add(ordersOf(world)[0]!.status)
  })
  expect(ways).toBeGreaterThan(2)
  return outcomes
}
