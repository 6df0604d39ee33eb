/** The authorization of an order whose goods have not left: renewal, lapse, another payment method, and the end of the wait. */

import { describe, expect, it } from 'vitest'
import { startOfTests } from '../../shared/runtime/platform.testing.ts'
import { cancelDecided, openShop, replies, type Shop } from './shop.testing.ts'
import { HELD_BEFORE_MS } from './contracts.ts'
import { decide, type OrderCommand } from './decide.ts'
import { evolve, orderIn, type OrderState } from './order.ts'
import {
  isLapsed,
  LAPSE_WAIT_MS,
  MAX_ANSWER_REQUESTS,
  MAX_LAPSE_ATTEMPTS,
  MAX_RENEWALS,
  RENEWED_BEFORE_MS,
} from './renewal-times.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR
const VALID_FOR = 7 * DAY
const at = (ms: number): string => new Date(ms).toISOString()
const FIRST_END = Date.parse(startOfTests) + VALID_FOR
const DUE = FIRST_END - RENEWED_BEFORE_MS

interface Order {
  readonly shop: Shop
  readonly orderId: string
}

async function confirmed(options: Parameters<typeof openShop>[0] = {}, endMs = FIRST_END): Promise<Order> {
  const shop = await openShop(options)
  const { orderId } = (await (await shop.place()).json()) as { orderId: string }
  await shop.deliver(...replies.reserved(orderId))
  const [type, data] = replies.authorized(orderId)
  await shop.deliver(type, { ...data, expiresAt: at(endMs) })
  return { shop, orderId }
}

const isOf = (type: string) => (one: { type: string }) => one.type === type
const sent = ({ shop }: Order, type: string): object[] =>
  shop.platform.sent
    .map(({ envelope }) => envelope)
    .filter(isOf(type))
    .map(({ data }) => data as object)
/** Each event once, without its republications. */
const published = ({ shop }: Order, type: string): object[] => [
  ...new Map(shop.platform.published.filter(isOf(type)).map(({ id, data }) => [id, data as object])).values(),
]
const orderOf = async ({ shop, orderId }: Order) => (await shop.read(orderId)).body

/** Advances to this time, each timer at its own. */
async function until({ shop: { platform, fireTimers } }: Order, ms: number): Promise<void> {
  for (;;) {
    const next = platform.sent
      .flatMap(({ notBeforeMs = 0 }) => (notBeforeMs > platform.now() && notBeforeMs <= ms ? [notBeforeMs] : []))
      .toSorted((a, b) => a - b)[0]
    platform.advance((next ?? ms) - platform.now())
    await fireTimers()
    if (next === undefined) return
  }
}

const renewed = ({ shop, orderId }: Order, authorization = 2, untilMs = FIRST_END + VALID_FOR): Promise<void> => {
  const [type, data] = replies.authorized(orderId, authorization)
  return shop.deliver(type, { ...data, expiresAt: at(untilMs) }, { key: `renewed ${authorization}` })
}
const lapsed = ({ shop, orderId }: Order, refused = 2, authorization = 1, key = ''): Promise<void> =>
  shop.deliver(
    'payment.lapsed',
    { orderId, paymentId: 'p-1', authorization, expiresAt: at(FIRST_END), refused, code: 'card-declined' },
    { key: `lapsed ${refused}${key}` },
  )
const pay = ({ shop, orderId }: Order, paymentMethodRef = 'pm-2', key: number | string = 1): Promise<void> =>
  shop.deliver('PayOrder', { orderId, paymentMethodRef, by: 'customer' }, { key, sequence: 0 })

/** How often payments was to publish its events again. */
const requestedAgain = ({ shop }: Order): number =>
  shop.platform.sent.filter(({ target, envelope }) => target === 'payments' && envelope.type === 'RepublishEvents')
    .length

async function afterLapse(options?: Parameters<typeof openShop>[0]): Promise<Order> {
  const order = await confirmed(options)
  await until(order, DUE)
  await lapsed(order)
  return order
}

