/** Two activities at the same time, in the orders of the steps in which they interfere. */

import { expect } from 'vitest'
import { ordersOf } from '../support/simulation/always-true.ts'
import { type Activity, everyWay } from '../support/simulation/scheduler.ts'
import type { World } from '../support/simulation/world.ts'
import { wholeLists } from '../support/whole-lists.ts'

/**
 * The number of times that an activity which could go on is interrupted by the other one. One is enough for each to run whole
 * between any two steps of the other; `npm run verify` tries every order.
 */
const MAX_INTERRUPTIONS = wholeLists ? Infinity : 1

/** The steps in which two activities interfere: on a stream, and at a partner. */
export const isAtSharedStep = ({ waiting }: Activity): boolean => /^(read|commit|ask )/.test(waiting[0]?.what ?? '')

/** After a commit the outcome is decided, so further orders are not tried. */
const isUndecided = ({ state, waiting }: Activity): boolean => state === 'running' && waiting[0]?.what !== 'committed'

interface Interfering {
  /** True at a step before which another activity may run; absent: at every step. */
  readonly stopsAt?: (activity: Activity) => boolean
  readonly isUndecided?: (activity: Activity) => boolean
}

/** Runs both until their outcome is decided, in an order of `everyWay`, and then each to its end. */
export async function interleave(
  world: World,
  all: readonly Activity[],
  choose: (count: number) => number,
  { stopsAt = () => true, isUndecided: isOpen = isUndecided }: Interfering = {},
): Promise<void> {
  let current: Activity | undefined
  let interruptions = 0
  const next = (open: readonly Activity[]): Activity => {
    if (open.length === 1) return open[0]!
    const goesOn = current !== undefined && open.includes(current)
    if (goesOn && interruptions === MAX_INTERRUPTIONS) return current!
    const chosen = open[choose(open.length)]!
    if (goesOn && chosen !== current) interruptions += 1
    return chosen
  }
  for (let open = all.filter(isOpen); open.length > 0; open = all.filter(isOpen)) {
    const chosen = next(open)
    current = chosen
    do await world.scheduler.step(chosen)
    while (isOpen(chosen) && !stopsAt(chosen))
  }
  for (const activity of all) await world.finish(activity)
}

/** Both begin at once; `check` runs after each order of their steps. @returns the final statuses of the order */
export async function inAnyWay(
  prepare: () => Promise<{ world: World; activities: readonly Activity[] }>,
  check: (world: World) => Promise<void>,
): Promise<Set<string>> {
  const outcomes = new Set<string>()
  const ways = await everyWay(async (choose) => {
    const { world, activities } = await prepare()
    await interleave(world, activities, choose, { stopsAt: isAtSharedStep })
    await check(world)
    outcomes.add(ordersOf(world)[0]!.status)
  })
  expect(ways).toBeGreaterThan(2)
  return outcomes
}
