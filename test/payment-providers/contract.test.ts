/** The port of the payment provider, by each of its adapters: the shop's simulator, and a local Stripe. */

import { describe, expect, it } from 'vitest'
import { virtualClock } from 'local-google-cloud/host'
import { provider } from '../../functions/payments/provider.ts'
import type { Provider } from '../../functions/payments/provider-port.ts'
import { payments } from '../../functions/payments/service.ts'
import { paymentProviderApp } from '../../functions/shop/local/payment-provider/server.ts'
import { Unavailable } from '../../shared/base/errors.ts'
import type { Envelope } from '../../shared/contracts/envelope.ts'
import { createCaller } from '../../shared/runtime/caller.ts'
import { testPlatform } from '../../shared/runtime/platform.testing.ts'
import { fakeStripe } from '../support/fake-stripe.ts'

type Card = 'ok' | 'declined' | 'stolen' | 'action' | 'multicapture'

interface Harness {
  /** For calls that a message of this moment causes. */
  client(): Provider
  method(card: Card, customer?: string): Promise<string>
  act(key: string, outcome: 'authorized' | 'declined'): Promise<void>
  advance(ms: number): Promise<void>
  readonly faults: { unavailable: number; lostAnswers: number }
  /** The amounts that are held, captured and given back over all authorizations. */
  money(): { readonly heldMinor: number; readonly capturedMinor: number; readonly refundedMinor: number }
  /** Gives captured money back without the platform. */
  refundByHand(key: string, amountMinor: number): Promise<void>
}

const HOUR_MS = 3_600_000
const KEY = 'sk_test_of_the_account'
const URL_OF_IT = 'https://provider.test'

function client(
  app: { request(url: string, init: RequestInit): Response | Promise<Response> },
  kind: 'simulator' | 'stripe',
) {
  const api = kind === 'stripe' ? { kind, returnUrl: 'https://shop.example.com/orders' } : { kind }
  const platform = testPlatform(payments, {
    settings: { PAYMENT_PROVIDER_URL: URL_OF_IT, PAYMENT_PROVIDER_API: JSON.stringify(api) },
    secrets: { 'payment-provider-key': KEY },
    callExternal: (url, options) => caller.callExternal(url, options),
  })
  const caller = createCaller({
    peers: {},
    authorizationFor: async () => 'Bearer an identity, which no provider checks',
    accessAuthorization: async () => 'Bearer x',
    secret: platform.secret,
    telemetry: platform.telemetry,
    send: async (url, init) => app.request(url, init),
  })
  return { platform, caller }
}

function stripe(): Harness {
  const clock = virtualClock()
  const fake = fakeStripe({ clock, key: KEY })
  const { platform } = client(fake.app, 'stripe')
  const offsetMs = platform.now() - clock.now()
  const intentOf = (key: string): string =>
    [...fake.intents.values()].find(
      ({ metadata, status }) => metadata['key'] === key && status !== 'requires_confirmation',
    )!.id
  return {
    client: () => provider(platform, { time: new Date(clock.now() + offsetMs).toISOString() } as Envelope),
    method: async (card, customer = 'vault-1') => fake.method(card, customer),
    act: async (key, outcome) => fake.act(intentOf(key), outcome),
    async advance(ms) {
      platform.advance(ms)
      await clock.advance(ms)
    },
    faults: fake.faults,
    money: () => ({
      heldMinor: sum([...fake.intents.values()].map((one) => one.amount_capturable)),
      capturedMinor: sum([...fake.intents.values()].map((one) => one.amount_received)),
      refundedMinor: sum([...fake.refunds.values()].map(({ amount }) => amount)),
    }),
    async refundByHand(key, amountMinor) {
      const headers = {
        authorization: `Bearer ${KEY}`,
        'stripe-version': '2026-10-28',
        'content-type': 'application/x-www-form-urlencoded',
      }
      const body = `payment_intent=${intentOf(key)}&amount=${amountMinor}`
      expect((await fake.app.request('/v1/refunds', { method: 'POST', headers, body })).status).toBe(200)
    },
  }
}

