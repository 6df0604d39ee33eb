/** Asserts the end of a race: no work is left, the invariants hold, and the orders have the expected status. */

import { expect } from 'vitest'
import {
  expectAlwaysTrue,
  type Exceptions,
  hasEnded,
  ordersOf,
  type OrderFacts,
} from '../support/simulation/always-true.ts'
import type { Item, Selector } from '../support/simulation/virtual-schedule.ts'
import type { World } from '../support/simulation/world.ts'

export const SECOND = 1_000
export const MINUTE = 60 * SECOND
export const DAY = 24 * 60 * MINUTE

/** Every order must end within this time after the last hold is released. */
const BOUND = 2 * DAY

export async function expectQuiescence(
  world: World,
  status: OrderFacts['status'] | readonly OrderFacts['status'][],
  exceptions?: Exceptions,
): Promise<void> {
  await world.run({ forMs: BOUND, until: () => ordersOf(world).every(hasEnded) })
  const statuses = ordersOf(world).map((order) => order.status)
  if (typeof status === 'string') expect(statuses).toEqual([status])
  else
    expect(
      statuses.every((one) => status.includes(one)),
      statuses.join(', '),
    ).toBe(true)
  // The remaining timers must change nothing.
  await world.run({ forMs: 4 * DAY })
  expectAlwaysTrue(world, exceptions)
}

/** The only item that matches. @throws AssertionError if there is not exactly one. */
export function theOnly(world: World, selector: Selector): Item {
  const found = world.schedule.items.filter((item) => selector(item))
  expect(found.map(({ type, to }) => `${type} to ${to}`)).toHaveLength(1)
  return found[0]!
}

export const sentTypes = (world: World): string[] => world.platform('orders').sent.map(({ envelope }) => envelope.type)