describe('a renewal', () => {
  it('is requested once, before the last day of the authorization, with the payment method of the order', async () => {
    const order = await confirmed()
    await until(order, DUE - 1)
    expect(sent(order, 'RenewAuthorization')).toEqual([])
    await until(order, DUE)
    const request = { orderId: order.orderId, authorization: 1, customerRef: 'customer-1', paymentMethodRef: 'card-ok' }
    expect(sent(order, 'RenewAuthorization')).toEqual([request])
    await until(order, FIRST_END)
    expect(sent(order, 'RenewAuthorization')).toHaveLength(1)
  })

  it('is published with the new end, and the next one is requested before that', async () => {
    const order = await confirmed()
    await until(order, DUE)
    await renewed(order)
    const data = { orderId: order.orderId, authorization: 2, authorizedUntil: at(FIRST_END + VALID_FOR) }
    expect(published(order, 'order.payment-renewed')).toEqual([data])
    await renewed(order)
    await until(order, DUE + VALID_FOR)
    expect(sent(order, 'RenewAuthorization')).toMatchObject([{ authorization: 1 }, { authorization: 2 }])
    expect(published(order, 'order.payment-renewed')).toHaveLength(1)
  })

  it('whose answer is lost has payments publish it again, half an hour later and every six hours, also when it has stalled', async () => {
    for (const options of [{}, { releaseDelaySeconds: 30 * 24 * 3_600 }]) {
      const order = await confirmed(options)
      await until(order, DUE + HOUR / 2 - 1)
      expect(requestedAgain(order)).toBe(0)
      await until(order, DUE + HOUR / 2)
      expect(requestedAgain(order)).toBe(1)
      await until(order, DUE + 5 * DAY)
      expect(requestedAgain(order)).toBe(20)
      expect(published(order, 'order.stalled')).toHaveLength(options.releaseDelaySeconds === undefined ? 1 : 0)
      await renewed(order, 2, FIRST_END + 4 * VALID_FOR)
      await until(order, DUE + 6 * DAY)
      expect(requestedAgain(order)).toBe(20)
    }
  })

  it('whose answer never comes is requested again by staff after the last request, and then at its times again', async () => {
    for (const options of [{}, { releaseDelaySeconds: 30 * 24 * 3_600 }]) {
      const order = await confirmed(options)
      await until(order, DUE + 10 * DAY)
      expect(requestedAgain(order)).toBe(MAX_ANSWER_REQUESTS)
      const retry = { orderId: order.orderId, reason: 'orders was away' }
      await order.shop.deliver('RetryCheckout', retry, { actor: 'staff:jo', sequence: 0 })
      expect(requestedAgain(order)).toBe(MAX_ANSWER_REQUESTS + 1)
      expect(published(order, 'checkout.retried')).toMatchObject([{ by: 'staff:jo' }])
      await until(order, DUE + 10 * DAY + HOUR / 2)
      expect(requestedAgain(order)).toBe(MAX_ANSWER_REQUESTS + 2)
    }
  })

  it('that has its answer leaves staff nothing to retry before the release', async () => {
    const order = await confirmed({ releaseDelaySeconds: 30 * 24 * 3_600 })
    await until(order, DUE)
    await renewed(order)
    const retry = { orderId: order.orderId, reason: 'is it stuck?' }
    await expect(order.shop.deliver('RetryCheckout', retry, { sequence: 0 })).rejects.toMatchObject({
      code: 'nothing-to-retry',
    })
  })

  it.each([3, MAX_ANSWER_REQUESTS - 1, MAX_ANSWER_REQUESTS])(
    'that is due with a request for the answer to a recapture, after %s of them, has times of its own',
    async (answerRequests) => {
      const order = await confirmed()
      await until(order, DUE - 1)
      const { events: known } = await order.shop.platform.streams.read(order.orderId)
      const waiting = { recapturing: ['s-1'], answerAtMs: DUE - 1, answerRequests, timerAtMs: DUE }
      const state: OrderState = { ...orderIn(known), ...waiting }
      const fire = (nowMs: number, before: OrderState) =>
        decide({ type: 'timeout', dueAtMs: nowMs, nowMs }, before, { releaseDelayMs: 0 })
      const first = fire(DUE, state)
      const requests = first.commands.filter((one) => 'target' in one && one.target === 'payments')
      expect(requests).toHaveLength(answerRequests < MAX_ANSWER_REQUESTS ? 1 : 0)
      expect(first.commands).toContainEqual(expect.objectContaining({ type: 'RenewAuthorization' }))
      const after = first.events.reduce(evolve, state)
      expect(after).toMatchObject({ answerAtMs: DUE + HOUR / 2, answerRequests: 0, timerAtMs: DUE + HOUR / 2 })
      const { commands } = fire(DUE + HOUR / 2, after)
      expect(commands).toContainEqual(expect.objectContaining({ type: 'RepublishEvents', target: 'payments' }))
    },
  )

  it('is requested of an order that has stalled, and of one that waits for its release', async () => {
    for (const options of [{}, { releaseDelaySeconds: 30 * 24 * 3_600 }]) {
      const order = await confirmed(options)
      await until(order, DUE)
      await renewed(order)
      await until(order, DUE + VALID_FOR)
      expect(sent(order, 'RenewAuthorization')).toHaveLength(2)
    }
  })

  it('is not requested once all goods have left, nor of an order that has ended', async () => {
    const left = await confirmed()
    await left.shop.deliver(...replies.dispatched(left.orderId))
    await until(left, FIRST_END)
    const cancelled = await confirmed({ releaseDelaySeconds: 30 * 24 * 3_600 })
    const { orderId } = cancelled
    await cancelled.shop.deliver('CancelOrder', { orderId, by: 'customer', reason: 'changed-mind' }, { sequence: 0 })
    await until(cancelled, FIRST_END)
    for (const order of [left, cancelled]) expect(sent(order, 'RenewAuthorization')).toEqual([])
  })

  it('of a part is requested until the last goods have left', async () => {
    const order = await confirmed()
    await order.shop.deliver(...replies.dispatched(order.orderId, 's-1', 1))
    await until(order, DUE)
    expect(sent(order, 'RenewAuthorization')).toHaveLength(1)
    await order.shop.deliver(...replies.dispatched(order.orderId, 's-2', 1), { key: 2 })
    await lapsed(order)
    await renewed(order)
    expect(published(order, 'order.payment-needed')).toEqual([])
    expect(published(order, 'order.payment-renewed')).toEqual([])
  })

  it('without the customer has a bound: after that the customer is asked whether the order shall go on', async () => {
    const order = await confirmed()
    for (let renewal = 1; renewal <= MAX_RENEWALS; renewal++) {
      await until(order, DUE + (renewal - 1) * VALID_FOR)
      await renewed(order, renewal + 1, FIRST_END + renewal * VALID_FOR)
    }
    await until(order, DUE + MAX_RENEWALS * VALID_FOR)
    expect(sent(order, 'RenewAuthorization')).toHaveLength(MAX_RENEWALS)
    expect(published(order, 'order.payment-needed')).toMatchObject([{ reason: 'renewed-too-often' }])
    await pay(order)
    expect(sent(order, 'RenewAuthorization').at(-1)).toMatchObject({ authorization: 5, paymentMethodRef: 'pm-2' })
    await renewed(order, 6, FIRST_END + 5 * VALID_FOR)
    await until(order, DUE + 5 * VALID_FOR)
    expect(sent(order, 'RenewAuthorization')).toHaveLength(MAX_RENEWALS + 2)
  })

  it('is requested in time of an authorization that ends soon, and without delay of one that ends within a day', async () => {
    for (const [hours, dueHours] of [
      [32, 1],
      [2, 0],
    ] as const) {
      const order = await confirmed({}, Date.parse(startOfTests) + hours * HOUR)
      await until(order, Date.parse(startOfTests) + dueHours * HOUR)
      expect(sent(order, 'RenewAuthorization')).toHaveLength(1)
    }
  })

  it('has no timer further ahead than Cloud Tasks takes', async () => {
    const order = await confirmed({}, Date.parse(startOfTests) + 90 * DAY)
    const { shop } = order
    for (let waited = 0; waited < 63; waited++) {
      const ahead = shop.platform.sent.map(({ notBeforeMs = 0 }) => notBeforeMs - shop.platform.now())
      expect(Math.max(...ahead)).toBeLessThanOrEqual(29 * DAY)
      await until(order, shop.platform.now() + DAY)
    }
    await until(order, Date.parse(startOfTests) + 90 * DAY - RENEWED_BEFORE_MS)
    expect(sent(order, 'RenewAuthorization')).toHaveLength(1)
  })
})

