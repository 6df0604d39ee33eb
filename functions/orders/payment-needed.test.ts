/** An order whose customer has to act for the payment: another payment method, the bounds, and the inquiry at the deadline. */

import { describe, expect, it } from 'vitest'
import { checkSubmitted, deliver, message } from '../../shared/runtime/deliver.testing.ts'
import { app } from './app.ts'
import { openShop, replies, type Reply, type Shop } from './shop.testing.ts'

const MINUTE = 60_000
/** From the first request to the customer on. */
const WINDOW = 5 * MINUTE
const until = '2026-01-01T00:05:00.000Z'

interface Order {
  readonly shop: Shop
  readonly orderId: string
}

async function reserved(options: Parameters<typeof openShop>[0] = {}): Promise<Order> {
  const shop = await openShop(options)
  const { orderId } = (await (await shop.place()).json()) as { orderId: string }
  await shop.deliver(...replies.reserved(orderId))
  return { shop, orderId }
}

type Kind = 'declined' | 'actionRequired' | 'authorized' | 'undecided'
const answer = ({ shop, orderId }: Order, kind: Kind, authorization = 1): Promise<void> =>
  shop.deliver(...replies[kind](orderId, authorization), { key: `${kind} ${authorization}` })

async function declined(options?: Parameters<typeof openShop>[0]): Promise<Order> {
  const order = await reserved(options)
  await answer(order, 'declined')
  return order
}

const pay = ({ shop, orderId }: Order, paymentMethodRef = 'pm-2', key = 1): Promise<void> =>
  shop.deliver('PayOrder', { orderId, paymentMethodRef, by: 'customer' }, { key, sequence: 0 })
const submitted = ({ shop, orderId }: Order, paymentMethodRef = 'pm-2'): Promise<void> =>
  checkSubmitted(app, shop.platform, { type: 'PayOrder', data: { orderId, paymentMethodRef, by: 'customer' } })

const orderOf = async ({ shop, orderId }: Order) => (await shop.read(orderId)).body
const paymentsOf = ({ shop }: Order) =>
  shop.platform.sent.filter(({ envelope }) => envelope.type === 'AuthorizePayment').map(({ envelope }) => envelope.data)
async function wait({ shop }: Order, ms: number): Promise<void> {
  shop.platform.advance(ms)
  await shop.fireTimers()
}

