import { describe, expect, it } from 'vitest'
import { Refused, Unavailable } from '../../shared/base/errors.ts'
import { checkSubmitted, deliver, message } from '../../shared/runtime/deliver.testing.ts'
import { testPlatform } from '../../shared/runtime/platform.testing.ts'
import { app } from './app.ts'
import { testProvider } from './provider.testing.ts'
import { payments } from './service.ts'

const HOUR_MS = 3_600_000
const orderId = 'o-1'
const TOTAL = 300
const lines = [{ lineId: '1', sku: 'TEA-001', quantity: 3, unitMinor: 100 }]

/** A payment of 3.00 that was authorized, and captured unless `captured` is false. */
async function open({ captured = true } = {}) {
  const provider = testProvider()
  const platform = testPlatform(payments, {
    settings: { PAYMENT_PROVIDER_URL: 'https://provider.example.com', PAYMENT_PROVIDER_API: '{"kind":"simulator"}' },
    callExternal: (url, options) => provider.callExternal(url, options),
  })
  const take = (type: string, data: object, key: string) =>
    deliver(app, platform, message(type, { orderId, ...data }, { key }))
  const capture = () => take('shipment.dispatched', { shipmentId: 's-1', lines: goods, trackingRef: 't-1' }, 's-1')
  const agreed = { paymentMethodRef: 'card-ok', currency: 'EUR', totalMinor: TOTAL, shippingMinor: 0, lines }
  await take('AuthorizePayment', agreed, 'authorize')
  if (captured) await capture()
  const done = new Set<string>()
  return {
    platform,
    provider,
    capture,
    /** Returns the code with which the command is refused, if it is. */
    refund: (refundId: string, amountMinor: number, more: object = {}): Promise<string | undefined> =>
      take('RefundPayment', { refundId, amountMinor, reason: 'broken', ...more }, `${refundId} ${amountMinor}`).then(
        () => undefined,
        (error: unknown) => {
          if (error instanceof Refused) return error.code
          throw error
        },
      ),
    check: (data: object) =>
      checkSubmitted(app, platform, { type: 'RefundPayment', data: { orderId, reason: 'broken', ...data } }),
    webhook: (id: string) => take('CheckRefunds', { providerEventId: id }, id),
    /** Delivers the commands of payments to itself that are due. */
    async work() {
      const isDue = ({ envelope, notBeforeMs = 0 }: (typeof platform.sent)[number]): boolean =>
        !done.has(envelope.id) && notBeforeMs <= platform.now()
      for (const { envelope } of platform.sent.filter(isDue)) {
        await deliver(app, platform, envelope)
        done.add(envelope.id)
      }
    },
    /** Type, amount and code of each refund's events, without republications. */
    events: () =>
      [...new Map(platform.published.map((event) => [event.id, event])).values()]
        .filter(({ type }) => type.startsWith('refund.'))
        .map(({ type, data }) => {
          const { refundId, amountMinor, code } = data as Record<string, unknown>
          return [type, refundId, amountMinor, ...(code === undefined ? [] : [code])].join(' ')
        }),
  }
}

const goods = lines.map(({ lineId, sku, quantity }) => ({ lineId, sku, quantity }))

