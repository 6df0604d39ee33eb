/** The edge by itself: rate limits, CORS headers, deadlines. */

import { Hono } from 'hono'
import { afterEach, describe, expect, it, vi } from 'vitest'
import type { Role } from '../../shared/http/auth.ts'
import { remainingMs } from '../../shared/base/deadline.ts'
import { Refused } from '../../shared/base/errors.ts'
import { answerProblem } from '../../shared/http/http.ts'
import { createEdge } from './edge.ts'
import { readEdgeSettings, type EdgeSettings } from './edge-settings.ts'
import { testEdge } from './edge.testing.ts'

afterEach(() => void vi.useRealTimers())

const limit = (burst: number, perSecond = 1) => ({ burst, perSecond })
const limits = { customer: limit(3), staff: limit(5), importer: limit(10), address: limit(6) }

function started(changes: Partial<EdgeSettings> = {}) {
  let nowMs = 0
  const http = new Hono()
  const settings = readEdgeSettings(testEdge(changes))
  const edge = createEdge(http, { settings, providerPaths: ['/provider'], now: () => nowMs })
  const held: (() => void)[] = []
  http.get('/as/:role/:sub', (c) => {
    edge.admit(c, { sub: c.req.param('sub'), roles: [c.req.param('role') as Role] })
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
    edge.admit(c, { sub: c.req.param('sub'), roles: [c.req.param('role') as Role] })
    await new Promise<void>((resolve) => void held.push(resolve))
    return c.json({})
  })
  http.post('/provider', async (c) => {
    edge.prove(c)
    await new Promise<void>((resolve) => void held.push(resolve))
    return c.json({})
  })
  http.get('/health/ready', (c) => c.json({}))
  http.get('/bug', () => {
    throw new TypeError('inside')
  })
  http.onError((error, c) => answerProblem(c, error))
  return {
    http,
    ask: async (path: string, headers: Record<string, string> = {}, method = 'GET') =>
      http.request(path, { method, headers: { 'x-forwarded-for': '203.0.113.7', ...headers } }),
    advance: (ms: number) => void (nowMs += ms),
    release: () => held.splice(0).forEach((end) => end()),
  }
}

describe('who asks too often', () => {
  it('gets 429 with Retry-After, and is let in after that time', async () => {
    const { ask, advance } = started({ limits })
    const answers = []
    for (let asked = 0; asked < 4; asked++) answers.push(await ask('/as/customer/c-1'))
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 429])
    expect(answers[0]!.headers.get('ratelimit-policy')).toBe('"customer";q=3;w=3')
    expect(answers.map(({ headers }) => headers.get('ratelimit'))).toEqual([
      '"customer";r=2;t=1',
      '"customer";r=1;t=2',
      '"customer";r=0;t=3',
      '"customer";r=0;t=3',
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
    expect((await ask('/as/customer/c-1')).status).toBe(200)
  })

  it('does not keep others out, but those of one address together have a limit too', async () => {
    const { ask } = started({ limits })
    const statuses = []
    for (const sub of ['a', 'a', 'a', 'b', 'b', 'b', 'c']) statuses.push((await ask(`/as/customer/${sub}`)).status)
    expect(statuses).toEqual([200, 200, 200, 200, 200, 200, 429])
    const elsewhere = { 'x-forwarded-for': '203.0.113.7, 198.51.100.1' }
    expect((await ask('/as/customer/c', elsewhere)).status).toBe(200)
  })

  it('as importer or staff has a limit of their own, which no address lowers', async () => {
    const { ask } = started({ limits })
    for (const [role, burst] of [
      ['importer', 10],
      ['staff', 5],
    ] as const) {
      for (let asked = 0; asked < burst; asked++) expect((await ask(`/as/${role}/x`)).status).toBe(200)
      const refused = await ask(`/as/${role}/x`)
      expect(refused.status).toBe(429)
      expect(refused.headers.get('ratelimit-policy')).toContain(`"${role}"`)
    }
    expect((await ask('/open')).status).toBe(200)
  })

  it('without a token that holds is counted by address, whatever address it claims', async () => {
    const { ask } = started({ limits })
    for (let asked = 0; asked < 6; asked++)
      expect((await ask('/nothing', { 'x-forwarded-for': `10.0.0.${asked}, 203.0.113.7` })).status).toBe(404)
    const refused = await ask('/open', { 'x-forwarded-for': '10.9.9.9, 203.0.113.7' })
    expect(refused.status).toBe(429)
    expect(refused.headers.get('ratelimit-policy')).toContain('"address"')
  })
})

