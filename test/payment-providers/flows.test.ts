/** Orders that are paid at a local Stripe, by its own client over HTTP, with its signed events through the gateway: the shop's services are all real. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { hashOf } from '../../shared/base/ids.ts'
import { eventsOf, ordersOf } from '../support/simulation/order-facts.ts'
import { reconcile } from '../support/simulation/reconcile.ts'
import { createWorld, type OrderRequest, type World } from '../support/simulation/world.ts'
import { openStripeServer, type StripeServer } from '../support/stripe-server.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const TOTAL = 2380
let stripe: StripeServer
beforeAll(async () => {
  stripe = await openStripeServer()
})
afterAll(() => stripe?.close())

const types = (world: World, orderId: string): string[] => eventsOf(world, 'payments', orderId).map(({ type }) => type)
const intents = () => [...stripe.fake().intents.values()]
const submit = (world: World, orderId: string, type: string, data: object) =>
  world.submit(type, { orderId, ...data }, hashOf(`${type} ${JSON.stringify(data)}`))

async function placed(order: OrderRequest = {}, options: Parameters<typeof createWorld>[0] = {}) {
  const world = await createWorld({ ...options, stripe })
  const { orderId } = await world.place(order)
  await world.run({ forMs: MINUTE_MS })
  return { world, orderId }
}
const statusOf = (world: World): string[] => ordersOf(world).map(({ status }) => status)

describe('an order that is paid at Stripe', { timeout: 60_000 }, () => {
  it('is authorized, captured when its parcel leaves, and completes', async () => {
    const { world, orderId } = await placed()
    await world.run({ forMs: HOUR_MS })
    expect(statusOf(world)).toEqual(['completed'])
    expect(types(world, orderId)).toEqual(expect.arrayContaining(['payment.authorized', 'payment.captured']))
    expect(intents()).toMatchObject([
      { status: 'succeeded', amount: TOTAL, amount_received: TOTAL, metadata: { reference: orderId } },
    ])
    // Nothing was asked without a key that Stripe remembers.
    const changes = stripe.fake().requests.filter(({ line }) => line.startsWith('POST /v1/payment_intents'))
    expect(changes.map(({ key }) => key === undefined)).toEqual([false, false, false])
  })

  it('waits for another card when the first is declined, and goes on with it', async () => {
    const { world, orderId } = await placed({ card: 'declined' })
    expect(eventsOf(world, 'orders', orderId).map(({ type }) => type)).toContain('order.payment-needed')
    expect(eventsOf(world, 'payments', orderId).at(-1)).toMatchObject({
      type: 'payment.declined',
      data: { code: 'insufficient-funds' },
    })
    const paymentMethodRef = world.paymentMethodOf('ok')!
    expect(await submit(world, orderId, 'PayOrder', { paymentMethodRef, by: 'customer' })).toEqual({ status: 202 })
    await world.run({ forMs: HOUR_MS })
    expect(statusOf(world)).toEqual(['completed'])
    expect(intents().map(({ amount_received: received }) => received)).toEqual([0, TOTAL])
  })

  it("shows the customer the bank's page (3-D Secure), and goes on by the signed event of the approval", async () => {
    const { world, orderId } = await placed({ card: 'action' })
    const [intent] = intents()
    const needed = eventsOf(world, 'orders', orderId).find(({ type }) => type === 'order.payment-needed')!
    expect(needed.data).toMatchObject({ actionUrl: `https://hooks.stripe.com/3d_secure/${intent!.id}` })
    stripe.fake().act(intent!.id, 'authorized')
    await world.run({ forMs: HOUR_MS })
    expect(statusOf(world)).toEqual(['completed'])
  })

  it('expires, and its stock comes back, when the customer declines at the bank and gives no other card', async () => {
    const { world, orderId } = await placed({ card: 'action' })
    stripe.fake().act(intents()[0]!.id, 'declined')
    await world.run({ forMs: HOUR_MS })
    expect(types(world, orderId)).toContain('payment.declined')
    expect(['rejected', 'expired']).toContain(statusOf(world)[0])
    expect(intents().map(({ amount_capturable: held }) => held)).toEqual([0])
  })

  it('is cancelled before it is captured: the authorization ends, and nothing was taken', async () => {
    const { world, orderId } = await placed({}, { releaseDelaySeconds: 3_600 })
    expect(await submit(world, orderId, 'CancelOrder', { by: 'customer', reason: 'changed-mind' })).toEqual({
      status: 202,
    })
    await world.run({ forMs: 2 * HOUR_MS })
    expect(statusOf(world)).toEqual(['cancelled'])
    expect(intents()).toMatchObject([
      { status: 'canceled', amount_received: 0, cancellation_reason: 'requested_by_customer' },
    ])
  })

  it('is captured parcel by parcel where the account and the card allow it', async () => {
    const { world, orderId } = await placed({ card: 'multicapture', quantity: 3 }, { piecesPerParcel: 2 })
    await world.run({ forMs: HOUR_MS })
    expect(types(world, orderId).filter((type) => type === 'payment.captured')).toHaveLength(2)
    expect(intents()).toMatchObject([{ status: 'succeeded', amount_received: 3 * 1190 }])
  })

  it.each([0, 1, 4])(
    'is captured in one for all of its parcels where the account or the card allows no more, after %i lost answers',
    async (lostAnswers) => {
      const { world, orderId } = await placed({ quantity: 5 }, { piecesPerParcel: 2, releaseDelaySeconds: 600 })
      stripe.fake().faults.lostAnswers = lostAnswers
      await world.run({ forMs: 5 * HOUR_MS })
      expect(types(world, orderId).filter((type) => type === 'payment.captured')).toHaveLength(3)
      expect(types(world, orderId)).not.toContain('payment.capture-failed')
      expect(intents()).toMatchObject([{ status: 'succeeded', amount_received: 5 * 1190 }])
      const captures = stripe.fake().requests.filter(({ line }) => line.endsWith('/capture'))
      expect(new Set(captures.map(({ key }) => key)).size).toBe(1)
      expect(statusOf(world)).toEqual(['completed'])
      expect((await reconcile(world)).differences).toEqual([])
    },
  )

  it.each([0, 1, 4])(
    'whose one capture is refused is captured for all of its parcels under one further card, after %i lost answers',
    async (lostAnswers) => {
      const { world, orderId } = await placed({ card: 'capture-refused', quantity: 5 }, { piecesPerParcel: 2 })
      await world.run({ forMs: HOUR_MS })
      const outcomes = types(world, orderId).filter((type) => /^payment\.capture(d|-failed)$/.test(type))
      expect(outcomes).toEqual(Array.from({ length: 3 }, () => 'payment.capture-failed'))
      const paymentMethodRef = world.paymentMethodOf('ok')!
      const reason = 'the customer has a new card'
      stripe.fake().faults.lostAnswers = lostAnswers
      expect(await submit(world, orderId, 'RecaptureOrder', { paymentMethodRef, reason })).toEqual({ status: 202 })
      await world.run({ forMs: HOUR_MS })
      const captured = eventsOf(world, 'payments', orderId).filter(({ type }) => type === 'payment.captured')
      expect(captured.map(({ data }) => (data as { amountMinor: number }).amountMinor)).toEqual([2380, 2380, 1190])
      expect(intents().map(({ amount_received: received }) => received)).toEqual([0, 5 * 1190])
      expect(statusOf(world)).toEqual(['completed'])
      expect((await reconcile(world)).differences).toEqual([])
    },
  )

  it('is refunded in part, also when Stripe pays it later, and never beyond what was captured', async () => {
    const { world, orderId } = await placed({ card: 'refund-pending' })
    await world.run({ forMs: HOUR_MS })
    const refund = (refundId: string, amountMinor: number) =>
      submit(world, orderId, 'RefundPayment', { refundId, amountMinor, reason: 'one was broken' })
    expect(await refund('r-1', 1190)).toEqual({ status: 202 })
    await world.run({ forMs: MINUTE_MS })
    expect(types(world, orderId).at(-1)).toBe('refund.pending')
    expect(await refund('r-2', 1191)).toMatchObject({ code: 'more-than-captured' })
    const [made] = [...stripe.fake().refunds.values()]
    expect(made).toMatchObject({ amount: 1190, metadata: { reference: orderId } })
    stripe.fake().settle(made!.id, 'succeeded')
    await world.run({ forMs: MINUTE_MS })
    expect(types(world, orderId).at(-1)).toBe('refund.issued')
  })

  it("is refunded in Stripe's dashboard: its customer has the money, and it is refunded no second time", async () => {
    const { world, orderId } = await placed()
    await world.run({ forMs: HOUR_MS })
    const byHand = stripe.fake().refundByHand(intents()[0]!.id, 2000)
    await world.run({ forMs: MINUTE_MS })
    expect(eventsOf(world, 'payments', orderId).at(-1)).toMatchObject({
      type: 'refund.issued',
      data: { refundId: byHand, amountMinor: 2000, reason: 'refunded at the payment provider' },
    })
    const refund = { refundId: 'r-1', amountMinor: 381, reason: 'one was broken' }
    expect(await submit(world, orderId, 'RefundPayment', refund)).toMatchObject({ code: 'more-than-captured' })
  })

  it("is refunded in Stripe's dashboard and pays later: both states are events, without one more of ours", async () => {
    const { world, orderId } = await placed({ card: 'refund-pending' })
    await world.run({ forMs: HOUR_MS })
    const byHand = stripe.fake().refundByHand(intents()[0]!.id, 2000)
    await world.run({ forMs: MINUTE_MS })
    stripe.fake().settle(byHand, 'failed')
    await world.run({ forMs: MINUTE_MS })
    expect(types(world, orderId).filter((type) => type.startsWith('refund.'))).toEqual([
      'refund.pending',
      'refund.failed',
    ])
  })

  it('is captured once although Stripe is away and answers are lost', async () => {
    const { world, orderId } = await placed({}, { releaseDelaySeconds: 600 })
    Object.assign(stripe.fake().faults, { unavailable: 2, lostAnswers: 2 })
    await world.run({ forMs: 5 * HOUR_MS })
    expect(statusOf(world)).toEqual(['completed'])
    expect(types(world, orderId).filter((type) => type === 'payment.captured')).toHaveLength(1)
    expect(intents()).toMatchObject([{ amount_received: TOTAL }])
  })
})
