/** One whole run from one seed: customers order under faults, the faults stop, the platform comes to rest. */

import { message } from '../../shared/runtime/deliver.testing.ts'
import { expectNothingNegative, hasEnded, ordersOf } from '../support/simulation/always-true.ts'
import { seededRandom } from 'local-google-cloud/host'
import { someFaults } from '../support/simulation/faults.ts'
import { createWorld, type World } from '../support/simulation/world.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const cards = ['card-ok', 'card-ok', 'card-ok', 'card-declined', 'card-action-required']
const ORDERS = 6
const OPERATOR_RETRIES = 0.5
/** Of the orders so many are cancelled, within a time in which a run without faults confirms, releases and ships them. */
const CANCELLED = 0.4
const MAX_CANCELLED_AFTER_MS = 10 * 60_000
/** About half of the ordered pieces. */
const STOCK = 9
/** Missing facts after the pivot are requested after a day, and an hour after each fact. */
const TERMINAL_TIMEOUT_MS = 2 * DAY_MS

export async function simulate(seed: number): Promise<World> {
  // Independent of the run's own random numbers.
  const random = seededRandom(seed + 2 ** 32)
  const world = await createWorld({
    seed,
    faults: someFaults(random),
    concurrency: 1 + Math.floor(random.next() * 8),
    stock: STOCK,
    releaseDelaySeconds: random.next() < 0.7 ? 0 : Math.floor(random.next() * 1_800),
  })
  await customers(world)
  await world.run({ forMs: HOUR_MS })
  world.endFaults()
  await world.run({ forMs: TERMINAL_TIMEOUT_MS, until: () => ordersOf(world).every(hasEnded) })
  const late = ordersOf(world).filter((order) => !hasEnded(order))
  if (late.length > 0) throw new Error(`Not ended in time: ${JSON.stringify(late)}`)
  // Compensations, read models and paused activities come to rest too.
  await world.run({ forMs: 3 * DAY_MS })
  return world
}

/** An operator retries one of the orders, needed or not: its step is sent again with a new causation id. */
function retry(world: World, turn: number): void {
  const orders = ordersOf(world)
  const { orderId } = orders[Math.floor(world.random.next() * orders.length)]!
  const command = message('RetryCheckout', { orderId, reason: 'an operator is impatient' }, { key: turn })
  world.bus.send([{ target: 'orders', envelope: command }])
}

/** The customer or staff cancels, in any state of the order; some do it twice, or both at once. */
function cancel(world: World, orderId: string, turn: number): void {
  const { random, schedule } = world
  const dueMs = schedule.now() + Math.floor(random.next() * MAX_CANCELLED_AFTER_MS)
  const requests = random.next() < 0.3 ? 2 : 1
  for (let request = 0; request < requests; request++) {
    const by = random.next() < 0.5 ? 'customer' : 'staff'
    const envelope = message('CancelOrder', { orderId, by, reason: 'changed-mind' }, { key: `${turn} ${request}` })
    const handle = async (): Promise<boolean> => {
      world.bus.send([{ target: 'orders', envelope }])
      return true
    }
    schedule.add({ kind: 'timer', to: by, type: 'cancels', dueMs, handle })
  }
}

/** A customer retries with the same key until there is an answer; some act on the provider's page, some never do. */
async function customers(world: World): Promise<void> {
  const { random, provider } = world
  for (let index = 0; index < ORDERS; index++) {
    const card = cards[Math.floor(random.next() * cards.length)]!
    const order = { key: `key-${index}`, card, quantity: 1 + Math.floor(random.next() * 3) }
    let answer = await world.place(order)
    while (answer.status >= 500) {
      await world.run({ forMs: 5_000 })
      answer = await world.place(order)
    }
    if (random.next() < CANCELLED) cancel(world, answer.orderId, index)
    // Some orders are placed at the same time.
    if (random.next() < 0.5) await world.run({ forMs: Math.floor(random.next() * 60_000) })
    if (random.next() < OPERATOR_RETRIES) retry(world, index)
    expectNothingNegative(world)
  }
  for (const { key, status } of provider.ledger.all()) {
    if (status !== 'action-required' || random.next() < 0.5) continue
    await provider.partner.app.request(`/actions/action-${key}`, { method: 'POST', body: '{}' })
  }
}