describe('a lapse', () => {
  it('asks the customer for another payment method, once for each refusal, until a time', async () => {
    const order = await afterLapse()
    await lapsed(order)
    await lapsed(order, 2, 1, 'again')
    const needed = { reason: 'card-declined', until: at(DUE + LAPSE_WAIT_MS), attemptsLeft: MAX_LAPSE_ATTEMPTS }
    const { orderId } = order
    expect(published(order, 'order.payment-needed')).toEqual([
      { orderId, amountMinor: 2380, currency: 'EUR', ...needed },
    ])
    expect(await orderOf(order)).toMatchObject({ status: 'payment-needed', paymentNeeded: needed })
  })

  it('reminds no service and reports nothing to operators meanwhile', async () => {
    const order = await afterLapse()
    const before = order.shop.platform.published.length
    const commands = order.shop.sentTypes().length
    await until(order, DUE + LAPSE_WAIT_MS - 1)
    expect(order.shop.platform.published).toHaveLength(before)
    expect(order.shop.sentTypes().slice(commands)).toEqual(['HoldShipments'])
  })

  it('of an earlier authorization, or older than the known one, changes nothing', async () => {
    const order = await confirmed()
    await until(order, DUE)
    await renewed(order, 3)
    await lapsed(order, 2)
    expect(published(order, 'order.payment-needed')).toEqual([])
    expect(await orderOf(order)).toMatchObject({ status: 'confirmed' })
  })

  it('while a cancellation waits for its answer asks no customer', async () => {
    const order = await confirmed()
    const { shop, orderId } = order
    await until(order, DUE)
    await shop.deliver('CancelOrder', { orderId, by: 'customer', reason: 'changed-mind' }, { sequence: 0 })
    await lapsed(order)
    expect(published(order, 'order.payment-needed')).toEqual([])
    await expect(pay(order)).rejects.toMatchObject({ code: 'payment-not-needed' })
  })
})

