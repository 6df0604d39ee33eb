import { createLocalJWKSet, decodeJwt, type JSONWebKeySet, jwtVerify } from 'jose'
import { describe, expect, it } from 'vitest'
import { virtualClock } from 'local-google-cloud/host'
import { paymentProviderApp } from './server.ts'

const DAY_MS = 24 * 3_600_000
const authorization = { amountMinor: 1_000, currency: 'EUR', paymentMethodRef: 'card-ok', reference: 'o-1' }

interface Answer {
  readonly status: string
  readonly code?: string
}

function open(webhookUrl?: string) {
  const clock = virtualClock()
  const posted: { url: string; body: string; signature: string }[] = []
  const hook = { answers: [] as (number | Error)[] }
  const { partner, ...provider } = paymentProviderApp({
    clock,
    ...(webhookUrl ? { webhookUrl } : {}),
    async fetch(url, { body, headers }) {
      posted.push({ url, body: body as string, signature: (headers as Record<string, string>)['webhook-signature']! })
      const answer = hook.answers.shift() ?? 204
      if (answer instanceof Error) throw answer
      return new Response(null, { status: answer })
    },
  })
  const post = async (path: string, key: string, body: object = {}): Promise<Answer & { http: number }> => {
    const headers = { 'idempotency-key': key }
    const response = await partner.app.request(path, { method: 'POST', headers, body: JSON.stringify(body) })
    return { ...((await response.json()) as Answer), http: response.status }
  }
  const by = (key: string): string => `/v1/authorizations/by-key/${key}`
  return {
    ...provider,
    app: partner.app,
    clock,
    posted,
    hook,
    authorize: (key: string, change: object = {}) => post('/v1/authorizations', key, { ...authorization, ...change }),
    capture: (key: string, amountMinor: number, final = false) =>
      post(`${by('a')}/captures`, key, { amountMinor, final }),
    void: (key: string) => post(`${by(key)}/void`, `${key}:void`),
    act: (key: string, outcome: string) => post(`/actions/action-${key}`, '', { outcome }),
  }
}

describe('authorizing', () => {
  it('returns the same authorization under the same key, and refuses the key with another body', async () => {
    const { authorize, ledger } = open()
    expect(await authorize('a')).toEqual(await authorize('a'))
    expect(await authorize('a', { amountMinor: 1 })).toMatchObject({ http: 422, code: 'key-reused' })
    expect(ledger.postings()).toHaveLength(1)
  })

  it('creates another authorization under a key whose retention has ended', async () => {
    const { authorize, ledger, clock } = open()
    await authorize('a')
    await clock.advance(DAY_MS + 1)
    await authorize('a')
    expect(ledger.all().map(({ status }) => status)).toEqual(['authorized', 'authorized'])
  })

  it('is refused under a key that was already voided', async () => {
    const { authorize, ledger, ...provider } = open()
    expect((await provider.void('a')).http).toBe(200)
    expect(await authorize('a')).toMatchObject({ status: 'declined', code: 'voided' })
    expect(ledger.postings()).toEqual([])
  })

  it("waits for the customer's action, which is accepted once", async () => {
    const { authorize, act, app } = open()
    expect(await authorize('a', { paymentMethodRef: 'card-action-required' })).toMatchObject({
      status: 'action-required',
    })
    expect(await act('a', 'maybe')).toMatchObject({ http: 422 })
    expect(await act('a', 'authorized')).toMatchObject({ status: 'authorized' })
    expect(await act('a', 'declined')).toMatchObject({ http: 409, code: 'nothing-to-do' })
    const found = await (await app.request('/v1/authorizations/by-key/a')).json()
    expect(found).toMatchObject({ status: 'authorized', captures: [] })
  })
})