function simulator(): Harness {
  const clock = virtualClock()
  const { partner, ledger, faults } = paymentProviderApp({ clock })
  const { platform } = client(partner.app, 'simulator')
  const offsetMs = platform.now() - clock.now()
  const tokens: Readonly<Record<Card, string>> = {
    ok: 'card-ok',
    declined: 'card-declined',
    stolen: 'card-stolen',
    action: 'card-action-required',
    multicapture: 'card-ok',
  }
  const post = async (path: string, body: object, key = ''): Promise<Record<string, string>> => {
    const response = await partner.app.request(path, {
      method: 'POST',
      headers: { 'idempotency-key': key },
      body: JSON.stringify(body),
    })
    expect(response.status).toBe(200)
    return (await response.json()) as Record<string, string>
  }
  return {
    client: () => provider(platform, { time: new Date(clock.now() + offsetMs).toISOString() } as Envelope),
    method: async (card, customer = 'vault-1') =>
      (await post('/v1/payment-methods', { token: tokens[card], customer }))['paymentMethodRef']!,
    act: async (key, outcome) => void (await post(`/actions/action-${key}`, { outcome })),
    async advance(ms) {
      platform.advance(ms)
      await clock.advance(ms)
    },
    faults,
    money() {
      const of = (kind: string): number =>
        sum(
          ledger
            .postings()
            .filter((one) => one.kind === kind)
            .map(({ amountMinor }) => amountMinor),
        )
      return {
        heldMinor: of('authorize') - of('capture') - of('release'),
        capturedMinor: of('capture'),
        refundedMinor: of('refund'),
      }
    },
    refundByHand: async (key, amountMinor) =>
      void (await post(`/v1/authorizations/by-key/${key}/refunds`, { amountMinor }, 'by-hand')),
  }
}

const sum = (amounts: readonly number[]): number => amounts.reduce((total, amount) => total + amount, 0)

