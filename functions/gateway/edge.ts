/** What every request passes first: headers, origins, the quota of requests at once, one deadline, limits per caller and address. */

import type { Context, Hono, MiddlewareHandler } from 'hono'
import { cors } from 'hono/cors'
import { secureHeaders } from 'hono/secure-headers'
import type { Caller } from '../../shared/auth.ts'
import { within } from '../../shared/deadline.ts'
import { Limited } from '../../shared/errors.ts'
import { addressOf } from './address.ts'
import type { EdgeSettings } from './edge-settings.ts'
import { type Buckets, createBuckets, type Limit, type Spent } from './rate-limit.ts'

export interface Edge {
  /** @throws Limited when this caller, or the address, has asked too often. */
  admit(c: Context, caller: Caller): void
}

/** Asks a page in a browser may make of the answer, for so long, before it asks again whether it may call. */
const PREFLIGHT_SECONDS = 600

export function createEdge(http: Hono, settings: EdgeSettings, now: () => number): Edge {
  const buckets = {
    customer: createBuckets(settings.limits.customer, now),
    staff: createBuckets(settings.limits.staff, now),
    importer: createBuckets(settings.limits.importer, now),
  }
  const addresses = createBuckets(settings.limits.address, now)
  /** Requests whose caller is known, and was counted. */
  const counted = new WeakSet<Request>()
  const addressOfRequest = (c: Context): string => addressOf(c.req.header('x-forwarded-for'), settings.trustedProxies)

  http.use('*', async (c, next) => {
    c.set('address', addressOfRequest(c))
    await next()
  })
  http.use('*', headers())
  http.use(
    '*',
    cors({
      origin: [...settings.origins],
      allowMethods: ['GET', 'POST', 'DELETE'],
      allowHeaders: ['authorization', 'content-type', 'idempotency-key', 'traceparent'],
      exposeHeaders: ['retry-after', 'ratelimit', 'ratelimit-policy'],
      maxAge: PREFLIGHT_SECONDS,
    }),
  )
  http.use('*', quota(settings.concurrentRequests))
  http.use('*', (_, next) => within(settings.requestTimeoutMs, next))
  http.use('*', async (c, next) => {
    const address = addressOfRequest(c)
    // Before any signature is looked at. Whoever proves to be staff or importer does not count for the address.
    refuseLimited(c, 'address', addresses, addresses.look(address))
    try {
      await next()
    } finally {
      if (!counted.has(c.req.raw)) tell(c, 'address', addresses.limit, addresses.spend(address))
    }
  })

  return {
    admit(c, { sub, roles }) {
      const role = (['importer', 'staff'] as const).find((one) => roles.includes(one)) ?? 'customer'
      counted.add(c.req.raw)
      refuseLimited(c, role, buckets[role], buckets[role].spend(sub))
      if (role === 'customer') refuseLimited(c, 'address', addresses, addresses.spend(addressOfRequest(c)))
    },
  }
}

function refuseLimited(c: Context, name: string, { limit }: Buckets, spent: Spent): void {
  // Who is known hears of its own limit, and of the address's when that refuses.
  if (name !== 'address' || !spent.allowed) tell(c, name, limit, spent)
  if (spent.allowed) return
  throw new Limited(
    `${name === 'address' ? 'This address' : `This ${name}`} has asked too often: come back in ${spent.retryAfterSeconds} s.`,
    spent.retryAfterSeconds,
  )
}

/** https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/ */
function tell(c: Context, name: string, limit: Limit, { remaining, resetSeconds }: Spent): void {
  c.header('ratelimit-policy', `"${name}";q=${limit.burst};w=${Math.ceil(limit.burst / limit.perSecond)}`)
  c.header('ratelimit', `"${name}";r=${remaining};t=${resetSeconds}`)
}

/** The next request is told to come back: those under way are to end in time. */
function quota(most: number): MiddlewareHandler {
  let underWay = 0
  return async (_, next) => {
    if (underWay >= most) throw new Limited('Too many requests are under way: come back in 1 s.', 1, 'overloaded')
    underWay += 1
    try {
      await next()
    } finally {
      underWay -= 1
    }
  }
}

function headers(): MiddlewareHandler {
  const secure = secureHeaders({
    contentSecurityPolicy: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] },
    strictTransportSecurity: 'max-age=31536000; includeSubDomains',
    xFrameOptions: 'DENY',
    referrerPolicy: 'no-referrer',
  })
  return async (c, next) => {
    let own: string | null = null
    await secure(c, async () => {
      await next()
      own = c.res.headers.get('content-security-policy')
    })
    if (own !== null) c.res.headers.set('content-security-policy', own)
    // Answers are one caller's own.
    if (!c.res.headers.has('cache-control')) c.res.headers.set('cache-control', 'no-store')
  }
}
