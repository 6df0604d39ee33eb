/**
 * One whole run from one seed whose payment provider is a local Stripe: customers order, act on the page of their bank, pay again and
 * cancel, staff refunds and recaptures, goods leave late, under faults of every kind; then the faults stop.
 */

import { type Random, seededRandom } from 'local-google-cloud/host'
import { shortly, someFaults } from '../support/simulation/faults.ts'
import { eventsOf, hasEnded, type OrderFacts, ordersOf } from '../support/simulation/order-facts.ts'
import { placedInTheEnd, rounds } from '../support/simulation/people.ts'
import { createWorld, type World } from '../support/simulation/world.ts'
import type { FakeStripe } from '../support/fake-stripe.ts'
import type { StripeServer } from '../support/stripe-server.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS
const cards = [
  'ok',
  'ok',
  'declined',
  'action',
  'action',
  'multicapture',
  'multicapture',
  'capture-refused',
  'refund-pending',
]
const ORDERS = 4
const STOCK = 12
const FAULTS_DAYS = 14
const ROUND_MS = 5 * HOUR_MS
/** A customer checks a new order so often, a minute apart: the checkout waits for five. */
const CHECKS = 4
/** Of the customers who are asked, so many try another payment method in a round. */
const PAID_IN_ROUND = 0.3
/** Of the pages of banks and of the pending refunds, so many have an end in a round. */
const ENDED_IN_ROUND = 0.5
const SUCCEEDED = 0.7
const CANCELLED = 0.4
const REFUNDED = 0.5
/** After so many recaptures staff has agreed on a card that is good. */
const RECAPTURES_AT_RANDOM = 4
/** An order is open for 90 days at most; after that what has left is captured, or recaptured, and delivered. */
const TERMINAL_TIMEOUT_MS = 130 * DAY_MS

interface Run {
  readonly world: World
  readonly random: Random
  readonly fake: FakeStripe
}

export async function simulateAtStripe(stripe: StripeServer, seed: number): Promise<World> {
  const random = seededRandom(seed + 2 ** 36)
  const upTo = (most: number): number => Math.floor(random.next() * most)
  const world = await createWorld({
    seed,
    stripe,
    faults: shortly(someFaults(random)),
    concurrency: 1 + upTo(4),
    stock: STOCK,
    // In half of the runs each piece is a parcel.
    piecesPerParcel: random.next() < 0.5 ? 20 : 1,
    releaseDelaySeconds: random.next() < 0.6 ? 0 : upTo((5 * DAY_MS) / 1000),
    carrier: {
      collectedAfterMs: upTo(9 * DAY_MS),
      collectedApartMs: upTo(2 * DAY_MS),
      deliveredAfterMs: upTo(DAY_MS),
    },
  })
  const run: Run = { world, random, fake: stripe.fake() }
  const endRounds = rounds(world, ROUND_MS, (round) => everyoneChecks(run, `round ${round}`))
  for (let index = 0; index < ORDERS; index++) {
    const order = { key: `key-${index}`, card: cards[upTo(cards.length)]!, quantity: 1 + upTo(3) }
    const orderId = await placedInTheEnd(world, order)
    if (random.next() < CANCELLED)
      later(run, upTo(10 * DAY_MS), {
        target: 'orders',
        type: 'CancelOrder',
        orderId,
        data: { by: 'customer', reason: 'takes-too-long' },
      })
    if (random.next() < REFUNDED) {
      const refund = { refundId: 'r-1', amountMinor: 1 + upTo(2_000), reason: 'it was broken' }
      later(run, upTo(12 * DAY_MS), { target: 'payments', type: 'RefundPayment', orderId, data: refund })
    }
    for (let check = 1; check <= CHECKS; check++) {
      await world.run({ forMs: MINUTE_MS })
      everyoneChecks(run, `${index} ${check}`)
    }
    await world.run({ forMs: upTo(DAY_MS) })
  }
  for (let day = 0; day < FAULTS_DAYS; day++) await world.run({ forMs: DAY_MS })
  world.endFaults()
  await world.run({ forMs: TERMINAL_TIMEOUT_MS, until: () => ordersOf(world).every(hasEnded) })
  const late = ordersOf(world).filter((order) => !hasEnded(order))
  if (late.length > 0) throw new Error(`Not ended in time: ${JSON.stringify(late)}`)
  endRounds()
  for (const { id, status } of run.fake.refunds.values()) if (status === 'pending') run.fake.settle(id, 'succeeded')
  await world.run({ forMs: 10 * DAY_MS })
  return world
}

interface Later {
  readonly target: string
  readonly type: string
  readonly orderId: string
  readonly data: object
}

/** A command that a person sends after that time. */
function later({ world }: Run, afterMs: number, { target, type, orderId, data }: Later): void {
  const envelope = world.commandTo(target, type, { orderId, ...data }, { key: `${type} ${orderId}` })
  const handle = async (): Promise<boolean> => {
    world.bus.send([{ target, envelope }])
    return true
  }
  world.schedule.add({ kind: 'timer', to: 'people', type, dueMs: world.schedule.now() + afterMs, handle })
}

function everyoneChecks(run: Run, key: string): void {
  for (const order of ordersOf(run.world)) if (!hasEnded(order)) checkOn(run, order, key)
  answerAtBanks(run)
}

/** A customer who was asked pays again, and staff recaptures what was refused, both with any card. */
function checkOn({ world, random }: Run, { orderId, types }: OrderFacts, key: string): void {
  const someCard = (): string => world.paymentMethodOf(cards[Math.floor(random.next() * cards.length)]!)!
  const isRequested = types.lastIndexOf('order.payment-needed') > types.lastIndexOf('order.payment-continued')
  if (isRequested && random.next() < PAID_IN_ROUND) {
    const data = { orderId, paymentMethodRef: someCard(), by: 'customer' }
    const envelope = world.commandTo('orders', 'PayOrder', data, { key: `${orderId} ${key}` })
    world.bus.send([{ target: 'orders', envelope }])
  }
  if (!eventsOf(world, 'payments', orderId).some(({ type }) => type === 'payment.capture-failed')) return
  const before = eventsOf(world, 'orders', orderId).filter(({ type }) => type === 'recapture.requested').length
  const paymentMethodRef = before >= RECAPTURES_AT_RANDOM ? world.paymentMethodOf('ok')! : someCard()
  const data = { orderId, paymentMethodRef, reason: 'the customer has another card' }
  const about = { key: `${orderId} again ${key}`, actor: 'staff:jo' }
  world.bus.send([{ target: 'orders', envelope: world.commandTo('orders', 'RecaptureOrder', data, about) }])
}

/** Customers approve or decline on the page of their bank, some of them never; pending refunds arrive, or come back. */
function answerAtBanks({ random, fake }: Run): void {
  for (const { id, status } of fake.intents.values())
    if (status === 'requires_action' && random.next() < ENDED_IN_ROUND)
      fake.act(id, random.next() < SUCCEEDED ? 'authorized' : 'declined')
  for (const { id, status } of fake.refunds.values())
    if (status === 'pending' && random.next() < ENDED_IN_ROUND)
      fake.settle(id, random.next() < SUCCEEDED ? 'succeeded' : 'failed')
}