describe('the parcels', () => {
  const HOLD = FIRST_END - HELD_BEFORE_MS
  const authorizedUntil = at(FIRST_END)

  it('are released with the end of the authorization', async () => {
    const order = await confirmed()
    expect(published(order, 'order.released')).toMatchObject([{ authorizedUntil }])
    const late = await confirmed({ releaseDelaySeconds: 8 * 24 * 3_600 })
    await until(late, DUE)
    await renewed(late)
    await until(late, Date.parse(startOfTests) + 8 * DAY)
    expect(published(late, 'order.released')).toMatchObject([{ authorizedUntil: at(FIRST_END + VALID_FOR) }])
  })

  it('wait before the last day, once, when no new authorization is there', async () => {
    for (const lapses of [true, false]) {
      const order = await confirmed()
      const { orderId } = order
      await until(order, DUE)
      if (lapses) await lapsed(order)
      await until(order, HOLD - 1)
      expect(sent(order, 'HoldShipments')).toEqual([])
      await until(order, HOLD + DAY)
      expect(sent(order, 'HoldShipments')).toEqual([{ orderId, authorizedUntil }])
    }
  })

  it('that are released shortly before that wait at that time', async () => {
    const releasedMs = HOLD - HOUR / 4
    const order = await confirmed({ releaseDelaySeconds: (releasedMs - Date.parse(startOfTests)) / 1_000 })
    await until(order, releasedMs)
    expect(published(order, 'order.released')).toHaveLength(1)
    await until(order, HOLD - 1)
    expect(sent(order, 'HoldShipments')).toEqual([])
    await until(order, HOLD)
    expect(sent(order, 'HoldShipments')).toHaveLength(1)
  })

  it('do not wait when the authorization was renewed, and wait again before the end of that', async () => {
    const order = await confirmed()
    await until(order, DUE)
    await renewed(order)
    await until(order, HOLD + VALID_FOR - 1)
    expect(sent(order, 'HoldShipments')).toEqual([])
    await until(order, HOLD + VALID_FOR)
    expect(sent(order, 'HoldShipments')).toMatchObject([{ authorizedUntil: at(FIRST_END + VALID_FOR) }])
  })

  it('that were not released, have left, or are being cancelled are not held', async () => {
    const waiting = await afterLapse({ releaseDelaySeconds: 30 * 24 * 3_600 })
    const left = await confirmed()
    await left.shop.deliver(...replies.dispatched(left.orderId))
    const cancelling = await confirmed()
    const data = { orderId: cancelling.orderId, by: 'customer', reason: 'changed-mind' }
    await cancelling.shop.deliver('CancelOrder', data, { sequence: 0 })
    for (const order of [waiting, left, cancelling]) {
      await until(order, FIRST_END)
      expect(sent(order, 'HoldShipments')).toEqual([])
    }
  })

  it('of an order that lapsed are not released before another payment method is authorized', async () => {
    const order = await afterLapse({ releaseDelaySeconds: 6 * 24 * 3_600 + 12 * 3_600 })
    await until(order, FIRST_END)
    expect(published(order, 'order.released')).toEqual([])
    await pay(order)
    await renewed(order, 3)
    await order.shop.fireTimers()
    expect(published(order, 'order.released')).toMatchObject([{ authorizedUntil: at(FIRST_END + VALID_FOR) }])
  })
})

