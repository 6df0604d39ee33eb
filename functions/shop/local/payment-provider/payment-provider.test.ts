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

  it.each(['card-declined', 'card-stolen', 'issuer-unavailable'])(
    'declines a card for its own reason: %s',
    async (code) => {
      const { authorize } = open()
      const paymentMethodRef = code.startsWith('card-') ? code : `card-${code}`
      expect(await authorize('a', { paymentMethodRef })).toMatchObject({ http: 402, status: 'declined', code })
    },
  )

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

describe("the customer's page", () => {
  async function waiting(webhookUrl?: string) {
    const provider = open(webhookUrl)
    const made = await provider.authorize('a', { paymentMethodRef: 'card-action-required', reference: 'o<1>' })
    const { pathname } = new URL((made as unknown as { actionUrl: string }).actionUrl)
    return { ...provider, pathname }
  }

  it.each([
    ['authorized', 'You have approved'],
    ['declined', 'You have declined'],
  ] as const)('shows the payment, and is answered once: %s', async (outcome, text) => {
    const { app, pathname, ledger, webhooks } = await waiting()
    const shown = await app.request(pathname)
    expect(shown.headers.get('content-security-policy')).toContain("frame-ancestors 'none'")
    const html = await shown.text()
    expect(html).toContain('1000 minor units of EUR for the order o&lt;1&gt;')
    const [, action] = new RegExp(`action="([^"]+/${outcome})"`).exec(html)!
    expect(await (await app.request(action!, { method: 'POST' })).text()).toContain(text)
    expect(ledger.find('a')).toMatchObject({ status: outcome })
    expect(webhooks.recorded()).toHaveLength(1)
    expect((await app.request(`${pathname}/authorized`, { method: 'POST' })).status).toBe(409)
    expect(await (await app.request(pathname)).text()).not.toContain('<form')
  })

  it('has ended when the authorization was voided', async () => {
    const { app, pathname, void: voiding } = await waiting()
    await voiding('a')
    expect(await (await app.request(pathname)).text()).toContain('This payment has ended')
    expect((await app.request(`${pathname}/authorized`, { method: 'POST' })).status).toBe(409)
  })

  it('is known only by its address, and takes only the two answers', async () => {
    const { app, pathname, ledger } = await waiting()
    for (const other of [pathname.slice(0, -1), `${pathname}x`, '/act/a/x', pathname.replace('/a/', '/b/')]) {
      expect((await app.request(other)).status).toBe(404)
      expect((await app.request(`${other}/authorized`, { method: 'POST' })).status).toBe(404)
    }
    expect((await app.request(`${pathname}/voided`, { method: 'POST' })).status).toBe(422)
    expect(ledger.find('a')).toMatchObject({ status: 'action-required' })
  })

  it('has an address that another ledger does not have, wherever it is reachable by others', async () => {
    const guarded = () => paymentProviderApp({ secret: 'of-this-run' }).pages
    const path = (pages: ReturnType<typeof guarded>) =>
      pages.urlOf({ req: { url: 'http://127.0.0.1:1/v1' } } as never, 'a')
    expect(path(guarded())).not.toBe(path(guarded()))
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

describe('an authorization that has ended by time', () => {
  const WEEK_MS = 7 * DAY_MS
  const kinds = ({ ledger }: ReturnType<typeof open>) =>
    ledger.postings().map(({ kind, amountMinor }) => `${kind} ${amountMinor}`)

  it('is captured up to its last moment, and refused from its end on', async () => {
    const provider = open()
    await provider.authorize('a')
    await provider.clock.advance(WEEK_MS - 1)
    expect(await provider.capture('c-1', 300)).toMatchObject({ status: 'captured' })
    await provider.clock.advance(1)
    expect(await provider.capture('c-2', 300)).toMatchObject({ http: 409, code: 'authorization-expired' })
    expect(kinds(provider)).toEqual(['authorize 1000', 'capture 300', 'release 700'])
    const found = await (await provider.app.request('/v1/authorizations/by-key/a')).json()
    expect(found).toMatchObject({ status: 'expired', captures: [{ key: 'c-1' }] })
  })

  it('repeats the answer to a capture that it has made', async () => {
    const provider = open()
    await provider.authorize('a')
    await provider.clock.advance(WEEK_MS - 1)
    await provider.capture('c-1', 300)
    await provider.clock.advance(1)
    expect(await provider.capture('c-1', 300)).toMatchObject({ status: 'captured' })
  })

  it('gives its rest back once, released or voided or neither', async () => {
    const provider = open()
    for (const key of ['a', 'b', 'c']) await provider.authorize(key)
    provider.ledger.release('b')
    await provider.clock.advance(WEEK_MS)
    kinds(provider)
    await provider.void('c')
    provider.ledger.release('a')
    expect(kinds(provider).filter((one) => one === 'release 1000')).toHaveLength(3)
  })

  it('is not lapsed when all of it was captured', async () => {
    const { authorize, capture, clock, ledger } = open()
    await authorize('a')
    await capture('c-1', 600, true)
    await clock.advance(WEEK_MS)
    expect(ledger.find('a')).not.toHaveProperty('isLapsed')
  })

  it('comes a day after the order with a card whose first authorization ends soon', async () => {
    const { authorize, ledger } = open()
    const paymentMethodRef = 'card-ends-soon'
    for (const key of ['a', 'b']) await authorize(key, { paymentMethodRef })
    await authorize('c', { paymentMethodRef, reference: 'o-2' })
    const days = ledger.all().map(({ expiresAt, madeAtMs }) => Math.floor((Date.parse(expiresAt) - madeAtMs) / DAY_MS))
    expect(days).toEqual([1, 7, 1])
  })

  it('has no successor with a card that grants one authorization for each payment', async () => {
    const { authorize } = open()
    const paymentMethodRef = 'card-renewal-refused'
    expect(await authorize('a', { paymentMethodRef })).toMatchObject({ status: 'authorized' })
    expect(await authorize('b', { paymentMethodRef })).toMatchObject({ status: 'declined', code: 'card-declined' })
    expect(await authorize('c', { paymentMethodRef, reference: 'o-2' })).toMatchObject({ status: 'authorized' })
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
