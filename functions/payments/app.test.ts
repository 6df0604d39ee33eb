import { describe, expect, it } from 'vitest'
import { Unavailable } from '../../shared/base/errors.ts'
import { deliver, message, type MessageOptions } from '../../shared/runtime/deliver.testing.ts'
import { testPlatform } from '../../shared/runtime/platform.testing.ts'
import { vaultOf } from '../customers/contracts.ts'
import { app } from './app.ts'
import { testProvider } from './provider.testing.ts'
import { payments } from './service.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const orderId = 'o-1'
const line = (lineId: string, quantity = 1, unitMinor = 100) => ({ lineId, sku: `SKU-${lineId}`, quantity, unitMinor })
const goods = (...lineIds: string[]) => lineIds.map((lineId) => ({ lineId, sku: `SKU-${lineId}`, quantity: 1 }))
/** Three lines of 1.00 and a fee of 0.50. */
const authorization = {
  orderId,
  paymentMethodRef: 'card-ok',
  currency: 'EUR',
  totalMinor: 350,
  shippingMinor: 50,
  lines: [line('1'), line('2'), line('3')],
}

function open(provider = testProvider()) {
  const platform = testPlatform(payments, {
    settings: { PAYMENT_PROVIDER_URL: 'https://provider.example.com', PAYMENT_PROVIDER_API: '{"kind":"simulator"}' },
    callExternal: provider.callExternal,
  })
  const done = new Set<string>()
  return {
    platform,
    provider,
    authorize: (options?: MessageOptions, change: object = {}) =>
      deliver(app, platform, message('AuthorizePayment', { ...authorization, ...change }, { version: 2, ...options })),
    void: (key = 1) => deliver(app, platform, message('VoidPayment', { orderId }, { key })),
    dispatched: (shipmentId: string, lineIds: readonly string[]) =>
      deliver(
        app,
        platform,
        message(
          'shipment.dispatched',
          { orderId, shipmentId, lines: goods(...lineIds), trackingRef: 't-1' },
          { key: shipmentId },
        ),
      ),
    /** Delivers the commands that payments sent to itself, each until it succeeds; with `newestFirst` in reverse order. */
    async work({ newestFirst = false } = {}) {
      for (let round = 0; round < 10; round++) {
        const open = platform.sent.filter(({ envelope }) => !done.has(envelope.id)).map(({ envelope }) => envelope)
        if (open.length === 0) return
        for (const envelope of newestFirst ? open.toReversed() : open) {
          const late = await deliver(app, platform, envelope).catch((error: unknown) => error)
          if (late === undefined) done.add(envelope.id)
          else expect(late).toBeInstanceOf(Unavailable)
        }
      }
      throw new Error('A command of payments to itself never succeeds.')
    },
    types: () => platform.published.map(({ type }) => type),
    /** Each captured event once, without its republications. */
    captured: () =>
      [...new Map(platform.published.map((event) => [event.id, event])).values()]
        .filter(({ type }) => type === 'payment.captured')
        .map(({ data }) => data as { shipmentId: string; amountMinor: number; final: boolean }),
  }
}

describe('authorising', () => {
  it('calls the provider once, with the key of the step, and republishes the same event for a repeat', async () => {
    const { authorize, provider, platform, types } = open()
    await authorize()
    await authorize()
    expect(provider.did).toEqual(['authorize o-1:auth'])
    expect(types()).toEqual(['payment.authorized', 'payment.authorized'])
    expect(platform.published[0]).toEqual(platform.published[1])
    expect(platform.published[0]).toMatchObject({ sequence: 1, data: { amountMinor: 350, currency: 'EUR' } })
  })

  it.each(['declined', 'action-required'] as const)('publishes that the payment is %s', async (outcome) => {
    const { authorize, provider, types } = open()
    provider.outcome = outcome
    await authorize()
    expect(types()).toEqual([`payment.${outcome}`])
  })

  it('queries the provider first when its idempotency keys may have expired', async () => {
    const first = open()
    await first.authorize()
    // The commit was lost: only the provider knows.
    const again = open(first.provider)
    again.platform.advance(2 * DAY_MS)
    first.provider.forgetKeys()
    await again.authorize()
    expect(first.provider.did).toEqual(['authorize o-1:auth'])
    expect(again.types()).toEqual(['payment.authorized'])
  })
})

