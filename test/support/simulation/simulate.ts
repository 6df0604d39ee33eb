/** One whole run from one seed: customers order and cancel, parcels are late or come back, staff refunds, recaptures and closes under faults, the faults stop, the platform comes to rest. */

import { services } from '../../../functions/index.ts'
import { expectNothingNegative, hasEnded, ordersOf } from './always-true.ts'
import { capturedByShipment } from './money.ts'
import { eventsOf, type OrderFacts, sum } from './order-facts.ts'
import { type Random, seededRandom } from 'local-google-cloud/host'
import { someFaults } from './faults.ts'
import { placedInTheEnd } from './people.ts'
import type { Releases } from './releases.ts'
import { createWorld, discountCodes, freeSku, type OrderRequest, sku, unitMinor, type World } from './world.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
/** Half of the cards are good ones; the captures and refunds of the others go as their names say. */
const cards = [
  'card-ok',
  'card-ok',
  'card-ok',
  'card-ok',
  'card-ok',
  'card-ok',
  'card-ok',
  'card-declined',
  'card-declined',
  'card-action-required',
  'card-action-required',
  'card-capture-refused',
  'card-capture-delayed',
  'card-refund-pending',
  'card-refund-fails-later',
  'card-refund-returned',
]
/** Staff looks so often at the orders whose capture was refused. */
const STAFF_ROUND_MS = 20 * 60_000
/** The refunds of so many orders are requested, some of them before they are captured. */
const REFUNDED = 0.5
const MAX_REFUNDED_AFTER_MS = 40 * 60_000
const codes = Object.keys(discountCodes) as (keyof typeof discountCodes)[]
const DISCOUNTED = 0.4
const TAXED = 0.5
/** Of the customers who have to act for the payment, so many try another card within the time. */
const PAY_AGAIN = 0.6
const MAX_PAID_AFTER_MS = 6 * 60_000
const ORDERS = 6
const OPERATOR_RETRIES = 0.5
/** Of the orders so many are cancelled, within a time in which a run without faults confirms, releases and ships them. */
const CANCELLED = 0.4
const MAX_CANCELLED_AFTER_MS = 10 * 60_000
/** The second cancellation of an order may come long after the first. */
const MAX_CANCELLED_APART_MS = 80 * 60_000
/** Less than the twenty attempts of a command that only the later release of its owner can read. */
const MAX_DEPLOYED_AFTER_MS = 15 * 60_000
/** About half of the ordered pieces. */
const STOCK = 9
/** So many orders have a free piece too, as the first or the last of their lines. */
const WITH_FREE = 0.25
const FREE_STOCK = 2
/** In so many runs every order is one parcel; in the others a parcel holds a piece or two. */
const ONE_PARCEL = 0.5
/** Mostly soon; in some runs beyond the promised time, which is two days. */
const MAX_COLLECTED_AFTER_MS = HOUR_MS
const MAX_DELIVERED_AFTER_MS = 4 * DAY_MS
/** The parcels of an order leave one after the other, so that a cancellation may come in between. */
const MAX_COLLECTED_APART_MS = 10 * 60_000
/** So many parcels come back. */
const RETURNED = 0.1
/** Missing facts after the pivot are requested after a day, and an hour after each fact; the slowest parcel needs four days. */
const TERMINAL_TIMEOUT_MS = 7 * DAY_MS

/** @param releases The former release of every service runs first; each is deployed at a time of its own. */
export async function simulate(seed: number, releases?: Releases): Promise<World> {
  // Independent of the run's own random numbers.
  const random = seededRandom(seed + 2 ** 32)
  const world = await createWorld({
    // Webhooks decide nothing, and no invariant is about them: functions/webhooks/app.test.ts has their faults.
    descriptions: releases?.services ?? services.filter(({ name }) => name !== 'webhooks'),
    seed,
    faults: someFaults(random),
    concurrency: 1 + Math.floor(random.next() * 8),
    stock: STOCK,
    freeStock: FREE_STOCK,
    ...(random.next() < TAXED ? { taxClass: 'standard' } : {}),
    releaseDelaySeconds: random.next() < 0.7 ? 0 : Math.floor(random.next() * 1_800),
    piecesPerParcel: random.next() < ONE_PARCEL ? STOCK : 1 + Math.floor(random.next() * 2),
    carrier: {
      collectedAfterMs: Math.floor(random.next() ** 3 * MAX_COLLECTED_AFTER_MS),
      collectedApartMs: Math.floor(random.next() * MAX_COLLECTED_APART_MS),
      deliveredAfterMs: Math.floor(random.next() ** 6 * MAX_DELIVERED_AFTER_MS),
    },
  })
  const endRounds = staffRounds(world)
  if (releases) deploy(world, releases, random)
  await customers(world, random)
  await world.run({ forMs: HOUR_MS })
  world.endFaults()
  await world.run({ forMs: TERMINAL_TIMEOUT_MS, until: () => ordersOf(world).every(hasEnded) })
  const late = ordersOf(world).filter((order) => !hasEnded(order))
  if (late.length > 0) throw new Error(`Not ended in time: ${JSON.stringify(late)}`)
  endRounds()
  // Compensations, read models and paused activities come to rest too.
  await world.run({ forMs: 3 * DAY_MS })
  return world
}