describe('another payment method after a lapse', () => {
  it('is authorized in place of the one that ends, and the order goes on', async () => {
    const order = await afterLapse()
    await pay(order)
    const { orderId } = order
    expect(published(order, 'order.payment-continued')).toEqual([
      { orderId, paymentMethodRef: 'pm-2', authorization: 3, by: 'customer' },
    ])
    expect(sent(order, 'RenewAuthorization').at(-1)).toMatchObject({ authorization: 1, paymentMethodRef: 'pm-2' })
    expect(await orderOf(order)).toMatchObject({ status: 'confirmed' })
    await renewed(order, 3)
    expect(await orderOf(order)).not.toHaveProperty('paymentNeeded')
    await until(order, DUE + LAPSE_WAIT_MS + HOUR)
    expect(published(order, 'order.cancel-requested')).toEqual([])
    // The next renewal charges the payment method that was given last.
    await until(order, DUE + VALID_FOR)
    expect(sent(order, 'RenewAuthorization').at(-1)).toMatchObject({ authorization: 3, paymentMethodRef: 'pm-2' })
  })

  it('that is refused is followed by others, a bounded number of times and within one time', async () => {
    const order = await afterLapse()
    for (let attempt = 1; attempt <= MAX_LAPSE_ATTEMPTS; attempt++) {
      await until(order, DUE + attempt * HOUR)
      await pay(order, `pm-${attempt + 1}`, attempt)
      await expect(pay(order, 'pm-9', 10 + attempt)).rejects.toMatchObject({ code: 'payment-not-needed' })
      await lapsed(order, 2 + attempt)
      expect(published(order, 'order.payment-needed').at(-1)).toMatchObject({
        until: at(DUE + LAPSE_WAIT_MS),
        attemptsLeft: MAX_LAPSE_ATTEMPTS - attempt,
      })
    }
    await expect(pay(order, 'pm-9', 99)).rejects.toMatchObject({ code: 'too-many-payment-attempts' })
  })

  it('whose answer is lost has payments publish it again while the customer has time, and in time before the end', async () => {
    const order = await afterLapse()
    await until(order, DUE + HOUR)
    expect(requestedAgain(order)).toBe(0)
    const reported = published(order, 'saga.stuck').length
    await pay(order)
    await until(order, DUE + 2 * HOUR)
    expect(requestedAgain(order)).toBe(1)
    await until(order, DUE + DAY)
    expect(requestedAgain(order)).toBe(4)
    await lapsed(order, 3)
    await until(order, DUE + 2 * DAY)
    expect(requestedAgain(order)).toBe(4)
    await until(order, DUE + LAPSE_WAIT_MS - 1)
    await pay(order, 'pm-3', 'last')
    await until(order, DUE + LAPSE_WAIT_MS + HOUR - 1)
    expect(requestedAgain(order)).toBe(5)
    expect(published(order, 'order.cancel-requested')).toEqual([])
    expect(published(order, 'saga.stuck')).toHaveLength(reported)
  })

  it('for which the customer was to act, and whose answer is lost, has payments publish it again before the end', async () => {
    const order = await afterLapse()
    await pay(order)
    await order.shop.deliver(...replies.actionRequired(order.orderId, 3))
    await until(order, DUE + LAPSE_WAIT_MS)
    expect(requestedAgain(order)).toBe(0)
    await until(order, DUE + LAPSE_WAIT_MS + HOUR - 1)
    expect(requestedAgain(order)).toBe(1)
    await renewed(order, 3)
    await until(order, DUE + LAPSE_WAIT_MS + DAY)
    expect(published(order, 'order.cancel-requested')).toEqual([])
  })

  it('whose answer an earlier revision waits for, without a time, is requested by the next timer', async () => {
    const order = await afterLapse()
    await pay(order)
    const { events } = await order.shop.platform.streams.read(order.orderId)
    const { answerAtMs: _, ...former } = orderIn(events)
    const nowMs = former.lapse!.untilMs
    const { commands } = decide({ type: 'timeout', dueAtMs: nowMs, nowMs }, former, { releaseDelayMs: 0 })
    expect(commands).toContainEqual(expect.objectContaining({ type: 'RepublishEvents', target: 'payments' }))
  })

  it('is not taken after the time', async () => {
    const order = await afterLapse()
    order.shop.platform.advance(LAPSE_WAIT_MS)
    await expect(pay(order)).rejects.toMatchObject({ code: 'payment-not-needed' })
  })
})