describe('a refund', () => {
  it('is recorded before the provider is called, once, under the key of order and refund', async () => {
    const { refund, work, provider, events, platform } = await open()
    await refund('r-1', 120)
    expect(provider.refunds).toEqual([])
    for (const _ of ['once', 'again']) {
      await refund('r-1', 120)
      await work()
    }
    // Another command with the id of a known refund decides nothing.
    expect(await refund('r-1', 60)).toBe(undefined)
    await work()
    expect(provider.did.at(-1)).toBe('refund o-1:refund:r-1')
    expect(provider.refunds).toHaveLength(1)
    expect(events()).toEqual(['refund.issued r-1 120'])
    expect(platform.published.at(-1)?.data).toMatchObject({ currency: 'EUR', reason: 'broken', paymentId: 'p-o-1' })
  })

  it.each([
    [[100, 100, 100], [] as number[]],
    [[200, 200], [1]],
    [[301], [0]],
    [[300, 1], [1]],
  ])('of %j is refused where the sum exceeds 300, refunds that are still open included', async (amounts, refused) => {
    const { refund, work, provider, events } = await open()
    for (const [index, amount] of amounts.entries())
      for (const _ of ['once', 'redelivered'])
        expect(await refund(`r-${index}`, amount)).toBe(refused.includes(index) ? 'more-than-captured' : undefined)
    await work()
    expect(events().filter((event) => event.startsWith('refund.refused'))).toEqual(
      refused.map((index) => `refund.refused r-${index} ${amounts[index]} more-than-captured`),
    )
    expect(provider.refunds).toHaveLength(amounts.length - refused.length)
  })

  it('of two at once that together exceed what was captured: one is issued, the other refused', async () => {
    const { refund, work, provider, events } = await open()
    await Promise.all([refund('r-1', 200), refund('r-2', 200)])
    await work()
    expect(provider.refunds).toHaveLength(1)
    const of = (type: string): string[] => events().filter((event) => event.startsWith(type))
    expect([of('refund.issued'), of('refund.refused')].map(({ length }) => length)).toEqual([1, 1])
  })

  it('before the capture is refused; after it, it is issued', async () => {
    const { refund, capture, work, events } = await open({ captured: false })
    await refund('r-1', TOTAL)
    await capture()
    await refund('r-2', TOTAL)
    await work()
    expect(events()).toEqual([`refund.refused r-1 ${TOTAL} more-than-captured`, `refund.issued r-2 ${TOTAL}`])
  })

  it('of more pieces than were ordered, or of a line that was not, is refused', async () => {
    const { refund, events } = await open()
    for (const [refundId, line] of Object.entries({
      'r-1': { lineId: '1', quantity: 4 },
      'r-2': { lineId: 'x', quantity: 1 },
    }))
      expect(await refund(refundId, 100, { lines: [line] })).toBe('not-ordered')
    expect(events()).toEqual(['refund.refused r-1 100 not-ordered', 'refund.refused r-2 100 not-ordered'])
  })

  it('of more pieces than were ordered in its lines together, or with those of earlier refunds, is refused', async () => {
    const { refund, work, provider, events } = await open()
    const of = (...quantities: number[]) => ({ lines: quantities.map((quantity) => ({ lineId: '1', quantity })) })
    expect(await refund('r-1', 100, of(2, 2))).toBe('not-ordered')
    provider.refundOutcome = { status: 'failed', code: 'card-takes-no-refunds' }
    expect(await refund('r-2', 100, of(2))).toBe(undefined)
    await work()
    // A refund that failed gave nothing back: its pieces can be refunded again.
    provider.refundOutcome = { status: 'succeeded' }
    expect(await refund('r-3', 100, of(1, 1))).toBe(undefined)
    expect(await refund('r-4', 100, of(2))).toBe('not-ordered')
    await work()
    expect(await refund('r-5', 100, of(2))).toBe('not-ordered')
    expect(await refund('r-6', 50, of(1))).toBe(undefined)
    expect(await refund('r-7', 50)).toBe(undefined)
    expect(events().filter((event) => event.endsWith('not-ordered'))).toHaveLength(3)
  })

  it('after a hundred refunds is refused, whatever they gave back', async () => {
    const { refund, events } = await open()
    for (let number = 1; number <= 100; number++) expect(await refund(`r-${number}`, 1)).toBe(undefined)
    expect(await refund('r-101', 1)).toBe('too-many-refunds')
    expect(events()).toEqual(['refund.refused r-101 1 too-many-refunds'])
  })

  it('of an order whose payment was voided before it was authorized is refused, and records nothing', async () => {
    const { platform } = await open()
    const of = { orderId: 'o-2' }
    await deliver(app, platform, message('VoidPayment', of))
    const refund = message('RefundPayment', { ...of, refundId: 'r-1', amountMinor: 1, reason: 'broken' })
    await expect(deliver(app, platform, refund)).rejects.toMatchObject({ name: 'Refused', code: 'not-found' })
  })

  it('that the provider refuses fails, and the amount can be refunded again', async () => {
    const { refund, work, provider, events } = await open()
    provider.refundOutcome = { status: 'failed', code: 'card-takes-no-refunds' }
    await refund('r-1', TOTAL)
    await work()
    provider.refundOutcome = { status: 'succeeded' }
    await refund('r-2', TOTAL)
    await work()
    expect(events()).toEqual([`refund.failed r-1 ${TOTAL} card-takes-no-refunds`, `refund.issued r-2 ${TOTAL}`])
  })

  it('asks the provider first when its idempotency keys may have expired', async () => {
    const { refund, work, provider, platform, events } = await open()
    await refund('r-1', 100)
    // The provider took the call, and the answer was lost.
    provider.refunds.push({
      key: 'o-1:refund:r-1',
      authorizationKey: 'o-1:auth',
      amountMinor: 100,
      status: 'succeeded',
    })
    platform.advance(48 * HOUR_MS)
    await work()
    expect(provider.did).not.toContain('refund o-1:refund:r-1')
    expect(events()).toEqual(['refund.issued r-1 100'])
  })
})