/** In any order: a sender may be deployed before the owner of its commands, or long after it. */
function deploy({ schedule }: World, releases: Releases, random: Random): void {
  for (const { name } of releases.services) {
    const handle = async (): Promise<boolean> => {
      releases.deploy(name)
      return true
    }
    const dueMs = schedule.now() + Math.floor(random.next() * MAX_DEPLOYED_AFTER_MS)
    schedule.add({ kind: 'timer', to: name, type: 'is deployed', dueMs, handle })
  }
}

/** An operator retries one of the orders, needed or not: its step is sent again with a new causation id. */
function retry(world: World, turn: number): void {
  const orders = ordersOf(world)
  const { orderId } = orders[Math.floor(world.random.next() * orders.length)]!
  const command = world.commandTo(
    'orders',
    'RetryCheckout',
    { orderId, reason: 'an operator is impatient' },
    { key: turn },
  )
  world.bus.send([{ target: 'orders', envelope: command }])
}

/** The customer or staff cancels, in any state of the order; some do it twice, or both at once. */
function cancel(world: World, orderId: string, turn: number): void {
  const { random, schedule } = world
  const first = schedule.now() + Math.floor(random.next() * MAX_CANCELLED_AFTER_MS)
  const requests = random.next() < 0.3 ? 2 : 1
  const apartMs = turn % 2 === 0 ? 0 : MAX_CANCELLED_APART_MS / (1 + (turn % 5))
  for (let request = 0; request < requests; request++) {
    const by = random.next() < 0.5 ? 'customer' : 'staff'
    const about = { key: `${turn} ${request}` }
    const handle = async (): Promise<boolean> => {
      const envelope = world.commandTo('orders', 'CancelOrder', { orderId, by, reason: 'changed-mind' }, about)
      world.bus.send([{ target: 'orders', envelope }])
      return true
    }
    schedule.add({ kind: 'timer', to: by, type: 'cancels', dueMs: first + request * apartMs, handle })
  }
}

/** Staff recaptures what was refused, with a card that may be refused again. */
function staffRounds(world: World): () => void {
  const { random, schedule } = world
  let ended = false
  let round = 0
  const next = (): void => {
    const handle = async (): Promise<boolean> => {
      round += 1
      for (const { orderId, status, parcels } of ordersOf(world)) {
        if (status === 'confirmed') payBackReturned(world, { orderId, parcels }, round)
        const isRefused = eventsOf(world, 'payments', orderId).some(({ type }) => type === 'payment.capture-failed')
        if (status !== 'confirmed' || !isRefused) continue
        const paymentMethodRef = world.paymentMethodOf(random.next() < 0.7 ? 'card-ok' : 'card-capture-refused')!
        const data = { orderId, paymentMethodRef, reason: 'the customer has another card' }
        const envelope = world.commandTo('orders', 'RecaptureOrder', data, { key: round, actor: 'staff:jo' })
        world.bus.send([{ target: 'orders', envelope }])
      }
      next()
      return true
    }
    if (!ended)
      schedule.add({ kind: 'timer', to: 'staff', type: 'round', dueMs: schedule.now() + STAFF_ROUND_MS, handle })
  }
  next()
  return () => void (ended = true)
}

/**
 * Staff pays back what was captured for each parcel that came back, less what was refunded already, and closes the order.
 * A refund, or the end, that is refused because of other work is requested again in the next round.
 */