describe('the end of the time for another payment method', () => {
  it('cancels the order by the service that knows whether its goods have left', async () => {
    const order = await afterLapse()
    const { shop, orderId } = order
    await until(order, DUE + LAPSE_WAIT_MS - 1)
    expect(sent(order, 'CancelShipments')).toEqual([])
    await until(order, DUE + LAPSE_WAIT_MS)
    const about = { by: 'platform', reason: 'payment-lapsed' }
    expect(published(order, 'order.cancel-requested')).toMatchObject([{ ...about, stage: 'shipping' }])
    const [{ cancellationId }] = sent(order, 'CancelShipments') as [{ cancellationId: string }]
    await shop.deliver(...cancelDecided(orderId, cancellationId, 2))
    expect(published(order, 'order.cancelled')).toMatchObject([about])
    expect(await orderOf(order)).toMatchObject({ status: 'cancelled', reason: 'payment-lapsed' })
    expect(shop.sentTypes().slice(-2).toSorted()).toEqual(['ReleaseStock', 'VoidPayment'])
  })

  it('before the release takes back everything at the same time', async () => {
    const order = await afterLapse({ releaseDelaySeconds: 30 * 24 * 3_600 })
    await until(order, DUE + LAPSE_WAIT_MS)
    expect(await orderOf(order)).toMatchObject({ status: 'cancelled', reason: 'payment-lapsed' })
    expect(sent(order, 'VoidPayment')).toHaveLength(1)
  })

  it('waits an hour for the answer to a payment method that was given in time', async () => {
    const order = await afterLapse()
    await until(order, DUE + LAPSE_WAIT_MS - 1)
    await pay(order)
    await until(order, DUE + LAPSE_WAIT_MS + HOUR - 1)
    expect(published(order, 'order.cancel-requested')).toEqual([])
    await until(order, DUE + LAPSE_WAIT_MS + HOUR)
    expect(published(order, 'order.cancel-requested')).toHaveLength(1)
  })

  it('cancels nothing once all goods have left, and the lost report of that is requested until it arrives', async () => {
    const order = await afterLapse()
    const { shop, orderId } = order
    await shop.deliver('CancelOrder', { orderId, by: 'customer', reason: 'changed-mind' }, { sequence: 0 })
    const [{ cancellationId }] = sent(order, 'CancelShipments') as [{ cancellationId: string }]
    await shop.deliver(...cancelDecided(orderId, cancellationId, 0))
    expect(await orderOf(order)).toMatchObject({ status: 'confirmed' })
    expect(await orderOf(order)).not.toHaveProperty('paymentNeeded')
    await expect(pay(order)).rejects.toMatchObject({ code: 'payment-not-needed' })
    const before = sent(order, 'RepublishEvents').length
    await until(order, DUE + LAPSE_WAIT_MS + DAY)
    expect(published(order, 'order.cancel-refused')).toMatchObject([{ by: 'customer' }])
    // After 24, 25, 27, 31, 39, 55 and 79 hours: its own events, and those of shipping.
    expect(sent(order, 'RepublishEvents')).toHaveLength(before + 7 * 2)
    await shop.deliver(...replies.dispatched(orderId))
    for (const reply of [replies.captured(orderId), replies.committed(orderId), replies.delivered(orderId)])
      await shop.deliver(...reply)
    expect(await orderOf(order)).toMatchObject({ status: 'completed' })
  })

  it('comes without delay when the last payment method is refused after it', async () => {
    const order = await afterLapse()
    await until(order, DUE + LAPSE_WAIT_MS - 1)
    await pay(order)
    await until(order, DUE + LAPSE_WAIT_MS + 1)
    await lapsed(order, 3)
    await order.shop.fireTimers()
    expect(published(order, 'order.cancel-requested')).toHaveLength(1)
  })
})