describe('the customer of a payment', () => {
  it('is sent to the provider, as a pseudonym', async () => {
    const { authorize, platform } = open()
    await authorize({}, { customerRef: 'someone@example.com' })
    expect(platform.externalCalls[0]?.options.body).toMatchObject({ customer: vaultOf('someone@example.com') })
    expect(JSON.stringify(platform.externalCalls)).not.toContain('someone@')
  })

  it('is not sent for a command of an earlier version without the field', async () => {
    const { authorize, platform, types } = open()
    await authorize()
    expect(platform.externalCalls[0]?.options.body).not.toHaveProperty('customer')
    expect(types()).toEqual(['payment.authorized'])
  })
})

describe('a webhook of the provider', () => {
  const webhookCommand = (id: string) => message('CheckAuthorization', { orderId, providerEventId: id }, { key: id })

  it.each(['authorized', 'declined'] as const)("after the customer's action publishes %s once", async (outcome) => {
    const { authorize, provider, platform, types } = open()
    provider.outcome = 'action-required'
    await authorize()
    provider.acted(`${orderId}:auth`, outcome)
    for (const id of ['event-1', 'event-2']) await deliver(app, platform, webhookCommand(id))
    expect(types()).toEqual(['payment.action-required', `payment.${outcome}`])
  })

  it("that overtook the provider's answer is retried; one that comes after the answer decides nothing", async () => {
    const { authorize, platform, types } = open()
    await expect(deliver(app, platform, webhookCommand('event-1'))).rejects.toBeInstanceOf(Unavailable)
    await authorize()
    await deliver(app, platform, webhookCommand('event-1'))
    expect(types()).toEqual(['payment.authorized'])
  })

  it('for an unknown order is retried for an hour, and refused after it', async () => {
    const { platform, provider } = open()
    const webhook = webhookCommand('event-1')
    platform.advance(HOUR_MS - 1)
    await expect(deliver(app, platform, webhook)).rejects.toBeInstanceOf(Unavailable)
    platform.advance(1)
    await expect(deliver(app, platform, webhook)).rejects.toMatchObject({ name: 'Refused', code: 'not-found' })
    expect(provider.did).toEqual([])
    expect(platform.published).toEqual([])
  })

  it('after the void authorises nothing', async () => {
    const { authorize, provider, platform, work, types, ...payment } = open()
    provider.outcome = 'action-required'
    await authorize()
    await payment.void()
    await deliver(app, platform, webhookCommand('event-1'))
    await work()
    await deliver(app, platform, webhookCommand('event-2'))
    expect(types()).toEqual(['payment.action-required', 'payment.voided'])
  })
})

describe('voiding', () => {
  it('is recorded before the provider is called, and an authorisation that it overtook is declined', async () => {
    const { authorize, work, provider, types, ...payment } = open()
    await payment.void()
    await authorize()
    await work()
    expect(provider.did).toEqual(['void o-1:auth'])
    expect(types()).toEqual(['payment.declined', 'payment.voided'])
  })

  it('follows a concurrent authorisation, whichever commits first', async () => {
    const { authorize, work, provider, types, ...payment } = open()
    await Promise.all([authorize(), payment.void()])
    await work()
    expect(provider.did).toEqual(['authorize o-1:auth', 'void o-1:auth'])
    expect(types().at(-1)).toBe('payment.voided')
  })

  it('answers every repeat, also after it was done', async () => {
    const { authorize, work, provider, types, ...payment } = open()
    await authorize()
    for (const key of [1, 2, 3]) {
      await payment.void(key)
      await work()
    }
    expect(provider.did).toEqual(['authorize o-1:auth', 'void o-1:auth'])
    expect(types()).toEqual(['payment.authorized', 'payment.voided', 'payment.voided', 'payment.voided'])
  })

  it('of captured money is retried until the money was refunded', async () => {
    const { authorize, platform, provider, types, ...payment } = open()
    await authorize()
    provider.captures.push({ key: 'by hand', authorizationKey: 'o-1:auth', amountMinor: 350, final: true })
    await payment.void()
    const { envelope } = platform.sent[0]!
    const captured = deliver(app, platform, envelope)
    await expect(captured).rejects.toBeInstanceOf(Unavailable)
    await expect(captured).rejects.toThrow('350 were captured under o-1:auth')
    expect(types()).toEqual(['payment.authorized'])
    provider.refundedMinor = 350
    await deliver(app, platform, envelope)
    expect(types()).toEqual(['payment.authorized', 'payment.voided'])
  })
})

