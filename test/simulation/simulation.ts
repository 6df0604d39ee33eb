/** One whole run from one seed: customers order, everything goes wrong, the faults stop, the platform comes to rest. */

import { expectNothingNegative, hasEnded, ordersOf } from './always-true.ts'
import { type Faults, manyFaults } from './faults.ts'
import { createWorld, type World } from './world.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const cards = ['card-ok', 'card-ok', 'card-ok', 'card-declined', 'card-action-required']
const ORDERS = 6
/** About half of what is asked for. */
const STOCK = 9
/** What is missing after the pivot is asked for after a day, and an hour after each thing that was heard. */
const TERMINAL_WITHIN_MS = 2 * DAY_MS

export async function simulate(seed: number, faults: Faults = manyFaults): Promise<World> {
  const world = await createWorld({ seed, faults, atOnce: 4, stock: STOCK })
  await customers(world)
  await world.run({ forMs: HOUR_MS })
  world.endFaults()
  await world.run({ forMs: TERMINAL_WITHIN_MS, until: () => ordersOf(world).every(hasEnded) })
  const late = ordersOf(world).filter((order) => !hasEnded(order))
  if (late.length > 0) throw new Error(`Not ended in time: ${JSON.stringify(late)}`)
  // Undos, views and what was frozen come to rest too.
  await world.run({ forMs: 3 * DAY_MS })
  return world
}

/** A customer asks again with the same key until there is an answer; some act on the provider's page, some never do. */
async function customers(world: World): Promise<void> {
  const { random, provider } = world
  for (let index = 0; index < ORDERS; index++) {
    const card = cards[Math.floor(random.next() * cards.length)]!
    const asked = { key: `key-${index}`, card, quantity: 1 + Math.floor(random.next() * 3) }
    while ((await world.place(asked)).status >= 500) await world.run({ forMs: 5_000 })
    await world.run({ forMs: Math.floor(random.next() * 60_000) })
    expectNothingNegative(world)
  }
  for (const { key, status } of provider.ledger.all()) {
    if (status !== 'action-required' || random.next() < 0.5) continue
    await provider.partner.app.request(`/actions/action-${key}`, { method: 'POST', body: '{}' })
  }
}