describe('the time that an order may be open', () => {
  const END = Date.parse(startOfTests) + 90 * DAY
  const openUntil = at(END)

  /** The customer pays again at each lapse, until the last one before that time. */
  async function paidAgain(): Promise<Order> {
    const order = await confirmed()
    let authorization = 1
    let endMs = FIRST_END
    while (endMs - RENEWED_BEFORE_MS < END - VALID_FOR) {
      await until(order, endMs - RENEWED_BEFORE_MS)
      await lapsed(order, authorization + 1, authorization)
      await pay(order, 'pm-2', authorization)
      authorization += 2
      endMs += VALID_FOR
      await renewed(order, authorization, endMs)
    }
    await until(order, END - 2 * DAY)
    await lapsed(order, authorization + 1, authorization)
    return order
  }

  it('ends it however often its customer has paid, and is shown to the customer', async () => {
    const order = await paidAgain()
    expect(await orderOf(order)).toMatchObject({
      status: 'payment-needed',
      openUntil,
      paymentNeeded: { until: openUntil },
    })
    await pay(order, 'pm-3', 'last')
    await until(order, END - 1)
    expect(await orderOf(order)).toMatchObject({ status: 'confirmed', openUntil })
    await until(order, END)
    const about = { by: 'platform', reason: 'open-too-long' }
    expect(published(order, 'order.cancel-requested')).toMatchObject([{ ...about, stage: 'shipping' }])
    await expect(pay(order, 'pm-4', 'too late')).rejects.toMatchObject({ code: 'payment-not-needed' })
    const [{ cancellationId }] = sent(order, 'CancelShipments') as [{ cancellationId: string }]
    await order.shop.deliver(...cancelDecided(order.orderId, cancellationId, 2))
    expect(published(order, 'order.cancelled')).toMatchObject([about])
    expect(await orderOf(order)).toMatchObject({ status: 'cancelled', reason: 'open-too-long' })
    expect(await orderOf(order)).not.toHaveProperty('openUntil')
  })

  it('ends one that has stalled', async () => {
    const order = await confirmed({}, END + 9 * VALID_FOR)
    await until(order, END - 1)
    expect(published(order, 'order.stalled')).toHaveLength(1)
    expect(published(order, 'order.cancel-requested')).toEqual([])
    await until(order, END)
    expect(published(order, 'order.cancel-requested')).toMatchObject([{ reason: 'open-too-long' }])
  })

  it('does not end one whose goods have left, or that is being cancelled, or of which shipping has decided a cancellation', async () => {
    const left = await confirmed({}, END + 9 * VALID_FOR)
    await left.shop.deliver(...replies.dispatched(left.orderId))
    expect(await orderOf(left)).not.toHaveProperty('openUntil')
    /** The customer has cancelled it; shipping has cancelled so many of two pieces, or has not decided. */
    const cancelledIn = async (pieces?: number): Promise<Order> => {
      const order = await confirmed({}, END + 9 * VALID_FOR)
      const { shop, orderId } = order
      await shop.deliver('CancelOrder', { orderId, by: 'customer', reason: 'changed-mind' }, { sequence: 0 })
      const [{ cancellationId }] = sent(order, 'CancelShipments') as [{ cancellationId: string }]
      if (pieces !== undefined) await shop.deliver(...cancelDecided(orderId, cancellationId, pieces))
      return order
    }
    const others = [await cancelledIn(), await cancelledIn(0), await cancelledIn(1)]
    for (const order of [left, ...others]) {
      await until(order, END - 1)
      const before = published(order, 'order.cancel-refused')
      await until(order, END + DAY)
      const requested = published(order, 'order.cancel-requested') as { by: string }[]
      expect(requested.map(({ by }) => by)).not.toContain('platform')
      expect(published(order, 'order.cancel-refused')).toEqual(before)
      expect(await orderOf(order)).not.toHaveProperty('openUntil')
    }
  })
})

