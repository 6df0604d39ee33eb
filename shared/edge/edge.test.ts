/** The edge by itself: rate limits, CORS headers, deadlines. */

import { Hono } from 'hono'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { remainingMs } from '../base/deadline.ts'
import { Refused } from '../base/errors.ts'
import { answerProblem } from '../http/http.ts'
import { createEdge } from './edge.ts'
import { FORMER_REFLECTION_RPC, HEALTH_RPC, REFLECTION_RPC } from '../rpc/names.ts'
import type { EdgeSettings } from '../service/edge-settings.ts'
import { testLimits, type TestRole, testRoles } from './edge.testing.ts'

afterEach(() => void vi.useRealTimers())

const limit = (burst: number, perSecond = 1) => ({ burst, perSecond })
const limits = { member: limit(3), clerk: limit(5), auditor: limit(10), address: limit(6) }

function started(changes: Partial<EdgeSettings<TestRole>> = {}) {
  let nowMs = 0
  const http = new Hono()
  const settings = testLimits(changes)
  const edge = createEdge(http, { settings, roles: testRoles, signedPaths: ['/provider'], now: () => nowMs })
  const held: (() => void)[] = []
  http.get('/as/:role/:sub', (c) => {
    edge.admit(c, { sub: c.req.param('sub'), roles: [c.req.param('role') as TestRole] })
    return c.json({ ok: true })
  })
  http.get('/refused', (c) => {
    edge.refuse(c)
    throw new Refused('token-invalid', 'The token was revoked.')
  })
  http.get('/open', (c) => c.json({ ok: true }))
  http.get('/slow', async (c) => {
    await new Promise<void>((resolve) => void held.push(resolve))
    return c.json({ leftMs: remainingMs() })
  })
  http.get('/slow/as/:role/:sub', async (c) => {
    edge.admit(c, { sub: c.req.param('sub'), roles: [c.req.param('role') as TestRole] })
    await new Promise<void>((resolve) => void held.push(resolve))
    return c.json({})
  })
  http.post('/provider', async (c) => {
    edge.prove(c)
    await new Promise<void>((resolve) => void held.push(resolve))
    return c.json({})
  })
  http.get('/health/ready', (c) => c.json({}))
  for (const path of [HEALTH_RPC, REFLECTION_RPC, FORMER_REFLECTION_RPC])
    http.post(path, async (c) => {
      await new Promise<void>((resolve) => void held.push(resolve))
      return c.json({})
    })
  http.get('/bug', () => {
    throw new TypeError('inside')
  })
  http.onError((error, c) => answerProblem(c, error))
  return {
    http,
    send: async (path: string, headers: Record<string, string> = {}, method = 'GET') =>
      http.request(path, { method, headers: { 'x-forwarded-for': '203.0.113.7', ...headers } }),
    advance: (ms: number) => void (nowMs += ms),
    release: () => held.splice(0).forEach((end) => end()),
  }
}

describe('the procedures of the platform', () => {
  it('health takes a slot of its address from outside, and none from the probes of the platform', async () => {
    const { http, send, release } = started({ requestsPerAddress: 1 })
    const held = [send(HEALTH_RPC, {}, 'POST'), ...[1, 2].map(async () => http.request(HEALTH_RPC, { method: 'POST' }))]
    expect((await send(HEALTH_RPC, {}, 'POST')).status).toBe(429)
    release()
    expect((await Promise.all(held)).map(({ status }) => status)).toEqual([200, 200, 200])
  })

  it('streams of reflection take no place of the callers', async () => {
    const { send, release } = started({ concurrentRequests: 1, limits: { ...limits, address: limit(100) } })
    const streams = ['203.0.113.7', '203.0.113.8'].flatMap((from) =>
      [REFLECTION_RPC, FORMER_REFLECTION_RPC].map((path) => send(path, { 'x-forwarded-for': from }, 'POST')),
    )
    expect((await send('/as/member/m-1')).status).toBe(200)
    for (const path of [REFLECTION_RPC, FORMER_REFLECTION_RPC]) expect((await send(path, {}, 'POST')).status).toBe(429)
    release()
    expect((await Promise.all(streams)).map(({ status }) => status)).toEqual([200, 200, 200, 200])
  })
})