describe('capturing', () => {
  it('takes the whole amount with a single write when one shipment holds all lines', async () => {
    const { authorize, dispatched, captured, platform } = open()
    await authorize()
    const before = platform.billed.writes
    await dispatched('s-1', ['1', '2', '3'])
    expect(captured()).toMatchObject([{ shipmentId: 's-1', amountMinor: 350, final: true }])
    expect(platform.billed.writes - before).toBe(1)
    expect(platform.sent).toEqual([])
  })

  it.each([false, true])(
    'of concurrent shipments adds up to the total, with the final one last (newest first: %s)',
    async (newestFirst) => {
      const { authorize, dispatched, work, captured, provider } = open()
      await authorize()
      await Promise.all([dispatched('s-1', ['1']), dispatched('s-2', ['2']), dispatched('s-3', ['3'])])
      await work({ newestFirst })
      expect(captured().reduce((sum, { amountMinor }) => sum + amountMinor, 0)).toBe(350)
      expect(captured().map(({ final }) => final)).toEqual([false, false, true])
      expect(captured().filter(({ amountMinor }) => amountMinor === 150)).toHaveLength(1)
      expect(provider.captures).toHaveLength(3)
    },
  )

  it('of a parcel with nothing to pay calls no provider, and the last one releases the rest', async () => {
    const { authorize, dispatched, work, captured, provider, types } = open()
    await authorize({}, { shippingMinor: 0, totalMinor: 100, lines: [line('1'), line('2', 1, 0), line('3', 1, 0)] })
    await dispatched('s-1', ['2'])
    expect(types()).toEqual(['payment.authorized', 'payment.nothing-due'])
    await dispatched('s-2', ['1'])
    await dispatched('s-3', ['3'])
    await work()
    expect(captured()).toMatchObject([{ shipmentId: 's-2', amountMinor: 100, final: false }])
    expect(types().filter((type) => type === 'payment.nothing-due')).toHaveLength(2)
    expect(provider.did).toEqual(['authorize o-1:auth', expect.stringContaining('capture'), 'release o-1:auth'])
  })

  it('of an order that needs no payment is answered for each shipment once, and a refund of it is refused', async () => {
    const { dispatched, platform, provider, types } = open()
    await deliver(app, platform, message('order.payment-not-required', { orderId, currency: 'EUR' }))
    for (const shipmentId of ['s-1', 's-2', 's-1']) await dispatched(shipmentId, ['1'])
    expect(new Set(platform.published.map(({ id }) => id)).size).toBe(2)
    expect(new Set(types())).toEqual(new Set(['payment.nothing-due']))
    expect(provider.did).toEqual([])
    const refund = message('RefundPayment', { orderId, refundId: 'r-1', amountMinor: 1, reason: 'broken' })
    await expect(deliver(app, platform, refund)).rejects.toMatchObject({ code: 'not-found' })
  })

  it('of an authorized payment is not left out, whatever says later that it needs none', async () => {
    const { authorize, dispatched, captured, platform } = open()
    await authorize()
    await deliver(app, platform, message('order.payment-not-required', { orderId, currency: 'EUR' }))
    await dispatched('s-1', ['1', '2', '3'])
    expect(captured()).toMatchObject([{ amountMinor: 350 }])
  })

  it('takes the taxes and leaves out the discount of the lines in the shipment', async () => {
    const { authorize, dispatched, work, captured } = open()
    const tax = (amountMinor: number) => ({ taxes: [{ taxClass: 'standard', basisPoints: 1_900, amountMinor }] })
    const discount = { adjustments: [{ code: 'WELCOME-10', amountMinor: 10 }] }
    const lines = [{ ...line('1'), ...tax(17), ...discount }, { ...line('2'), ...tax(19) }, line('3')]
    await authorize({}, { lines, totalMinor: 376 })
    for (const [shipmentId, lineId] of [
      ['s-1', '2'],
      ['s-2', '1'],
      ['s-3', '3'],
    ] as const)
      await dispatched(shipmentId, [lineId])
    await work()
    expect(captured().map(({ amountMinor }) => amountMinor)).toEqual([50 + 119, 107, 100])
  })

  it('of the last parcel waits for the others without a retry, and follows the last of them', async () => {
    const { authorize, dispatched, captured, platform } = open()
    await authorize()
    for (const lineId of ['1', '2', '3']) await dispatched(`s-${lineId}`, [lineId])
    const commands = () =>
      platform.sent.filter(({ envelope }) => envelope.type === 'CapturePayment').map(({ envelope }) => envelope)
    const [first, second, last] = commands()
    // Another capture may be retried for more than a day; an alert after five attempts would say nothing.
    for (const command of [last!, second!, last!, first!]) await deliver(app, platform, command)
    expect(captured().map(({ shipmentId }) => shipmentId)).toEqual(['s-2', 's-1'])
    expect(commands()).toHaveLength(4)
    expect(commands().at(-1)).toMatchObject({ data: { orderId, shipmentId: 's-3' } })
    await deliver(app, platform, commands().at(-1)!)
    await deliver(app, platform, last!)
    expect(captured()).toMatchObject([{ final: false }, { final: false }, { shipmentId: 's-3', final: true }])
  })

  it('is retried until the authorisation exists', async () => {
    const { dispatched, provider } = open()
    await expect(dispatched('s-1', ['1', '2', '3'])).rejects.toBeInstanceOf(Unavailable)
    expect(provider.did).toEqual([])
  })

  it('of one shipment happens once, though several messages report it', async () => {
    const { authorize, dispatched, work, captured, platform, provider } = open()
    await authorize()
    for (const shipmentId of ['s-1', 's-2', 's-1', 's-2'])
      await dispatched(shipmentId, shipmentId === 's-1' ? ['1'] : ['2', '3'])
    const again = { orderId, shipmentId: 's-1', lines: goods('1'), trackingRef: 't-1' }
    await deliver(app, platform, message('shipment.dispatched', again, { key: 'another message' }))
    await work()
    expect(captured()).toHaveLength(2)
    expect(provider.captures).toHaveLength(2)
  })

  it('queries the provider first when its idempotency keys may have expired', async () => {
    const { authorize, dispatched, provider, platform, captured } = open()
    await authorize()
    const shipment = message('shipment.dispatched', {
      orderId,
      shipmentId: 's-1',
      lines: goods('1', '2', '3'),
      trackingRef: 't',
    })
    // The provider took the money, and the answer was lost.
    await provider.callExternal('https://provider.example.com/v1/authorizations/by-key/o-1%3Aauth/captures', {
      method: 'POST',
      operation: 'payment-provider.capture',
      idempotencyKey: 'o-1:capture:s-1',
      body: { amountMinor: 350, final: true },
    })
    platform.advance(2 * DAY_MS)
    provider.forgetKeys()
    await deliver(app, platform, shipment)
    expect(captured()).toMatchObject([{ amountMinor: 350, captureId: 'c-o-1:capture:s-1' }])
    expect(provider.captures).toHaveLength(1)
    await dispatched('s-1', ['1', '2', '3'])
    expect(captured()).toHaveLength(1)
  })

  it('that the provider refuses is published, and later captures are still attempted', async () => {
    const { authorize, dispatched, work, provider, types } = open()
    await authorize()
    provider.captures.push({ key: 'other', authorizationKey: 'o-1:auth', amountMinor: 0, final: true })
    await dispatched('s-1', ['1'])
    await work()
    await dispatched('s-2', ['2', '3'])
    await work()
    expect(types()).toEqual(['payment.authorized', 'payment.capture-failed', 'payment.capture-failed'])
  })
})