describe('an order whose payment is declined', () => {
  it('keeps its stock and asks its customer, once for each refusal', async () => {
    const order = await declined()
    await order.shop.deliver(...replies.declined(order.orderId), { key: 'again' })
    expect(order.shop.sentTypes()).toEqual(['ReserveStock', 'AuthorizePayment'])
    expect(await orderOf(order)).toMatchObject({
      status: 'payment-needed',
      paymentNeeded: { reason: 'card-declined', until, attemptsLeft: 2 },
    })
    expect(order.shop.publishedTypes()).toEqual(['order.placed', 'order.payment-needed'])
    expect(order.shop.platform.published.at(-1)!.data).toEqual({
      orderId: order.orderId,
      reason: 'card-declined',
      amountMinor: 2380,
      currency: 'EUR',
      until,
      attemptsLeft: 2,
    })
    // The answer to the same request again.
    expect(await (await order.shop.place()).json()).toMatchObject({ status: 'payment-needed' })
  })

  it('is confirmed with another payment method, under a further authorization', async () => {
    const order = await declined()
    await pay(order)
    expect(await orderOf(order)).toMatchObject({ status: 'pending' })
    expect(await orderOf(order)).not.toHaveProperty('paymentNeeded')
    expect(paymentsOf(order)).toMatchObject([
      { paymentMethodRef: 'card-ok' },
      { paymentMethodRef: 'pm-2', authorization: 2 },
    ])
    expect(paymentsOf(order)[0]).not.toHaveProperty('authorization')
    await answer(order, 'authorized', 2)
    expect(order.shop.publishedTypes().slice(2)).toEqual([
      'order.payment-continued',
      'order.status-changed',
      'order.confirmed',
      'order.released',
    ])
  })

  it('expires when no other is given in time: its stock is released, and nothing is voided', async () => {
    const order = await declined()
    await wait(order, WINDOW - 1)
    expect(await orderOf(order)).toMatchObject({ status: 'payment-needed' })
    await wait(order, 1)
    expect(await orderOf(order)).toMatchObject({ status: 'expired', reason: 'card-declined' })
    expect(order.shop.sentTypes()).toEqual(['ReserveStock', 'AuthorizePayment', 'ReleaseStock'])
    await expect(submitted(order)).rejects.toMatchObject({ code: 'payment-not-needed' })
    await expect(pay(order)).rejects.toMatchObject({ code: 'payment-not-needed' })
  })

  it('takes no other from the end of its time on, though its timer is late', async () => {
    const order = await declined()
    order.shop.platform.advance(WINDOW)
    await expect(submitted(order)).rejects.toMatchObject({ code: 'payment-not-needed' })
    await expect(pay(order)).rejects.toMatchObject({ code: 'payment-not-needed' })
    await wait(order, 0)
    expect(await orderOf(order)).toMatchObject({ status: 'expired' })
    expect(paymentsOf(order)).toHaveLength(1)
  })

  it('has one time for all payment methods, which a further refusal does not extend', async () => {
    const order = await declined()
    await wait(order, 4 * MINUTE)
    await pay(order)
    await answer(order, 'declined', 2)
    expect(await orderOf(order)).toMatchObject({ paymentNeeded: { until, attemptsLeft: 1 } })
    await wait(order, MINUTE)
    expect(await orderOf(order)).toMatchObject({ status: 'expired' })
  })

  it('has a minute for the answer to a payment method that is given at the last moment', async () => {
    const order = await declined()
    await wait(order, WINDOW - 1)
    await pay(order)
    await wait(order, MINUTE - 1)
    expect(order.shop.sentTypes()).not.toContain('FindAuthorization')
    await answer(order, 'declined', 2)
    expect(await orderOf(order)).toMatchObject({ status: 'rejected', reason: 'card-declined' })
  })

  it('is rejected by the third refusal, and every authorization is voided', async () => {
    const order = await declined()
    await pay(order)
    await answer(order, 'declined', 2)
    await pay(order, 'pm-3', 2)
    await answer(order, 'declined', 3)
    expect(await orderOf(order)).toMatchObject({ status: 'rejected', reason: 'card-declined' })
    const voided = order.shop.platform.sent.find(({ envelope }) => envelope.type === 'VoidPayment')
    expect(voided?.envelope.data).toEqual({ orderId: order.orderId, authorization: 3 })
  })

  it.each(['card-stolen', 'payment-method-of-another-customer'])(
    'for a card of another person (%s) is rejected at once',
    async (code) => {
      const order = await reserved()
      const [type, data] = replies.declined(order.orderId)
      await order.shop.deliver(type, { ...data, code })
      expect(await orderOf(order)).toMatchObject({ status: 'rejected', reason: code })
      expect(order.shop.sentTypes().at(-1)).toBe('ReleaseStock')
    },
  )

  it('takes no second payment method while one is being authorized, nor a repeated request twice', async () => {
    const order = await declined()
    await pay(order)
    await pay(order)
    await expect(pay(order, 'pm-3', 2)).rejects.toMatchObject({ code: 'payment-not-needed' })
    await expect(submitted(order)).rejects.toMatchObject({ code: 'payment-not-needed' })
    expect(new Set(paymentsOf(order).map((data) => JSON.stringify(data))).size).toBe(2)
  })

  it('takes only a payment method that its customer has; a withdrawn address does not matter', async () => {
    let unknown: string[] = []
    const order = await declined({ customers: async () => Response.json({ unknown }) })
    unknown = ['addressRef']
    await submitted(order)
    unknown = ['paymentMethodRef']
    await expect(submitted(order)).rejects.toMatchObject({ code: 'unknown-reference' })
  })

  it('counts as unpaid while it waits, and as lapsed when it ends unpaid', async () => {
    const order = await declined({ bounds: { unpaidOrders: 1, lapsedOrders: 1 } })
    const next = async (key: string) => (await order.shop.place({}, { idempotencyKey: key })).json()
    expect(await next('key-2')).toMatchObject({ bound: 'unpaid-orders' })
    await wait(order, WINDOW)
    expect(await next('key-3')).toMatchObject({ bound: 'lapsed-orders' })
  })

  it('can be cancelled by its customer', async () => {
    const order = await declined()
    await pay(order)
    await order.shop.deliver('CancelOrder', { orderId: order.orderId, by: 'customer', reason: 'changed-mind' })
    expect(await orderOf(order)).toMatchObject({ status: 'cancelled' })
    expect(order.shop.sentTypes().slice(-2)).toEqual(['VoidPayment', 'ReleaseStock'])
  })
})

describe('an order whose customer has to act on a page', () => {
  it('shows the page, and takes another payment method in place of the action', async () => {
    const order = await reserved()
    await answer(order, 'actionRequired')
    expect(await orderOf(order)).toMatchObject({
      status: 'payment-needed',
      actionUrlRef: 'action-1',
      paymentNeeded: { reason: 'action-required', actionUrl: 'https://bank.test/1', until, attemptsLeft: 2 },
    })
    await pay(order)
    expect(await orderOf(order)).not.toHaveProperty('actionUrlRef')
    // Late replies to the first one.
    await answer(order, 'declined', 1)
    expect(await orderOf(order)).toMatchObject({ status: 'pending' })
    await answer(order, 'actionRequired', 2)
    expect(await orderOf(order)).toMatchObject({
      actionUrlRef: 'action-2',
      paymentNeeded: { actionUrl: 'https://bank.test/2', until, attemptsLeft: 1 },
    })
  })

  it('declined there shows no page any more', async () => {
    const order = await reserved()
    await answer(order, 'actionRequired')
    await answer(order, 'declined')
    expect(await orderOf(order)).not.toHaveProperty('actionUrlRef')
    expect((await orderOf(order))['paymentNeeded']).toEqual({ reason: 'card-declined', until, attemptsLeft: 2 })
  })

  it('after the third payment method shows the page alone', async () => {
    const order = await declined()
    await pay(order)
    await answer(order, 'declined', 2)
    await pay(order, 'pm-3', 2)
    await answer(order, 'actionRequired', 3)
    expect(await orderOf(order)).toMatchObject({ status: 'payment-needed', paymentNeeded: { attemptsLeft: 0 } })
    await expect(submitted(order)).rejects.toMatchObject({ code: 'too-many-payment-attempts' })
  })
})

