/** Whole runs at a local Stripe under faults: for every seed each order ends, and Stripe has taken what was shipped, and holds nothing. */

import { afterAll, beforeAll, expect, it } from 'vitest'
import { eventsOf, isSold, ordersOf, sum } from '../support/simulation/order-facts.ts'
import { reconcile } from '../support/simulation/reconcile.ts'
import { openStripeServer, type StripeServer } from '../support/stripe-server.ts'
import { wholeLists } from '../support/whole-lists.ts'
import { simulateAtStripe } from './simulation.testing.ts'

/** For a longer run: `SIMULATION_RUNS=500 npm test -- test/payment-providers/simulation`. */
const RUNS = Number(process.env['SIMULATION_RUNS'] ?? (wholeLists ? 20 : 2))
const seeds = Array.from({ length: RUNS }, (_, index) => index + 1)

let stripe: StripeServer
beforeAll(async () => {
  stripe = await openStripeServer()
})
afterAll(() => stripe?.close())

it.each(seeds)('the run of seed %i', { timeout: 120_000 }, async (seed) => {
  const world = await simulateAtStripe(stripe, seed)
  const intents = [...stripe.fake().intents.values()]
  for (const order of ordersOf(world)) {
    const own = intents.filter(({ metadata }) => metadata['reference'] === order.orderId)
    const about = `${order.orderId}, which is ${order.status}: ${own.map(({ id, status }) => `${id} ${status}`).join(', ')}`
    expect(sum(own.map((one) => one.amount_received)), about).toBe(isSold(order) ? order.totalMinor : 0)
    expect(sum(own.map((one) => one.amount_capturable)), about).toBe(0)
    // Each capture of a good card succeeds: none is made late, or under what another one has closed.
    const isRefused = own.some((one) => one.payment_method === world.paymentMethodOf('capture-refused'))
    const types = eventsOf(world, 'payments', order.orderId).map(({ type }) => type)
    if (!isRefused) expect(types, about).not.toContain('payment.capture-failed')
    // Nothing waits for a customer: an approval would hold money for nothing.
    expect(
      own.map(({ status }) => status).filter((status) => !ENDS.includes(status)),
      about,
    ).toEqual([])
  }
  expect(world.bus.deadLetters().map(({ service, type }) => `${type} of ${service}`)).toEqual([])
  expect((await reconcile(world)).differences).toEqual([])
})

/** An intent that was declined, or that was never confirmed, holds nothing. */
const ENDS: readonly string[] = ['succeeded', 'canceled', 'requires_payment_method', 'requires_confirmation']