describe('a payment method', () => {
  const attached = async (provider: ReturnType<typeof open>, token: string, customer: string) => {
    const answer = await provider.app.request('/v1/payment-methods', {
      method: 'POST',
      body: JSON.stringify({ token, customer }),
    })
    return { http: answer.status, ...((await answer.json()) as { paymentMethodRef: string; last4: string }) }
  }
  const detached = (provider: ReturnType<typeof open>, reference: string, customer: string) =>
    provider.app.request(`/v1/payment-methods/${reference}/detach`, {
      method: 'POST',
      body: JSON.stringify({ customer }),
    })

  it('of a test token is derived from token and customer, and does not reveal the token', async () => {
    const provider = open()
    const [alices, again, bobs] = [
      await attached(provider, 'card-ok', 'alice'),
      await attached(provider, 'card-ok', 'alice'),
      await attached(provider, 'card-ok', 'bob'),
    ]
    expect(alices).toMatchObject({ http: 200, brand: 'visa', last4: '4242' })
    expect(again).toEqual(alices)
    expect(bobs.paymentMethodRef).not.toBe(alices.paymentMethodRef)
    expect(JSON.stringify(alices)).not.toContain('card-ok')
    expect(await attached(provider, 'card-unknown', 'alice')).toMatchObject({ http: 404, code: 'token-unknown' })
    expect(await attached(provider, 'constructor', 'alice')).toMatchObject({ http: 404 })
  })

  it('pays only for its own customer', async () => {
    const provider = open()
    const { paymentMethodRef } = await attached(provider, 'card-ok', 'alice')
    const refused = { http: 402, status: 'declined', code: 'payment-method-of-another-customer' }
    expect(await provider.authorize('a', { paymentMethodRef, customer: 'bob' })).toMatchObject(refused)
    expect(await provider.authorize('b', { paymentMethodRef })).toMatchObject(refused)
    expect(await provider.authorize('c', { paymentMethodRef, customer: 'alice' })).toMatchObject({ http: 200 })
    expect(await provider.authorize('c', { paymentMethodRef, customer: 'bob' })).toMatchObject({ code: 'key-reused' })
    expect(provider.ledger.postings().map(({ key }) => key)).toEqual(['c'])
  })

  it('that was never attached is unknown; a test token itself pays without a customer', async () => {
    const provider = open()
    const unknown = { http: 402, code: 'payment-method-unknown' }
    expect(await provider.authorize('a', { paymentMethodRef: 'pm-1', customer: 'alice' })).toMatchObject(unknown)
    expect(await provider.authorize('b', { paymentMethodRef: 'card-ok', customer: 'alice' })).toMatchObject(unknown)
    expect(await provider.authorize('c', { paymentMethodRef: 'pm-1' })).toMatchObject(unknown)
    expect(await provider.authorize('d')).toMatchObject({ http: 200 })
  })

  it('that was detached stays unknown, and its authorizations can still be captured', async () => {
    const provider = open()
    const { paymentMethodRef } = await attached(provider, 'card-ok', 'alice')
    await provider.authorize('a', { paymentMethodRef, customer: 'alice' })
    expect((await detached(provider, paymentMethodRef, 'bob')).status).toBe(404)
    for (const _ of ['once', 'again']) expect((await detached(provider, paymentMethodRef, 'alice')).status).toBe(200)
    expect(await provider.authorize('b', { paymentMethodRef, customer: 'alice' })).toMatchObject({
      code: 'payment-method-unknown',
    })
    expect(await provider.capture('c-1', 1_000, true)).toMatchObject({ status: 'captured' })
    expect((await attached(provider, 'card-ok', 'alice')).paymentMethodRef).not.toBe(paymentMethodRef)
  })
})

describe('capturing', () => {
  it('accepts partial captures, each key once, up to the authorized amount, none after the final one', async () => {
    const { authorize, capture, ledger } = open()
    await authorize('a')
    expect(await capture('c-1', 300)).toMatchObject({ status: 'captured' })
    expect(await capture('c-1', 300)).toMatchObject({ status: 'captured' })
    expect(await capture('c-1', 301)).toMatchObject({ http: 422, code: 'key-reused' })
    expect(await capture('c-2', 701)).toMatchObject({ http: 422, code: 'amount-too-large' })
    expect(await capture('c-2', 600, true)).toMatchObject({ status: 'captured' })
    expect(await capture('c-3', 1)).toMatchObject({ http: 409, status: 'failed', code: 'closed' })
    const moved = ledger.postings().map(({ kind, amountMinor }) => `${kind} ${amountMinor}`)
    expect(moved).toEqual(['authorize 1000', 'capture 300', 'capture 600', 'release 100'])
  })

  it('rules out a later void', async () => {
    const { authorize, capture, ...provider } = open()
    await authorize('a')
    await capture('c-1', 300)
    expect(await provider.void('a')).toMatchObject({ http: 409, code: 'captured' })
  })
})

describe('a webhook', () => {
  const acted = async () => {
    const provider = open('https://shop.test/webhooks')
    await provider.authorize('a', { paymentMethodRef: 'card-action-required' })
    await provider.act('a', 'authorized')
    return provider
  }
  /** Signatures are made in another thread. */
  const posts = (posted: readonly unknown[], count: number) =>
    expect.poll(() => posted.length, { timeout: 5_000 }).toBe(count)

  it('reports the event, signed by a published key', async () => {
    const { posted, app, clock } = await acted()
    await clock.settle()
    await posts(posted, 1)
    const [{ url, body, signature }] = posted as [(typeof posted)[number]]
    expect(url).toBe('https://shop.test/webhooks')
    expect(JSON.parse(body)).toEqual({ id: 'event-a-acted', type: 'authorization.updated', key: 'a', reference: 'o-1' })
    const keys = (await (await app.request('/.well-known/jwks.json')).json()) as JSONWebKeySet
    expect(JSON.stringify(keys)).not.toContain('"d"')
    const { payload } = await jwtVerify(signature, createLocalJWKSet(keys), { currentDate: new Date(clock.now()) })
    expect(payload['body_sha256']).toMatch(/^[0-9a-f]{64}$/)
  })

  it('is sent again with growing delays and new signatures until it is accepted', async () => {
    const again = await acted()
    again.hook.answers.push(503, new Error('no connection'))
    await again.clock.settle()
    await posts(again.posted, 1)
    for (const waitMs of [1_000, 2_000]) {
      const before = again.posted.length
      // The answer is processed before the next attempt is scheduled.
      await expect.poll(() => again.clock.pending, { timeout: 5_000 }).toBe(1)
      await again.clock.advance(waitMs - 1)
      expect(again.posted).toHaveLength(before)
      await again.clock.advance(1)
      await posts(again.posted, before + 1)
    }
    const times = again.posted.map(({ signature }) => decodeJwt(signature).iat!)
    expect(times[2]! - times[0]!).toBe(3)
    await again.clock.advance(DAY_MS)
    expect(again.posted).toHaveLength(3)
  })

  it('is not sent when no URL is configured', async () => {
    const { authorize, act, posted, clock, webhooks } = open()
    await authorize('a', { paymentMethodRef: 'card-action-required' })
    await act('a', 'authorized')
    await clock.advance(DAY_MS)
    expect(posted).toEqual([])
    expect(webhooks.recorded()).toHaveLength(1)
  })
})