describe('an address that is flooded', () => {
  const token = (name: string) => ({ authorization: `Bearer ${name}.b.c` })
  const flood = async (ask: ReturnType<typeof started>['ask'], headers: Record<string, string> = {}) => {
    for (let asked = 0; asked < 8; asked++) await ask('/nothing', headers)
    expect((await ask('/open', headers)).status).toBe(429)
  }

  it('is charged when the request begins, not when it ends', async () => {
    const { ask, release } = started({ limits: { ...limits, address: limit(1) } })
    const waiting = ask('/slow')
    expect((await ask('/open')).status).toBe(429)
    release()
    await waiting
  })

  it.each(['staff', 'importer', 'customer'])('still serves a %s whose token was verified before', async (role) => {
    const { ask } = started({ limits })
    expect((await ask(`/as/${role}/s`, token('known'))).status).toBe(200)
    await flood(ask)
    await flood(ask, token('made-up'))
    expect((await ask(`/as/${role}/s`, token('known'))).status).toBe(200)
    expect((await ask(`/as/${role}/s`, token('another'))).status).toBe(429)
  })

  it('still looks at a token that it sees for the first time, while the flood has none', async () => {
    const { ask } = started({ limits })
    await flood(ask)
    expect((await ask('/as/staff/s', token('new'))).status).toBe(200)
    await flood(ask, { authorization: 'Bearer nonsense' })
    expect((await ask('/as/staff/s', token('newer'))).status).toBe(200)
  })

  it('serves a known token on every path within the limit of its caller, and remembers it', async () => {
    const { ask } = started({ limits })
    await ask('/as/staff/s', token('known'))
    await flood(ask)
    await flood(ask, token('made-up'))
    for (let asked = 0; asked < 2; asked++) {
      expect((await ask('/open', token('known'))).status).toBe(200)
      expect((await ask('/nothing', token('known'))).status).toBe(404)
    }
    expect((await ask('/open', token('known'))).status).toBe(429)
  })

  it('forgets a token that is refused', async () => {
    const { ask } = started({ limits })
    await ask('/as/staff/s', token('known'))
    await flood(ask)
    await flood(ask, token('made-up'))
    expect((await ask('/refused', token('known'))).status).toBe(401)
    expect((await ask('/open', token('known'))).status).toBe(429)
  })

  it('takes nothing from its customers, whose requests have a limit of their own', async () => {
    const { ask } = started({ limits })
    await ask('/as/customer/c', token('known'))
    await flood(ask)
    expect((await ask('/as/customer/c', token('known'))).status).toBe(200)
    for (const sub of ['d', 'e', 'f', 'g']) expect((await ask(`/as/customer/${sub}`, token(sub))).status).toBe(200)
    expect((await ask('/as/customer/h', token('h'))).status).toBe(429)
  })

  it('is refused preflights and health as well; the probes of the platform, which have no address, are not', async () => {
    const { ask, http } = started({ limits })
    const preflight = { origin: 'https://shop.example.com', 'access-control-request-method': 'POST' }
    for (let asked = 0; asked < 3; asked++) expect((await ask('/v1/orders', preflight, 'OPTIONS')).status).toBe(204)
    for (let asked = 0; asked < 3; asked++) expect((await ask('/health/ready')).status).toBe(200)
    expect((await ask('/v1/orders', preflight, 'OPTIONS')).status).toBe(429)
    expect((await ask('/health/ready')).status).toBe(429)
    expect((await http.request('/health/ready')).status).toBe(200)
  })
})

describe('requests at once', () => {
  it('have a quota: the next request gets Retry-After, and is let in when one has ended', async () => {
    const { ask, release } = started({ concurrentRequests: 1 })
    const first = ask('/slow')
    const second = await ask('/open')
    expect([second.status, second.headers.get('retry-after')]).toEqual([503, '1'])
    expect(await second.json()).toMatchObject({ code: 'overloaded' })
    release()
    expect((await first).status).toBe(200)
    expect((await ask('/open')).status).toBe(200)
  })

  it('that fail give their place back', async () => {
    const { ask } = started({ concurrentRequests: 1 })
    for (const path of ['/bug', '/nothing', '/bug']) await ask(path)
    expect((await ask('/open')).status).toBe(200)
  })
})