describe.each([
  ['the simulator', simulator],
  ['Stripe', stripe],
] as const)('%s', (_, open) => {
  const request = (paymentMethodRef: string) => ({
    amountMinor: 1_000,
    currency: 'EUR',
    paymentMethodRef,
    customer: 'vault-1',
    reference: 'o-1',
  })
  const authorized = async (card: Card = 'ok') => {
    const harness = open()
    const method = await harness.method(card)
    const answer = await harness.client().authorize('o-1:auth', request(method))
    return { ...harness, method, answer }
  }

  it('authorizes once under a key, until a week has passed', async () => {
    const { client: of, method, money, answer } = await authorized()
    expect(answer).toEqual({ status: 'authorized', expiresAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) })
    expect(await of().authorize('o-1:auth', request(method))).toEqual(answer)
    expect(await of().find('o-1:auth')).toEqual(answer)
    expect(money()).toEqual({ heldMinor: 1_000, capturedMinor: 0, refundedMinor: 0 })
  })

  it('knows no authorization under another key', async () => {
    const { client: of } = await authorized()
    expect(await of().find('o-2:auth')).toBeUndefined()
    expect(await of().refunds('o-2:auth')).toEqual([])
  })

  it.each([
    ['declined', /^[a-z-]+$/],
    ['stolen', /^card-stolen$/],
  ] as const)('answers why a card is %s', async (card, code) => {
    const { answer, client: of, money } = await authorized(card)
    expect(answer).toEqual({ status: 'declined', code: expect.stringMatching(code) })
    expect(await of().find('o-1:auth')).toEqual(answer)
    expect(money().heldMinor).toBe(0)
  })

  it.each(['authorized', 'declined'] as const)('asks the customer, who has it %s', async (outcome) => {
    const { answer, act, client: of } = await authorized('action')
    expect(answer).toMatchObject({ status: 'action-required', actionUrl: expect.stringMatching(/^https?:/) })
    await act('o-1:auth', outcome)
    expect(await of().find('o-1:auth')).toMatchObject({ status: outcome })
  })

  it('declines the card of another customer', async () => {
    const { client: of, method, money } = await authorized()
    const answer = await of().authorize('o-2:auth', {
      ...request(await open().method('ok')),
      paymentMethodRef: method,
      customer: 'vault-2',
    })
    expect(answer).toEqual({ status: 'declined', code: 'payment-method-of-another-customer' })
    expect(money().heldMinor).toBe(1_000)
  })

  it.each(['unavailable', 'lostAnswers'] as const)('authorizes once after %s, at every step', async (fault) => {
    for (const failures of [1, 2, 3]) {
      const harness = open()
      const method = await harness.method('ok')
      const delivered = harness.client()
      harness.faults[fault] = failures
      let answer: unknown
      for (let attempt = 0; attempt < 5 && answer === undefined; attempt++)
        answer = await delivered.authorize('o-1:auth', request(method)).catch((error: unknown) => {
          expect(error).toBeInstanceOf(Unavailable)
        })
      expect(answer).toMatchObject({ status: 'authorized' })
      expect(harness.money()).toEqual({ heldMinor: 1_000, capturedMinor: 0, refundedMinor: 0 })
    }
  })

  it('authorizes and captures once, although the message is redelivered when the keys are forgotten', async () => {
    const harness = open()
    const method = await harness.method('ok')
    const delivered = harness.client()
    harness.faults.lostAnswers = 1
    await delivered.authorize('o-1:auth', request(method)).catch(() => {})
    await delivered.authorize('o-1:auth', request(method))
    const captured = { amountMinor: 600, final: true }
    await delivered.capture('o-1:auth', 'o-1:capture', captured)
    await harness.advance(25 * HOUR_MS)
    expect(await delivered.authorize('o-1:auth', request(method))).toMatchObject({ status: 'authorized' })
    expect(await delivered.capture('o-1:auth', 'o-1:capture', captured)).toMatchObject({ status: 'captured' })
    expect(harness.money()).toEqual({ heldMinor: 0, capturedMinor: 600, refundedMinor: 0 })
  })

  it('captures a part and releases the rest, once under a key', async () => {
    const { client: of, faults, money } = await authorized()
    faults.lostAnswers = 1
    const captured = { amountMinor: 400, final: true }
    await expect(of().capture('o-1:auth', 'o-1:c', captured)).rejects.toBeInstanceOf(Unavailable)
    const first = await of().capture('o-1:auth', 'o-1:c', captured)
    expect(first).toEqual({ status: 'captured', captureId: expect.any(String) })
    expect(await of().capture('o-1:auth', 'o-1:c', captured)).toEqual(first)
    expect(money()).toEqual({ heldMinor: 0, capturedMinor: 400, refundedMinor: 0 })
  })

  it('captures several parcels under keys of their own, and releases what is left', async () => {
    const { client: of, money } = await authorized('multicapture')
    const first = await of().capture('o-1:auth', 'o-1:c1', { amountMinor: 300, final: false })
    const second = await of().capture('o-1:auth', 'o-1:c2', { amountMinor: 200, final: false })
    expect([first, second]).toMatchObject([{ status: 'captured' }, { status: 'captured' }])
    expect(money()).toEqual({ heldMinor: 500, capturedMinor: 500, refundedMinor: 0 })
    const captures = await of().release('o-1:auth')
    expect(captures).toEqual([
      { key: 'o-1:c1', captureId: (first as { captureId: string }).captureId },
      { key: 'o-1:c2', captureId: (second as { captureId: string }).captureId },
    ])
    expect(money()).toEqual({ heldMinor: 0, capturedMinor: 500, refundedMinor: 0 })
    expect(await of().capture('o-1:auth', 'o-1:c3', { amountMinor: 100, final: true })).toMatchObject({
      status: 'failed',
    })
    // The captures that were made count.
    expect(await of().find('o-1:auth')).toMatchObject({ status: 'authorized' })
  })

  it('captures nothing beyond what is held, nor under an authorization that has ended', async () => {
    const { client: of, money, advance } = await authorized()
    const beyond = of().capture('o-1:auth', 'o-1:c', { amountMinor: 1_001, final: true })
    // An answer or a bug of the caller; not a reason to try again.
    const answer = await beyond.catch((error: unknown) => expect(error).not.toBeInstanceOf(Unavailable))
    expect(answer).not.toMatchObject({ status: 'captured' })
    await advance(8 * 24 * HOUR_MS)
    expect(await of().capture('o-1:auth', 'o-1:d', { amountMinor: 1_000, final: true })).toMatchObject({
      status: 'failed',
    })
    expect(money()).toEqual({ heldMinor: 0, capturedMinor: 0, refundedMinor: 0 })
  })

  it('voids what was authorized, again without effect, and what is not yet authorized for ever', async () => {
    const { client: of, method, money } = await authorized()
    await of().void('o-1:auth')
    await of().void('o-1:auth')
    expect(await of().find('o-1:auth')).toEqual({ status: 'declined', code: 'voided' })
    await of().void('o-2:auth')
    expect(await of().authorize('o-2:auth', request(method))).toEqual({ status: 'declined', code: 'voided' })
    expect(money()).toEqual({ heldMinor: 0, capturedMinor: 0, refundedMinor: 0 })
  })

  it('voids captured money only once it is refunded', async () => {
    const { client: of, refundByHand } = await authorized()
    await of().capture('o-1:auth', 'o-1:c', { amountMinor: 1_000, final: true })
    await expect(of().void('o-1:auth')).rejects.toThrow('1000 were captured under o-1:auth and can not be voided')
    await refundByHand('o-1:auth', 1_000)
    await of().void('o-1:auth')
  })

  it('refunds once under a key, never more than was captured, and lists refunds made by hand', async () => {
    const { client: of, faults, money, refundByHand } = await authorized()
    await of().capture('o-1:auth', 'o-1:c', { amountMinor: 1_000, final: true })
    faults.lostAnswers = 1
    await of()
      .refund('o-1:auth', 'o-1:r1', { amountMinor: 300 })
      .catch(() => {})
    for (let again = 0; again < 2; again++)
      expect(await of().refund('o-1:auth', 'o-1:r1', { amountMinor: 300 })).toMatchObject({ status: 'succeeded' })
    expect(await of().refund('o-1:auth', 'o-1:r2', { amountMinor: 701 })).toEqual({
      status: 'failed',
      code: expect.stringMatching(/^[a-z-]+$/),
    })
    await refundByHand('o-1:auth', 100)
    await of().refund('o-1:auth', 'o-1:r3', { amountMinor: 200 })
    const made = await of().refunds('o-1:auth')
    expect(made.map(({ amountMinor }) => amountMinor).toSorted((one, other) => one - other)).toEqual([100, 200, 300])
    expect(new Set(made.map(({ status }) => status))).toEqual(new Set(['succeeded']))
    expect(made.map(({ key }) => key)).toEqual(expect.arrayContaining(['o-1:r1', 'o-1:r3']))
    expect(money()).toEqual({ heldMinor: 0, capturedMinor: 1_000, refundedMinor: 600 })
  })
})