function payBackReturned(
  world: World,
  { orderId, parcels }: Pick<OrderFacts, 'orderId' | 'parcels'>,
  round: number,
): void {
  if (!parcels.some(({ end }) => end === 'returned') || parcels.some(({ end }) => end === undefined)) return
  // The open amounts are captured, or recaptured, before.
  const paid = eventsOf(world, 'payments', orderId).filter(({ type }) =>
    ['payment.captured', 'payment.nothing-due'].includes(type),
  )
  if (paid.length < parcels.length) return
  const about = { key: round, actor: 'staff:jo' }
  const captured = capturedByShipment(world, orderId)
  const kept = parcels.filter(({ end }) => end === 'delivered').map(({ shipmentId }) => captured.get(shipmentId) ?? 0)
  const due = eventsOf(world, 'payments', orderId).filter(({ type }) => type === 'refund.due')
  const refunded = due.map(({ data }) => (data as { amountMinor: number }).amountMinor)
  const amountMinor = sum([...captured.values()]) - sum(kept) - sum(refunded)
  const data = { orderId, refundId: `returned-${round}`, amountMinor, reason: 'a parcel came back' }
  const command =
    amountMinor > 0
      ? { target: 'payments', envelope: world.commandTo('payments', 'RefundPayment', data, about) }
      : { target: 'orders', envelope: world.commandTo('orders', 'CloseOrder', { orderId, reason: 'returned' }, about) }
  world.bus.send([command])
}

/** Staff gives money back, all or a part of it, perhaps twice, perhaps before it is captured. */
function refund(world: World, orderId: string, turn: number): void {
  const { random, schedule } = world
  const requests = random.next() < 0.3 ? 2 : 1
  for (let request = 0; request < requests; request++) {
    const dueMs = schedule.now() + Math.floor(random.next() * MAX_REFUNDED_AFTER_MS)
    const amountMinor = random.next() < 0.3 ? unitMinor : 1 + Math.floor(random.next() * 3 * unitMinor)
    const data = { orderId, refundId: `r-${request}`, amountMinor, reason: 'it was broken' }
    const about = { key: `${turn} ${request}`, actor: 'staff:jo' }
    const handle = async (): Promise<boolean> => {
      const envelope = world.commandTo('payments', 'RefundPayment', data, about)
      world.bus.send([{ target: 'payments', envelope }])
      return true
    }
    schedule.add({ kind: 'timer', to: 'staff', type: 'refunds', dueMs, handle })
  }
}

/** The customer tries other cards, at any time, whether the order waits for one or not. */
function payAgain(world: World, orderId: string, turn: number): void {
  const { random, schedule } = world
  for (let card = 0; card < 1 + Math.floor(random.next() * 3); card++) {
    const paymentMethodRef = world.paymentMethodOf(cards[Math.floor(random.next() * cards.length)]!)!
    const data = { orderId, paymentMethodRef, by: 'customer' }
    const envelope = world.commandTo('orders', 'PayOrder', data, { key: `${turn} ${card}` })
    const dueMs = schedule.now() + Math.floor(random.next() * MAX_PAID_AFTER_MS)
    const handle = async (): Promise<boolean> => {
      world.bus.send([{ target: 'orders', envelope }])
      return true
    }
    schedule.add({ kind: 'timer', to: 'customer', type: 'pays', dueMs, handle })
  }
}

/** The lines of an order of tea, some with a free piece. */
export function linesOf(quantity: number, withFree: number, random: Random): Pick<OrderRequest, 'lines'> {
  const tea = { sku, quantity }
  const free = { sku: freeSku, quantity: 1 }
  const isFirst = random.next() < 0.5
  return { lines: random.next() >= withFree ? [tea] : isFirst ? [free, tea] : [tea, free] }
}

/** A customer retries with the same key until there is an answer; some act on the provider's page, some never do. */
async function customers(world: World, ofRun: Random): Promise<void> {
  const { random, provider } = world
  for (let index = 0; index < ORDERS; index++) {
    const card = cards[Math.floor(random.next() * cards.length)]!
    const discount =
      random.next() < DISCOUNTED ? { discountCode: codes[Math.floor(random.next() * codes.length)]! } : {}
    const address = random.next() < RETURNED ? ({ address: 'returned' } as const) : {}
    const goods = linesOf(1 + Math.floor(random.next() * 3), WITH_FREE, ofRun)
    const order = { key: `key-${index}`, card, ...goods, ...discount, ...address }
    const orderId = await placedInTheEnd(world, order)
    if (random.next() < CANCELLED) cancel(world, orderId, index)
    if (random.next() < REFUNDED) refund(world, orderId, index)
    const isRequested = card === 'card-declined' || card === 'card-action-required'
    if (isRequested && random.next() < PAY_AGAIN) payAgain(world, orderId, index)
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
