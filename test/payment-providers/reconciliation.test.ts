/** Reconciliation against a local Stripe: its list is by time and in short pages, and each planted difference of a charge is found. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { append, authorized, reconcile } from '../support/simulation/reconcile.ts'
import { createWorld } from '../support/simulation/world.ts'
import { openStripeServer, type StripeServer } from '../support/stripe-server.ts'

const HOUR_MS = 3_600_000
let stripe: StripeServer
beforeAll(async () => {
  stripe = await openStripeServer()
})
afterAll(() => stripe?.close())

/** Orders of each end, with more charges than a page has. */
async function someOrders() {
  const world = await createWorld({ stripe, releaseDelaySeconds: 10 * 3_600 })
  const place = async (key: string, card = 'ok') => (await world.place({ key, card })).orderId
  const [completed, cancelled, declined] = [await place('one'), await place('two'), await place('three', 'declined')]
  await world.run({ forMs: 60_000 })
  await world.submit('CancelOrder', { orderId: cancelled, by: 'staff', reason: 'changed-mind' }, 'cancel')
  await world.run({ forMs: 11 * HOUR_MS })
  await world.submit(
    'RefundPayment',
    { orderId: completed, refundId: 'r-1', amountMinor: 100, reason: 'late' },
    'refund',
  )
  const confirmed = await place('later')
  await world.run({ forMs: HOUR_MS })
  return { world, completed, cancelled, declined, confirmed, intentOf }
}

const intentOf = (orderId: string) => {
  const found = [...stripe.fake().intents.values()].find(({ metadata }) => metadata['reference'] === orderId)
  if (!found) throw new Error(`Stripe has no intent of ${orderId}.`)
  return found
}
const change = (orderId: string, fields: object): void => {
  const intent = intentOf(orderId)
  stripe.fake().intents.set(intent.id, { ...intent, ...fields })
}
type Orders = Awaited<ReturnType<typeof someOrders>>

it('healthy orders have no difference, and every charge is compared', { timeout: 120_000 }, async () => {
  const { world } = await someOrders()
  const { differences, ended } = await reconcile(world)
  expect(differences).toEqual([])
  expect(ended).toMatchObject({ inFlight: 0, compared: { charges: 4, orders: 4 } })
})

it('a payment that Stripe has for another shop is no difference', { timeout: 120_000 }, async () => {
  const { world, completed } = await someOrders()
  const { fake } = stripe
  fake().intents.set('pi_other', { ...intentOf(completed), id: 'pi_other', metadata: {} })
  expect((await reconcile(world)).differences).toEqual([])
})

const plants: readonly (readonly [string, (orders: Orders) => unknown])[] = [
  [
    'charge-missing-here',
    ({ completed }) =>
      stripe.fake().intents.set('pi_ghost', {
        ...intentOf(completed),
        id: 'pi_ghost',
        metadata: { reference: 'ghost', key: 'ghost:auth' },
      }),
  ],
  ['charge-missing-here', ({ completed }) => change(completed, { metadata: { reference: completed, key: 'another' } })],
  ['charge-missing-there', ({ world }) => append(world, 'payments', 'ghost', authorized('ghost'))],
  ['captured-amount', ({ completed }) => change(completed, { amount_received: 1 })],
  [
    'refunded-amount',
    ({ completed }) => {
      const [refund] = [...stripe.fake().refunds.values()].filter(
        (one) => one.payment_intent === intentOf(completed).id,
      )
      stripe.fake().refunds.set(refund!.id, { ...refund!, amount: 99 })
    },
  ],
  ['charge-state', ({ confirmed }) => change(confirmed, { status: 'canceled', amount_capturable: 0 })],
  [
    'charge-state',
    ({ cancelled }) => {
      const held = {
        status: 'requires_capture',
        cancellation_reason: null,
        amount_capturable: intentOf(cancelled).amount,
      }
      change(cancelled, held)
    },
  ],
]

describe('a difference that was planted at Stripe', { timeout: 120_000 }, () => {
  it.each(plants)('is found: %s', async (kind, plant) => {
    const orders = await someOrders()
    await plant(orders)
    await orders.world.run({ forMs: HOUR_MS })
    const { differences } = await reconcile(orders.world)
    // Under another key the same charge is one that we do not know, and ours is gone.
    const kinds = differences.map((one) => one.kind).filter((one) => one !== 'charge-missing-there' || one === kind)
    expect(kinds).toEqual([kind])
  })
})
