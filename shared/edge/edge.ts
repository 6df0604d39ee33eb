/** The checks that every request passes first: headers, origins, one deadline, and per caller and address a rate and a number of requests in flight. */

import type { Context, Hono, MiddlewareHandler } from 'hono'
import { cors } from 'hono/cors'
import { secureHeaders } from 'hono/secure-headers'
import { withDeadline } from '../base/deadline.ts'
import { disconnectOf } from '../http/http.ts'
import { limitHeaders } from '../http/header-limit.ts'
import type { EdgeSettings, Limit } from '../service/edge-settings.ts'
import type { Caller, Roles } from '../service/operation.ts'
import { FORMER_REFLECTION_RPC, HEALTH_RPC, REFLECTION_RPC } from '../rpc/names.ts'
import { addressOf } from './address.ts'
import { createAdmission, type Visit, type Visitor } from './admission.ts'
import type { RateLimitResult } from './rate-limit.ts'

export interface Edge {
  /** @throws Limited when this caller, or the ordinary callers of its address, exceed their rate limit or have too many requests in flight. */
  admit(c: Context, caller: Caller): void
  /** The request of an admitted caller has further operations. @throws Limited */
  chargeFurther(c: Context, caller: Caller, operations: number): void
  /** The request's token was refused. */
  refuse(c: Context): void
  /** The signature of the request was verified: it counts no longer for its address. */
  prove(c: Context): void
}

/** Headers of answers that a page of another origin may read. */
const exposedHeaders = [
  'deprecation',
  'etag',
  'link',
  'location',
  'preference-applied',
  'ratelimit',
  'ratelimit-policy',
  'retry-after',
  'sunset',
]
/** The time for which a browser caches the answer to a preflight. */
const PREFLIGHT_SECONDS = 600

/** Of Connect and gRPC-Web, which pages speak. */
const RPC_REQUEST_HEADERS = [
  'connect-protocol-version',
  'connect-timeout-ms',
  'grpc-timeout',
  'x-grpc-web',
  'x-user-agent',
]
const RPC_ANSWER_HEADERS = ['grpc-status', 'grpc-message', 'grpc-status-details-bin']

interface EdgeParts {
  readonly settings: EdgeSettings
  readonly roles: Roles
  /** The paths of signed operations. */
  readonly signedPaths: readonly string[]
  now(): number
}

export function createEdge(http: Hono, { settings, roles, signedPaths, now }: EdgeParts): Edge {
  const admission = createAdmission(settings, roles, now)
  const visits = new WeakMap<Request, Visit>()
  const visitorOf = (c: Context): Visitor => ({
    address: c.get('address')!,
    authorization: c.req.header('authorization'),
    pool: signedPaths.includes(c.req.path) ? 'signed' : 'callers',
    setRateLimitHeaders: (name, limit, result) => setRateLimitHeaders(c, name, limit, result),
  })

  http.use('*', async (c, next) => {
    c.set('address', addressOf(c.req.header('x-forwarded-for'), settings.trustedProxies))
    await next()
  })
  http.use(
    '*',
    limitHeaders((c) => admission.charge(visitorOf(c))),
  )
  http.use('*', headers())
  // Before the middleware that answers a preflight.
  http.use('*', (c, next) => {
    if (c.req.method === 'OPTIONS') admission.charge(visitorOf(c))
    return next()
  })
  http.use(
    '*',
    cors({
      origin: [...settings.origins],
      allowMethods: ['GET', 'POST', 'DELETE'],
      allowHeaders: [
        'authorization',
        'content-type',
        'idempotency-key',
        'if-match',
        'if-none-match',
        'last-event-id',
        'prefer',
        'traceparent',
        ...RPC_REQUEST_HEADERS,
      ],
      exposeHeaders: [...exposedHeaders, ...RPC_ANSWER_HEADERS],
      maxAge: PREFLIGHT_SECONDS,
    }),
  )
  // Outside of the limits on requests in flight: a request that ran out of time, or whose client hung up, counts until its work has ended.
  http.use('*', (c, next) => withDeadline(settings.requestTimeoutMs, next, { disconnect: disconnectOf(c) }))
  http.use('*', async (c, next) => {
    // The probes of the platform, which come by no front end, pass: otherwise a busy instance would be ended.
    const isProbe = c.req.header('x-forwarded-for') === undefined
    // By gRPC a check has a body, for which a stranger takes a slot.
    if (c.req.path.startsWith('/health/') || (isProbe && c.req.path === HEALTH_RPC)) {
      if (!isProbe) admission.charge(visitorOf(c))
      return next()
    }
    if ([REFLECTION_RPC, FORMER_REFLECTION_RPC].includes(c.req.path)) {
      const leave = admission.converse(visitorOf(c))
      return next().finally(leave)
    }
    const visit = admission.enter(visitorOf(c))
    visits.set(c.req.raw, visit)
    c.set('beginUpload', visit.beginUpload)
    try {
      await next()
    } finally {
      visit.leave()
    }
  })

  return {
    admit: (c, caller) => visits.get(c.req.raw)!.admit(caller),
    chargeFurther: (c, caller, operations) => visits.get(c.req.raw)!.chargeFurther(caller, operations),
    refuse: (c) => visits.get(c.req.raw)!.refuse(),
    prove: (c) => visits.get(c.req.raw)!.prove(),
  }
}

/** https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/ */
function setRateLimitHeaders(
  c: Context,
  name: string,
  limit: Limit,
  { remaining, resetSeconds }: RateLimitResult,
): void {
  c.header('ratelimit-policy', `"${name}";q=${limit.burst};w=${Math.ceil(limit.burst / limit.perSecond)}`)
  c.header('ratelimit', `"${name}";r=${remaining};t=${resetSeconds}`)
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
    // An answer is for one caller alone.
    if (!c.res.headers.has('cache-control')) c.res.headers.set('cache-control', 'no-store')
  }
}
