/**
 * One whole run from one seed in which goods leave late: authorizations end, are renewed or lapse, customers give other payment
 * methods or none, and cancel, under faults.
 */

import { seededRandom } from 'local-google-cloud/host'
import { PartnerRefusal } from '../../emulators/partner-server.ts'
import { hasEnded, ordersOf } from '../support/simulation/always-true.ts'
import { shortly, someFaults } from '../support/simulation/faults.ts'
import { eventsOf } from '../support/simulation/order-facts.ts'
import { placedInTheEnd, rounds } from '../support/simulation/people.ts'
import { createWorld, type World } from '../support/simulation/world.ts'
import { linesOf } from '../support/simulation/simulate.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const cards = [
  'card-ok',
  // A recapture with it is attempted for a day and more.
  'card-issuer-unavailable',
  'card-renewal-refused',
  'card-capture-delayed',
  'card-capture-refused',
  'card-captured-once',
  'card-action-required',
]
const orderedWith = [
  'card-ok',
  'card-renewal-refused',
  'card-renewal-refused',
  'card-capture-delayed',
  'card-captured-once',
  'card-captured-once',
]
const ORDERS = 4
/** So many orders have a free piece too. */
const WITH_FREE = 0.25
/** So many captures are refused besides those of cards that are always refused. */
const REFUSED = 0.1
/** The faults last longer than two authorizations. */
const FAULTS_DAYS = 16
/** Customers and staff check their orders so often. */
const ROUND_MS = 5 * HOUR_MS
/** Of the customers who are asked, so many try another payment method in a round. */
const PAID_IN_ROUND = 0.15
/** Of those whom their bank asks, so many answer in a round. */
const ACTED_IN_ROUND = 0.2
const CANCELLED = 0.25
const MAX_CANCELLED_AFTER_MS = 12 * DAY_MS
/** In one of so many runs the carrier does not collect within the time that an order may be open. */
const NEVER_COLLECTED_IN = 8
/**
 * In one of so many runs each order has two parcels: the first leaves a day before its authorization is to be renewed, and the other
 * after it. Most captures of the card that the customer gave are refused, and the bank of the one that staff names often does not
 * answer: a recapture waits then.
 */
const WAITING_IN = 8
const isWaitingRun = (seed: number): boolean => seed % WAITING_IN === 2
const REFUSED_WHILE_WAITING = 0.8
const SILENT_WHILE_WAITING = 0.7

/** An order is open for 90 days at most; after that what has left is captured, or recaptured, and delivered. */
const TERMINAL_TIMEOUT_MS = 120 * DAY_MS

export async function simulateLateOrders(seed: number): Promise<World> {
  const random = seededRandom(seed + 2 ** 33)
  /** Of their own, so that a change of the goods changes no other choice. */
  const ofGoods = seededRandom(seed + 2 ** 34)
  const upTo = (ms: number): number => Math.floor(random.next() * ms)
  const world = await createWorld({
    seed,
    cards,
    faults: shortly(someFaults(random)),
    concurrency: 1 + upTo(4),
    stock: 6,
    freeStock: 2,
    // In half of the runs an order of two pieces is two parcels, which leave up to two days apart.
    piecesPerParcel: seed % 2 === 0 ? 1 : 20,
    carrier: {
      collectedAfterMs: collectedAfterMs(seed, upTo(8 * DAY_MS)),
      collectedApartMs: isWaitingRun(seed) ? 4 * DAY_MS : (seed % 3) * DAY_MS,
      deliveredAfterMs: upTo(2 * DAY_MS),
    },
    releaseDelaySeconds: isWaitingRun(seed) || random.next() < 0.6 ? 0 : Math.floor(upTo(9 * DAY_MS) / 1000),
  })
  refuseSomeCaptures(world, seed)
  const endRounds = rounds(world, ROUND_MS, (round) => {
    payAgain(world, random, round)
    recapture(world, random, { round, isWaiting: isWaitingRun(seed) })
    act(world, random)
  })
  for (let index = 0; index < ORDERS; index++) {
    const card = orderedWith[upTo(orderedWith.length)]!
    const quantity = isWaitingRun(seed) ? 2 : 1 + upTo(2)
    const order = { key: `key-${index}`, card, ...linesOf(quantity, WITH_FREE, ofGoods) }
    const orderId = await placedInTheEnd(world, order)
    if (random.next() < CANCELLED) cancelLater(world, orderId, upTo(MAX_CANCELLED_AFTER_MS))
    await world.run({ forMs: upTo(DAY_MS) })
  }
  // A run of a day has a bounded number of steps, so that an endless loop is found.
  for (let day = 0; day < FAULTS_DAYS; day++) await world.run({ forMs: DAY_MS })
  world.endFaults()
  const allEnded = (): boolean => ordersOf(world).every(hasEnded)
  await world.run({ forMs: TERMINAL_TIMEOUT_MS, until: allEnded })
  const late = ordersOf(world).filter((order) => !hasEnded(order))
  if (late.length > 0) throw new Error(`Not ended in time: ${JSON.stringify(late)}`)
  endRounds()
  await world.run({ forMs: 3 * DAY_MS })
  return world
}