describe('a caller beyond its rate limit', () => {
  it('gets 429 with Retry-After, and is served after that time', async () => {
    const { send, advance } = started({ limits })
    const answers = []
    for (let index = 0; index < 4; index++) answers.push(await send('/as/member/c-1'))
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 429])
    expect(answers[0]!.headers.get('ratelimit-policy')).toBe('"member";q=3;w=3')
    expect(answers.map(({ headers }) => headers.get('ratelimit'))).toEqual([
      '"member";r=2;t=1',
      '"member";r=1;t=2',
      '"member";r=0;t=3',
      '"member";r=0;t=3',
    ])
    const refused = answers[3]!
    expect(refused.headers.get('retry-after')).toBe('1')
    expect(refused.headers.get('content-type')).toBe('application/problem+json')
    expect(await refused.json()).toMatchObject({
      status: 429,
      code: 'rate-limited',
      detail: expect.stringContaining('1 s'),
    })
    advance(1_000)
    expect((await send('/as/member/c-1')).status).toBe(200)
  })

  it('does not block other callers, and the callers of one address share a further limit', async () => {
    const { send } = started({ limits })
    const statuses = []
    for (const sub of ['a', 'a', 'a', 'b', 'b', 'b', 'c']) statuses.push((await send(`/as/member/${sub}`)).status)
    expect(statuses).toEqual([200, 200, 200, 200, 200, 200, 429])
    const elsewhere = { 'x-forwarded-for': '203.0.113.7, 198.51.100.1' }
    expect((await send('/as/member/c', elsewhere)).status).toBe(200)
  })

  it('as auditor or clerk has its own limit, independent of the address', async () => {
    const { send } = started({ limits })
    for (const [role, burst] of [
      ['auditor', 10],
      ['clerk', 5],
    ] as const) {
      for (let index = 0; index < burst; index++) expect((await send(`/as/${role}/x`)).status).toBe(200)
      const refused = await send(`/as/${role}/x`)
      expect(refused.status).toBe(429)
      expect(refused.headers.get('ratelimit-policy')).toContain(`"${role}"`)
    }
    expect((await send('/open')).status).toBe(200)
  })

  it('without a valid token is counted by its real address, not by a claimed one', async () => {
    const { send } = started({ limits })
    for (let index = 0; index < 6; index++)
      expect((await send('/nothing', { 'x-forwarded-for': `10.0.0.${index}, 203.0.113.7` })).status).toBe(404)
    const refused = await send('/open', { 'x-forwarded-for': '10.9.9.9, 203.0.113.7' })
    expect(refused.status).toBe(429)
    expect(refused.headers.get('ratelimit-policy')).toContain('"address"')
  })
})