it('of an order whose payment was voided before it was authorized is refused', async () => {
  const platform = testPlatform(payments)
  await deliver(app, platform, message('VoidPayment', { orderId }))
  const requested = message('RefundPayment', { orderId, refundId: 'r-1', amountMinor: 1, reason: 'broken' })
  await expect(deliver(app, platform, requested)).rejects.toMatchObject({ name: 'Refused', code: 'not-found' })
})

describe('the request of a refund', () => {
  it.each([
    [{ refundId: 'r-1', amountMinor: 301 }, 'more-than-captured'],
    [{ refundId: 'r-1', amountMinor: 1, lines: [{ lineId: '2', quantity: 1 }] }, 'not-ordered'],
    [{ refundId: 'r-1', amountMinor: 1, orderId: 'o-typo' }, 'not-found'],
  ])('%j is refused with %s before it is enqueued', async (data, code) => {
    const { check } = await open()
    await expect(check(data)).rejects.toMatchObject({ name: 'Refused', code })
  })

  it('of a refund that was made passes, so that its repeat gets the same answer', async () => {
    const { check, refund, work } = await open()
    await refund('r-1', TOTAL)
    await work()
    await check({ refundId: 'r-1', amountMinor: TOTAL })
    await expect(check({ refundId: 'r-2', amountMinor: TOTAL })).rejects.toThrow('0 of what was captured for o-1')
  })
})

describe("a webhook about a provider's refund", () => {
  it.each(['succeeded', 'failed'] as const)(
    'after a pending answer, twice, publishes once that it %s',
    async (status) => {
      const { refund, work, webhook, provider, events } = await open()
      provider.refundOutcome = { status: 'pending' }
      await refund('r-1', TOTAL)
      await work()
      await webhook('too early')
      Object.assign(provider.refunds[0]!, { status, code: 'account-closed' })
      for (const id of ['event-1', 'event-2']) await webhook(id)
      expect(events()).toEqual([
        `refund.pending r-1 ${TOTAL}`,
        status === 'succeeded' ? `refund.issued r-1 ${TOTAL}` : `refund.failed r-1 ${TOTAL} account-closed`,
      ])
    },
  )

  it('counts a pending refund as money that is gone', async () => {
    const { refund, work, provider, events } = await open()
    provider.refundOutcome = { status: 'pending' }
    await refund('r-1', 200)
    await work()
    await refund('r-2', 101)
    expect(events().at(-1)).toBe('refund.refused r-2 101 more-than-captured')
  })

  it('before the answer of the call: the answer then decides nothing', async () => {
    const { refund, work, webhook, provider, events } = await open()
    await refund('r-1', TOTAL)
    const call = provider.callExternal.bind(provider)
    const late = Promise.withResolvers<void>()
    Object.assign(provider, {
      async callExternal(...request: Parameters<typeof call>) {
        const answer = await call(...request)
        if (request[1].method === 'POST') await late.promise
        return answer
      },
    })
    const working = work()
    await expect.poll(() => provider.refunds.length, { timeout: 5_000 }).toBe(1)
    await webhook('event-1')
    expect(events()).toEqual([`refund.issued r-1 ${TOTAL}`])
    late.resolve()
    await working
    expect(events()).toEqual([`refund.issued r-1 ${TOTAL}`])
  })

  it('of a refund that the bank returned makes it failed, and an older report changes nothing', async () => {
    const { refund, work, webhook, provider, events } = await open()
    await refund('r-1', TOTAL)
    await work()
    Object.assign(provider.refunds[0]!, { status: 'failed', code: 'returned-by-bank' })
    await webhook('event-1')
    Object.assign(provider.refunds[0]!, { status: 'succeeded' })
    await webhook('event-2')
    expect(events()).toEqual([`refund.issued r-1 ${TOTAL}`, `refund.failed r-1 ${TOTAL} returned-by-bank`])
  })

  it('of a refund that was made at the provider by hand records it, and it counts', async () => {
    const { refund, webhook, provider, events } = await open()
    provider.refunds.push({ key: 'by-hand', authorizationKey: 'o-1:auth', amountMinor: 250, status: 'succeeded' })
    for (const id of ['event-1', 'event-2']) await webhook(id)
    await refund('r-1', 51)
    expect(events()).toEqual(['refund.issued re-by-hand 250', 'refund.refused r-1 51 more-than-captured'])
  })

  it('about an order without a payment is refused', async () => {
    const platform = testPlatform(payments, {
      settings: { PAYMENT_PROVIDER_URL: 'https://provider.example.com', PAYMENT_PROVIDER_API: '{"kind":"simulator"}' },
    })
    const check = message('CheckRefunds', { orderId: 'o-9', providerEventId: 'event-1' })
    await expect(deliver(app, platform, check)).rejects.toMatchObject({ name: 'Refused', code: 'not-found' })
  })
})