function collectedAfterMs(seed: number, upTo8DaysMs: number): number {
  if (isWaitingRun(seed)) return 4.5 * DAY_MS + Math.floor(upTo8DaysMs / 16)
  return (seed % NEVER_COLLECTED_IN === 5 ? 200 : 3) * DAY_MS + upTo8DaysMs
}

/** A card may have been blocked since. A provider repeats its answer to a key. */
function refuseSomeCaptures({ provider: { ledger } }: World, seed: number): void {
  const random = seededRandom(seed + 2 ** 35)
  const answers = new Map<string, boolean>()
  const capture = ledger.capture.bind(ledger)
  Object.assign(ledger, {
    capture(...given: Parameters<typeof capture>) {
      const [under, key] = given
      const isWaiting = isWaitingRun(seed) && under.endsWith(':auth')
      const isRefused = answers.get(key) ?? random.next() < (isWaiting ? REFUSED_WHILE_WAITING : REFUSED)
      answers.set(key, isRefused)
      if (isRefused) throw new PartnerRefusal(409, 'card-expired', 'The card has expired.')
      return capture(...given)
    },
  })
}

function cancelLater({ bus, schedule, commandTo }: World, orderId: string, afterMs: number): void {
  const envelope = commandTo('orders', 'CancelOrder', { orderId, by: 'customer', reason: 'takes-too-long' })
  const handle = async (): Promise<boolean> => {
    bus.send([{ target: 'orders', envelope }])
    return true
  }
  schedule.add({ kind: 'timer', to: 'customer', type: 'cancels', dueMs: schedule.now() + afterMs, handle })
}

type Random = ReturnType<typeof seededRandom>
const someCard = (world: World, random: Random): string =>
  world.paymentMethodOf(cards[Math.floor(random.next() * cards.length)]!)!

/** Customers who were asked try other payment methods, some of them never. */
function payAgain(world: World, random: Random, round: number): void {
  for (const order of ordersOf(world)) {
    const { orderId, types } = order
    const isRequested = types.lastIndexOf('order.payment-needed') > types.lastIndexOf('order.payment-continued')
    if (hasEnded(order) || !isRequested || random.next() > PAID_IN_ROUND) continue
    const data = { orderId, paymentMethodRef: someCard(world, random), by: 'customer' }
    const envelope = world.commandTo('orders', 'PayOrder', data, { key: `${orderId} ${round}` })
    world.bus.send([{ target: 'orders', envelope }])
  }
}

/** Customers approve or decline on the page of their bank, some of them never. */
function act({ provider }: World, random: Random): void {
  for (const { key, status } of provider.ledger.all())
    if (status === 'action-required' && random.next() < ACTED_IN_ROUND)
      provider.ledger.act(key, random.next() < 0.7 ? 'authorized' : 'declined')
}

/** After so many recaptures staff has agreed on a card that is good: orders refuses the eleventh. */
const RECAPTURES_AT_RANDOM = 6

/** Staff recaptures what was refused. */
function recapture(
  world: World,
  random: Random,
  { round, isWaiting }: { readonly round: number; readonly isWaiting: boolean },
): void {
  for (const order of ordersOf(world)) {
    const { orderId } = order
    const isRefused = eventsOf(world, 'payments', orderId).some(({ type }) => type === 'payment.capture-failed')
    if (hasEnded(order) || !isRefused) continue
    const before = eventsOf(world, 'orders', orderId).filter(({ type }) => type === 'recapture.requested').length
    const isAgreed = before >= RECAPTURES_AT_RANDOM
    const isSilent = isWaiting && random.next() < SILENT_WHILE_WAITING
    const named = isSilent ? world.paymentMethodOf('card-issuer-unavailable')! : someCard(world, random)
    const paymentMethodRef = isAgreed ? world.paymentMethodOf('card-ok')! : named
    const data = { orderId, paymentMethodRef, reason: 'the customer has another card' }
    const envelope = world.commandTo('orders', 'RecaptureOrder', data, {
      key: `${orderId} ${round}`,
      actor: 'staff:jo',
    })
    world.bus.send([{ target: 'orders', envelope }])
  }
}