it.each(['ISK', 'UGX', 'MGA', 'KWD', 'UYW'])(
  "Stripe is asked for no amount in %s, of which its unit is not the platform's",
  async (currency) => {
    const harness = stripe()
    const method = await harness.method('ok')
    const order = { amountMinor: 1_000, paymentMethodRef: method, customer: 'vault-1', reference: 'o-1' }
    const answer = await harness.client().authorize('o-1:auth', { ...order, currency })
    expect(answer).toEqual({ status: 'declined', code: 'currency-not-supported' })
    expect(harness.money()).toEqual({ heldMinor: 0, capturedMinor: 0, refundedMinor: 0 })
  },
)

it('Stripe refunds what was captured years ago: the ledger promises it, however old the authorization is', async () => {
  const fake = fakeStripe({ clock: virtualClock(), key: KEY })
  const { platform } = client(fake.app, 'stripe')
  const of = () => provider(platform, { time: new Date(platform.now()).toISOString() } as Envelope)
  const order = { amountMinor: 1_000, currency: 'EUR', customer: 'vault-1', reference: 'o-1' }
  await of().authorize('o-1:auth', { ...order, paymentMethodRef: fake.method('ok', 'vault-1') })
  await of().capture('o-1:auth', 'o-1:c', { amountMinor: 1_000, final: true })
  const days = 1_000
  platform.advance(days * 24 * HOUR_MS)
  // Firestore has deleted what has a lifetime.
  for (const path of platform.storedDocuments().keys()) {
    const { keptForDays = Infinity } = Object.entries(platform.service.collections).find(([name]) =>
      path.startsWith(`${name}/`),
    )![1]
    if (keptForDays < days) await platform.documents.delete(path as never)
  }
  expect(await of().refund('o-1:auth', 'o-1:r1', { amountMinor: 300 })).toEqual({ status: 'succeeded' })
  expect(await of().refunds('o-1:auth')).toMatchObject([{ key: 'o-1:r1', amountMinor: 300 }])
})

it.each(['payment-method-of-another-customer', 'payment-method-detached'])(
  'Stripe repeats %s under the key, although it would take the payment method now',
  async (code) => {
    const fake = fakeStripe({ clock: virtualClock(), key: KEY })
    const { platform } = client(fake.app, 'stripe')
    const method = fake.method('ok', 'vault-1')
    const { object } = fake.methods.get(method)!
    const attached = { customer: object.customer, metadata: object.metadata }
    Object.assign(
      object,
      code === 'payment-method-detached' ? { customer: null } : { metadata: { customer: 'vault-2' } },
    )
    const of = provider(platform, { time: new Date(platform.now()).toISOString() } as Envelope)
    const order = {
      amountMinor: 1_000,
      currency: 'EUR',
      paymentMethodRef: method,
      customer: 'vault-1',
      reference: 'o-1',
    }
    const first = await of.authorize('o-1:auth', order)
    expect(first).toEqual({ status: 'declined', code })
    Object.assign(object, attached)
    expect(await of.authorize('o-1:auth', order)).toEqual(first)
    expect(await of.find('o-1:auth')).toEqual(first)
    await of.void('o-1:auth')
    expect(fake.intents.size).toBe(0)
  },
)

it('Stripe repeats an authorization under the key, although its payment method was detached since', async () => {
  const fake = fakeStripe({ clock: virtualClock(), key: KEY })
  const { platform } = client(fake.app, 'stripe')
  const method = fake.method('ok', 'vault-1')
  const of = provider(platform, { time: new Date(platform.now()).toISOString() } as Envelope)
  const order = { amountMinor: 1_000, currency: 'EUR', paymentMethodRef: method, customer: 'vault-1', reference: 'o-1' }
  const first = await of.authorize('o-1:auth', order)
  Object.assign(fake.methods.get(method)!.object, { customer: null })
  expect(await of.authorize('o-1:auth', order)).toEqual(first)
})