describe('places', () => {
  const from = (address: string) => ({ 'x-forwarded-for': address })

  it('of strangers are bounded by address', async () => {
    const { ask, release } = started({ requestsPerAddress: 1 })
    const first = ask('/slow')
    const second = await ask('/open')
    expect([second.status, ((await second.json()) as { code: string }).code]).toEqual([429, 'rate-limited'])
    expect((await ask('/open', from('198.51.100.1'))).status).toBe(200)
    release()
    await first
    expect((await ask('/open')).status).toBe(200)
  })

  it('of a verified caller are bounded by caller, and not by address', async () => {
    const { ask, release } = started({ requestsPerCaller: 1, requestsPerAddress: 1 })
    const first = ask('/slow/as/customer/c')
    expect((await ask('/as/customer/c')).status).toBe(429)
    expect((await ask('/as/customer/d')).status).toBe(200)
    expect((await ask('/open')).status).toBe(200)
    release()
    expect((await first).status).toBe(200)
    expect((await ask('/as/customer/c')).status).toBe(200)
  })

  it("of the provider's notes and of all others are apart, and a signature that holds gives the address's place back", async () => {
    const { ask, release } = started({ concurrentRequests: 2, providerRequests: 1, requestsPerAddress: 1 })
    const elsewhere = from('198.51.100.2')
    const note = ask('/provider', elsewhere, 'POST')
    expect((await ask('/provider', from('198.51.100.3'), 'POST')).status).toBe(503)
    expect((await ask('/open', elsewhere)).status).toBe(200)
    const others = [ask('/slow'), ask('/slow', from('198.51.100.4'))]
    expect((await ask('/open', elsewhere)).status).toBe(503)
    release()
    expect((await Promise.all([note, ...others])).map(({ status }) => status)).toEqual([200, 200, 200])
    expect((await ask('/open', elsewhere)).status).toBe(200)
  })
})

describe('a request', () => {
  it('has one deadline, after which it is answered', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
    const { ask } = started({ requestTimeoutMs: 500 })
    const waiting = ask('/slow')
    await vi.advanceTimersByTimeAsync(500)
    const answer = await waiting
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '1'])
    expect(await answer.json()).toMatchObject({ code: 'unavailable' })
  })
})

describe('a request whose time is up', () => {
  it('holds its places until its work has ended', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
    const { ask, release } = started({ requestTimeoutMs: 500, concurrentRequests: 1 })
    const waiting = ask('/slow')
    await vi.advanceTimersByTimeAsync(500)
    expect((await waiting).status).toBe(503)
    const next = await ask('/open')
    expect([next.status, ((await next.json()) as { code: string }).code]).toEqual([503, 'overloaded'])
    release()
    await vi.advanceTimersByTimeAsync(0)
    expect((await ask('/open')).status).toBe(200)
  })
})

describe('browsers', () => {
  it('of a listed origin may call, and read when to come back', async () => {
    const { ask } = started({ limits })
    const origin = 'https://shop.example.com'
    const asked = { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization' }
    const preflight = await ask('/v1/orders', asked, 'OPTIONS')
    expect(preflight.status).toBe(204)
    expect(preflight.headers.get('access-control-allow-origin')).toBe(origin)
    expect(preflight.headers.get('access-control-allow-headers')).toContain('idempotency-key')
    expect(preflight.headers.get('access-control-allow-credentials')).toBeNull()
    for (let asking = 0; asking < 3; asking++) await ask('/as/customer/c')
    const refused = await ask('/as/customer/c', { origin })
    expect([refused.status, refused.headers.get('access-control-allow-origin')]).toEqual([429, origin])
    expect(refused.headers.get('access-control-expose-headers')).toContain('retry-after')
  })

  it.each(['https://evil.example.com', 'https://shop.example.com.evil.com', 'http://shop.example.com', 'null'])(
    'of %s may not',
    async (origin) => {
      const answer = await started().ask('/open', { origin })
      expect(answer.headers.get('access-control-allow-origin')).toBeNull()
    },
  )

  it.each(['/open', '/bug', '/nothing'])(
    'are kept from guessing, framing and keeping what %s answers',
    async (path) => {
      const { headers } = await started().ask(path)
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
