/** One whole run from one seed: customers order, everything goes wrong, the faults stop, the platform comes to rest. */

import { message } from '../../shared/runtime/deliver.testing.ts'
import { expectNothingNegative, hasEnded, ordersOf } from './always-true.ts'
import { seededRandom } from 'local-google-cloud/host'
import { someFaults } from './faults.ts'
import { createWorld, type World } from './world.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const cards = ['card-ok', 'card-ok', 'card-ok', 'card-declined', 'card-action-required']
const ORDERS = 6
const OPERATOR_RETRIES = 0.5
/** About half of what is asked for. */
const STOCK = 9
/** What is missing after the pivot is asked for after a day, and an hour after each thing that was heard. */
const TERMINAL_TIMEOUT_MS = 2 * DAY_MS

export async function simulate(seed: number): Promise<World> {
  // Another stream of choices than the run's own.
  const random = seededRandom(seed + 2 ** 32)
  const world = await createWorld({
    seed,
    faults: someFaults(random),
    atOnce: 1 + Math.floor(random.next() * 8),
    stock: STOCK,
    cancellationWindowSeconds: random.next() < 0.7 ? 0 : Math.floor(random.next() * 1_800),
  })
  await customers(world)
  await world.run({ forMs: HOUR_MS })
  world.endFaults()
  await world.run({ forMs: TERMINAL_TIMEOUT_MS, until: () => ordersOf(world).every(hasEnded) })
  const late = ordersOf(world).filter((order) => !hasEnded(order))
  if (late.length > 0) throw new Error(`Not ended in time: ${JSON.stringify(late)}`)
  // Undos, read models and what was frozen come to rest too.
  await world.run({ forMs: 3 * DAY_MS })
  return world
}

/** An operator asks one of the orders to go on, needed or not: its step is asked for again under a new cause. */
function retry(world: World, turn: number): void {
  const orders = ordersOf(world)
  const { orderId } = orders[Math.floor(world.random.next() * orders.length)]!
  const command = message('RetryCheckout', { orderId, reason: 'an operator is impatient' }, { key: turn })
  world.bus.send([{ target: 'orders', envelope: command }])
}

/** A customer asks again with the same key until there is an answer; some act on the provider's page, some never do. */
async function customers(world: World): Promise<void> {
  const { random, provider } = world
  for (let index = 0; index < ORDERS; index++) {
    const card = cards[Math.floor(random.next() * cards.length)]!
    const asked = { key: `key-${index}`, card, quantity: 1 + Math.floor(random.next() * 3) }
    while ((await world.place(asked)).status >= 500) await world.run({ forMs: 5_000 })
    // Some come at the same moment.
    if (random.next() < 0.5) await world.run({ forMs: Math.floor(random.next() * 60_000) })
    if (random.next() < OPERATOR_RETRIES) retry(world, index)
    expectNothingNegative(world)
  }
  for (const { key, status } of provider.ledger.all()) {
    if (status !== 'action-required' || random.next() < 0.5) continue
    await provider.partner.app.request(`/actions/action-${key}`, { method: 'POST', body: '{}' })
  }
}