describe('a pending refund whose webhook was lost', () => {
  async function pending() {
    const one = await open()
    one.provider.refundOutcome = { status: 'pending' }
    await one.refund('r-1', TOTAL)
    await one.work()
    /** Delivers each command at its hour; returns the hours at which the provider was asked. */
    const requestedIn = async (hours: number): Promise<number[]> => {
      const requested: number[] = []
      for (let hour = 1; hour <= hours; hour++) {
        one.platform.advance(HOUR_MS)
        const before = one.platform.externalCalls.length
        await one.work()
        if (one.platform.externalCalls.length > before) requested.push(hour)
      }
      return requested
    }
    return { ...one, requestedIn }
  }

  it.each(['succeeded', 'failed'] as const)('is asked about, and found to have %s', async (status) => {
    const { provider, events, requestedIn } = await pending()
    Object.assign(provider.refunds[0]!, { status, code: 'account-closed' })
    expect(await requestedIn(300)).toEqual([1])
    expect(events()[1]).toBe(
      status === 'succeeded' ? `refund.issued r-1 ${TOTAL}` : `refund.failed r-1 ${TOTAL} account-closed`,
    )
  })

  it('is asked about five times within a week, and is then an event and a line for staff; a later report counts', async () => {
    const { provider, events, requestedIn, platform, webhook } = await pending()
    expect(await requestedIn(1_000)).toEqual([1, 7, 31, 79, 175])
    expect(events()).toEqual([`refund.pending r-1 ${TOTAL}`, `refund.overdue r-1 ${TOTAL}`])
    const lines = platform.logs.filter(({ event }) => event === 'refund.overdue')
    expect(lines).toMatchObject([{ severity: 'ERROR', fields: { refundId: 'r-1' } }])
    Object.assign(provider.refunds[0]!, { status: 'succeeded' })
    await webhook('event-1')
    expect(events().at(-1)).toBe(`refund.issued r-1 ${TOTAL}`)
    expect(await requestedIn(1_000)).toEqual([])
  })

  it('that was made by hand is asked about as well', async () => {
    const { provider, events, webhook, requestedIn } = await pending()
    Object.assign(provider.refunds[0]!, { status: 'failed', code: 'account-closed' })
    provider.refunds.push({ key: 'by-hand', authorizationKey: 'o-1:auth', amountMinor: 250, status: 'pending' })
    await webhook('event-1')
    Object.assign(provider.refunds[1]!, { status: 'succeeded' })
    expect(await requestedIn(300)).toEqual([1])
    expect(events()).toContain('refund.issued re-by-hand 250')
  })

  it('is not asked about once its webhook has come', async () => {
    const { provider, webhook, requestedIn } = await pending()
    Object.assign(provider.refunds[0]!, { status: 'succeeded' })
    await webhook('event-1')
    expect(await requestedIn(300)).toEqual([])
  })
})

it('an unavailable provider leaves the refund due, and it is asked again', async () => {
  const { refund, work, provider, events } = await open()
  await refund('r-1', TOTAL)
  const { callExternal } = provider
  Object.assign(provider, { callExternal: () => Promise.reject(new Unavailable('The provider is silent.')) })
  await expect(work()).rejects.toBeInstanceOf(Unavailable)
  expect(events()).toEqual([])
  Object.assign(provider, { callExternal })
  await work()
  expect(events()).toEqual([`refund.issued r-1 ${TOTAL}`])
})