describe('at the deadline', () => {
  const atTheDeadline = async (): Promise<Order> => {
    const order = await reserved()
    await answer(order, 'actionRequired')
    await wait(order, WINDOW)
    return order
  }

  it('the provider is asked before anything is compensated, and the recorded answer is requested again', async () => {
    const order = await atTheDeadline()
    const { shop, orderId } = order
    expect(shop.sentTypes().slice(2)).toEqual(['FindAuthorization', 'RepublishEvents'])
    expect(shop.platform.sent.at(-2)).toMatchObject({
      target: 'payments',
      envelope: { data: { correlationId: orderId } },
    })
    expect(await orderOf(order)).toMatchObject({ status: 'pending' })
    expect(await orderOf(order)).not.toHaveProperty('actionUrlRef')
    await expect(submitted(order)).rejects.toMatchObject({ code: 'payment-not-needed' })
  })

  it.each([
    ['approved', 'authorized', 'confirmed', undefined],
    ['not acted', 'undecided', 'expired', 'customer-did-not-act'],
    ['declined', 'declined', 'rejected', 'card-declined'],
  ] as const)('a customer who has %s: the order is %s', async (_what, kind, status, reason) => {
    const order = await atTheDeadline()
    await answer(order, kind)
    expect(await orderOf(order)).toMatchObject({ status, ...(reason ? { reason } : {}) })
    expect(order.shop.sentTypes().includes('VoidPayment')).toBe(kind === 'undecided')
  })

  it('without an answer of payments within a minute the order expires, and a late approval is voided again', async () => {
    const order = await atTheDeadline()
    await wait(order, MINUTE)
    expect(await orderOf(order)).toMatchObject({ status: 'expired', reason: 'customer-did-not-act' })
    await answer(order, 'authorized')
    expect(order.shop.sentTypes().filter((type) => type === 'VoidPayment')).toHaveLength(2)
  })

  it('an undecided answer before the deadline ends nothing', async () => {
    const order = await reserved()
    await answer(order, 'undecided')
    expect(await orderOf(order)).toMatchObject({ status: 'pending' })
  })

  it('of a further payment method the inquiry is about that one, and its silence is a failure of ours', async () => {
    const order = await declined()
    await pay(order)
    await wait(order, WINDOW)
    const inquiry = order.shop.platform.sent.find(({ envelope }) => envelope.type === 'FindAuthorization')
    expect(inquiry?.envelope.data).toMatchObject({ authorization: 2, paymentMethodRef: 'pm-2' })
    await answer(order, 'undecided', 1)
    expect(await orderOf(order)).toMatchObject({ status: 'pending' })
    await answer(order, 'undecided', 2)
    expect(await orderOf(order)).toMatchObject({ status: 'rejected', reason: 'obtain-payment-timed-out' })
  })

  it('a page that is shown too late is not offered', async () => {
    const order = await declined()
    await wait(order, WINDOW - 1)
    await pay(order)
    await wait(order, 30_000)
    await answer(order, 'actionRequired', 2)
    expect(order.shop.publishedTypes().filter((type) => type === 'order.payment-needed')).toHaveLength(1)
    await wait(order, 0)
    expect(order.shop.sentTypes()).toContain('FindAuthorization')
    expect(await orderOf(order)).not.toHaveProperty('paymentNeeded')
    await answer(order, 'undecided', 2)
    expect(await orderOf(order)).toMatchObject({ status: 'expired', reason: 'customer-did-not-act' })
  })

  it('a payment without any answer, which is found to be declined, is tried again by the customer', async () => {
    const order = await reserved()
    await wait(order, 3 * MINUTE)
    await answer(order, 'declined')
    expect(await orderOf(order)).toMatchObject({
      status: 'payment-needed',
      paymentNeeded: { until: '2026-01-01T00:08:00.000Z' },
    })
  })
})

it('an order of an unknown id is not paid', async () => {
  const { shop } = await declined()
  const [type, data]: Reply = ['PayOrder', { orderId: 'o-9', paymentMethodRef: 'pm-2', by: 'customer' }]
  await expect(deliver(app, shop.platform, message(type, data, { sequence: 0 }))).rejects.toMatchObject({
    code: 'not-found',
  })
})
