/** A process that dies before a step of one handler, each time in a new world. */

import { expect } from 'vitest'
import type { Hold } from '../support/simulation/virtual-schedule.ts'
import type { World } from '../support/simulation/world.ts'
import { wholeLists } from '../support/whole-lists.ts'

export interface Held {
  readonly world: World
  readonly hold: Hold
}

/** Of one test: in `npm run verify` it makes a world for each step, of which a renewal takes weeks. */
export const KILLS_TIMEOUT_MS = 180_000

/** The effects that remain of a handler that dies; all else is in its memory. */
const hasTakenEffect = (operation: string): boolean => /^(answer |committed$|published$|sent$)/.test(operation)

/**
 * Runs it whole, and then kills it at a step, each time in a new world: after each effect and before the first one; in `npm run verify`
 * before its second step, its third and so on.
 */
export async function killedAtEachStep(
  reach: () => Promise<Held>,
  expectEnd: (world: World) => Promise<void>,
): Promise<void> {
  const operations: string[] = []
  {
    const { world, hold } = await reach()
    const activity = world.begin(firstOf(hold))
    while (activity.state === 'running') {
      operations.push(activity.waiting[0]!.what)
      await world.scheduler.step(activity)
    }
    hold.release()
    await expectEnd(world)
  }
  expect(operations.length).toBeGreaterThan(3)
  const firstEffect = operations.findIndex(hasTakenEffect)
  expect(firstEffect).toBeGreaterThan(1)
  for (const at of operations.keys()) {
    const isRepresentative = at === firstEffect - 1 || hasTakenEffect(operations[at]!)
    // Before its first step it has not begun.
    if (at === 0 || !(wholeLists || isRepresentative)) continue
    const { world, hold } = await reach()
    const item = firstOf(hold)
    const activity = world.begin(item)
    for (let step = 0; step < at; step++) await world.scheduler.step(activity)
    expect(activity.waiting[0]?.what).toBe(operations[at])
    world.scheduler.kill(activity)
    // Pub/Sub and Cloud Tasks deliver it again.
    world.schedule.items.push(item)
    hold.release()
    await expectEnd(world)
  }
}

function firstOf(hold: Hold): ReturnType<Hold['held']>[number] {
  const [item] = hold.held()
  if (!item) throw new Error('Nothing is held: the world has not come to the handler.')
  return item
}