describe('an order whose parcels that have left pay all, and whose last fact was recorded before that was looked at', () => {
  const rules = { releaseDelayMs: 0 }
  async function waiting(): Promise<OrderState> {
    const order = await afterLapse()
    const { shop, orderId } = order
    await shop.deliver(...replies.dispatched(orderId, 's-1', 1))
    await shop.deliver(...replies.captured(orderId))
    const { events } = await shop.platform.streams.read(orderId)
    return orderIn(events.filter(({ type }) => !['shipments.resumed', 'order.status-changed'].includes(type)))
  }

  it.each<[string, OrderCommand]>([
    ['by a retry of staff', { type: 'retry', reason: 'it is paid', by: 'staff:jo', nowMs: DUE + HOUR }],
    ['by its next timer', { type: 'timeout', dueAtMs: DUE + LAPSE_WAIT_MS, nowMs: DUE + LAPSE_WAIT_MS }],
  ])('is resumed once %s', async (_name, command) => {
    const state = await waiting()
    expect(isLapsed(state)).toBe(true)
    const { events, commands } = decide(command, state, rules)
    const { orderId } = state.order!
    expect(commands).toContainEqual({ type: 'ResumeShipments', data: { orderId } })
    expect(events.map(({ type }) => type)).not.toContain('order.cancel-requested')
    const after = events.reduce(evolve, state)
    expect(isLapsed(after)).toBe(false)
    expect(decide(command, after, rules).commands).not.toContainEqual(
      expect.objectContaining({ type: 'ResumeShipments' }),
    )
  })

  it('has a timer after a retry: its missing parcel is requested again', async () => {
    const state = await waiting()
    const retry: OrderCommand = { type: 'retry', reason: 'it is paid', by: 'staff:jo', nowMs: DUE + HOUR }
    const after = decide(retry, { ...state, isStalled: true }, rules).events.reduce(evolve, state)
    const dueMs = after.nextReminderAtMs!
    const later = decide({ type: 'timeout', dueAtMs: dueMs, nowMs: dueMs }, after, rules)
    expect(later.commands).toContainEqual(expect.objectContaining({ type: 'CheckShipments' }))
  })
})
