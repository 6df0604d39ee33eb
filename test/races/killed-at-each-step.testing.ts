/** A process that dies before each step of one handler, each time in a new world. */

import { expect } from 'vitest'
import type { Hold } from '../support/simulation/virtual-schedule.ts'
import type { World } from '../support/simulation/world.ts'

export interface Held {
  readonly world: World
  readonly hold: Hold
}

/** Kills it before its first step, its second and so on, each time in a new world, and once not at all. */
export async function killedAtEachStep(
  reach: () => Promise<Held>,
  expectEnd: (world: World) => Promise<void>,
): Promise<void> {
  for (let at = 1; ; at++) {
    const { world, hold } = await reach()
    const [item] = hold.held()
    expect(item).toBeDefined()
    const activity = world.begin(item!)
    for (let step = 0; step < at && activity.state === 'running'; step++) await world.scheduler.step(activity)
    const isWhole = activity.state !== 'running'
    if (!isWhole) {
      world.scheduler.kill(activity)
      // Pub/Sub and Cloud Tasks deliver it again.
      world.schedule.items.push(item!)
    }
    hold.release()
    await expectEnd(world)
    if (isWhole) return expect(at).toBeGreaterThan(3)
  }
}