describe('a flooded address', () => {
  const token = (name: string) => ({ authorization: `Bearer ${name}.b.c` })
  const flood = async (send: ReturnType<typeof started>['send'], headers: Record<string, string> = {}) => {
    for (let index = 0; index < 8; index++) await send('/nothing', headers)
    expect((await send('/open', headers)).status).toBe(429)
  }

  it('is charged when the request begins, not when it ends', async () => {
    const { send, release } = started({ limits: { ...limits, address: limit(1) } })
    const waiting = send('/slow')
    expect((await send('/open')).status).toBe(429)
    release()
    await waiting
  })

  it.each(['clerk', 'auditor', 'member'])('still serves a %s whose token was verified before', async (role) => {
    const { send } = started({ limits })
    expect((await send(`/as/${role}/s`, token('known'))).status).toBe(200)
    await flood(send)
    await flood(send, token('made-up'))
    expect((await send(`/as/${role}/s`, token('known'))).status).toBe(200)
    expect((await send(`/as/${role}/s`, token('another'))).status).toBe(429)
  })

  it('still verifies a new token while the requests of the flood have no token', async () => {
    const { send } = started({ limits })
    await flood(send)
    expect((await send('/as/clerk/s', token('new'))).status).toBe(200)
    await flood(send, { authorization: 'Bearer nonsense' })
    expect((await send('/as/clerk/s', token('newer'))).status).toBe(200)
  })

  it('serves a verified token on every path within the limit of its caller', async () => {
    const { send } = started({ limits })
    await send('/as/clerk/s', token('known'))
    await flood(send)
    await flood(send, token('made-up'))
    for (let index = 0; index < 2; index++) {
      expect((await send('/open', token('known'))).status).toBe(200)
      expect((await send('/nothing', token('known'))).status).toBe(404)
    }
    expect((await send('/open', token('known'))).status).toBe(429)
  })

  it('no longer serves a token that was refused', async () => {
    const { send } = started({ limits })
    await send('/as/clerk/s', token('known'))
    await flood(send)
    await flood(send, token('made-up'))
    expect((await send('/refused', token('known'))).status).toBe(401)
    expect((await send('/open', token('known'))).status).toBe(429)
  })

  it('still serves its members, who have their own limit', async () => {
    const { send } = started({ limits })
    await send('/as/member/c', token('known'))
    await flood(send)
    expect((await send('/as/member/c', token('known'))).status).toBe(200)
    for (const sub of ['d', 'e', 'f', 'g']) expect((await send(`/as/member/${sub}`, token(sub))).status).toBe(200)
    expect((await send('/as/member/h', token('h'))).status).toBe(429)
  })

  it("gets 429 for preflights and health checks; the platform's probes, which have no address, do not", async () => {
    const { send, http } = started({ limits })
    const preflight = { origin: 'https://app.example.com', 'access-control-request-method': 'POST' }
    for (let index = 0; index < 3; index++) expect((await send('/v1/orders', preflight, 'OPTIONS')).status).toBe(204)
    for (let index = 0; index < 3; index++) expect((await send('/health/ready')).status).toBe(200)
    expect((await send('/v1/orders', preflight, 'OPTIONS')).status).toBe(429)
    expect((await send('/health/ready')).status).toBe(429)
    expect((await http.request('/health/ready')).status).toBe(200)
  })
})

describe('concurrent requests', () => {
  it('are limited: the next request gets Retry-After, and is served when one has ended', async () => {
    const { send, release } = started({ concurrentRequests: 1 })
    const first = send('/slow')
    const second = await send('/open')
    expect([second.status, second.headers.get('retry-after')]).toEqual([503, '1'])
    expect(await second.json()).toMatchObject({ code: 'overloaded' })
    release()
    expect((await first).status).toBe(200)
    expect((await send('/open')).status).toBe(200)
  })

  it('that fail release their place', async () => {
    const { send } = started({ concurrentRequests: 1 })
    for (const path of ['/bug', '/nothing', '/bug']) await send(path)
    expect((await send('/open')).status).toBe(200)
  })
})

describe('places', () => {
  const from = (address: string) => ({ 'x-forwarded-for': address })

  it('of unverified callers are limited by address', async () => {
    const { send, release } = started({ requestsPerAddress: 1 })
    const first = send('/slow')
    const second = await send('/open')
    expect([second.status, ((await second.json()) as { code: string }).code]).toEqual([429, 'rate-limited'])
    expect((await send('/open', from('198.51.100.1'))).status).toBe(200)
    release()
    await first
    expect((await send('/open')).status).toBe(200)
  })

  it('of a verified caller are limited by caller, not by address', async () => {
    const { send, release } = started({ requestsPerCaller: 1, requestsPerAddress: 1 })
    const first = send('/slow/as/member/c')
    expect((await send('/as/member/c')).status).toBe(429)
    expect((await send('/as/member/d')).status).toBe(200)
    expect((await send('/open')).status).toBe(200)
    release()
    expect((await first).status).toBe(200)
    expect((await send('/as/member/c')).status).toBe(200)
  })

  it("of the provider's webhooks are separate from all others, and a valid signature releases the address's place", async () => {
    const { send, release } = started({ concurrentRequests: 2, signedRequests: 1, requestsPerAddress: 1 })
    const elsewhere = from('198.51.100.2')
    const webhook = send('/provider', elsewhere, 'POST')
    expect((await send('/provider', from('198.51.100.3'), 'POST')).status).toBe(503)
    expect((await send('/open', elsewhere)).status).toBe(200)
    const others = [send('/slow'), send('/slow', from('198.51.100.4'))]
    expect((await send('/open', elsewhere)).status).toBe(503)
    release()
    expect((await Promise.all([webhook, ...others])).map(({ status }) => status)).toEqual([200, 200, 200])
    expect((await send('/open', elsewhere)).status).toBe(200)
  })
})

describe('a request', () => {
  it('has one deadline, after which it is answered', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
    const { send } = started({ requestTimeoutMs: 500 })
    const waiting = send('/slow')
    await vi.advanceTimersByTimeAsync(500)
    const answer = await waiting
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '1'])
    expect(await answer.json()).toMatchObject({ code: 'unavailable' })
  })
})

describe('a request after its deadline', () => {
  it('keeps its places until its work has ended', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
    const { send, release } = started({ requestTimeoutMs: 500, concurrentRequests: 1 })
    const waiting = send('/slow')
    await vi.advanceTimersByTimeAsync(500)
    expect((await waiting).status).toBe(503)
    const next = await send('/open')
    expect([next.status, ((await next.json()) as { code: string }).code]).toEqual([503, 'overloaded'])
    release()
    await vi.advanceTimersByTimeAsync(0)
    expect((await send('/open')).status).toBe(200)
  })
})

describe('browsers', () => {
  it('of a listed origin may call, and read Retry-After', async () => {
    const { send } = started({ limits })
    const origin = 'https://app.example.com'
    const headers = {
      origin,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'authorization',
    }
    const preflight = await send('/v1/orders', headers, 'OPTIONS')
    expect(preflight.status).toBe(204)
    expect(preflight.headers.get('access-control-allow-origin')).toBe(origin)
    expect(preflight.headers.get('access-control-allow-headers')).toContain('idempotency-key')
    expect(preflight.headers.get('access-control-allow-headers')).toContain('if-match,if-none-match')
    expect(preflight.headers.get('access-control-allow-credentials')).toBeNull()
    for (let asking = 0; asking < 3; asking++) await send('/as/member/c')
    const refused = await send('/as/member/c', { origin })
    expect([refused.status, refused.headers.get('access-control-allow-origin')]).toEqual([429, origin])
    expect(refused.headers.get('access-control-expose-headers')).toContain('retry-after')
    expect(refused.headers.get('access-control-expose-headers')).toContain('etag')
  })

  it.each(['https://evil.example.com', 'https://app.example.com.evil.com', 'http://app.example.com', 'null'])(
    'of the origin %s may not call',
    async (origin) => {
      const answer = await started().send('/open', { origin })
      expect(answer.headers.get('access-control-allow-origin')).toBeNull()
    },
  )

  it.each(['/open', '/bug', '/nothing'])(
    'get security headers against sniffing, framing and caching with the answer of %s',
    async (path) => {
      const { headers } = await started().send(path)
      expect(Object.fromEntries(headers)).toMatchObject({
        'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
        'strict-transport-security': 'max-age=31536000; includeSubDomains',
        'x-content-type-options': 'nosniff',
        'x-frame-options': 'DENY',
        'referrer-policy': 'no-referrer',
        'cache-control': 'no-store',
      })
      expect(headers.get('x-powered-by')).toBeNull()
    },
  )
})
