/** Admission: limits on rate and concurrency, of unverified callers by address and of verified callers by name. */

import type { Caller } from './caller-tokens.ts'
import { Limited } from '../../shared/base/errors.ts'
import type { Upload } from '../../shared/http/http.ts'
import type { EdgeSettings } from './settings.ts'
import { createKnownTokens, type KnownCaller, looksLikeToken } from './known-tokens.ts'
import { type Buckets, createBuckets, type Limit, type RateLimitResult } from './rate-limit.ts'
import { createSlots, type Slots } from './slots.ts'

export interface Visitor {
  readonly address: string
  readonly authorization: string | undefined
  /** Providers and customers have places of their own, so that neither takes those of the other. */
  readonly pool: 'customers' | 'provider'
  /** The limit that this request counts for. */
  setRateLimitHeaders(name: string, limit: Limit, result: RateLimitResult): void
}

/** One request under way. */
export interface Visit {
  /** Its token was verified. @throws Limited when this caller, or the customers of its address, have asked too often. */
  admit(caller: Caller): void
  /** Its token was refused: it is not served as a known one again. */
  refuse(): void
  /** Its body is read from now on. Where all places are taken, the body that began first gives its place to the next request. */
  beginUpload(): Upload
  /** It has proved by other means where it comes from: it counts no longer for its address. @throws Limited when the pool is full. */
  prove(): void
  leave(): void
}

export interface Admission {
  /** Charges the address without a place, for requests that are answered at once. @throws Limited */
  charge(visitor: Visitor): void
  /** @throws Limited: too often (429), too many at once of this address or caller (429), or of all (503). */
  enter(visitor: Visitor): Visit
}

/** Requests of a full pool whose callers are verified at once: some milliseconds each. */
const CONCURRENT_CHECKS = { customers: 5, provider: 2 }

export function createAdmission(settings: EdgeSettings, now: () => number): Admission {
  const { limits } = settings
  const callers = {
    customer: createBuckets(limits.customer, now),
    staff: createBuckets(limits.staff, now),
    importer: createBuckets(limits.importer, now),
  }
  const customersOfAddress = createBuckets(limits.address, now)
  const charges = addressCharges(limits.address, now)
  const known = createKnownTokens()
  const pools = {
    customers: createSlots(settings.concurrentRequests),
    provider: createSlots(settings.providerRequests),
  }
  const perAddress = createSlots(settings.requestsPerAddress)
  const perCaller = createSlots(settings.requestsPerCaller)
  const uploads = { customers: createUploads(), provider: createUploads() }
  const checks = {
    customers: createSlots(CONCURRENT_CHECKS.customers),
    provider: createSlots(CONCURRENT_CHECKS.provider),
  }

  return {
    charge: (visitor) => void charges.charge(visitor),
    enter(visitor) {
      const { address, authorization, pool, setRateLimitHeaders } = visitor
      const before = authorization === undefined ? undefined : known.find(authorization)
      // The rate of a verified caller does not depend on other callers at its address. It pays at once: not every path
      // looks at the token.
      const paid = before && callers[before.role].consume(before.sub)
      const welcome = paid?.allowed ? before : undefined
      let refund = welcome ? undefined : charges.charge(visitor)
      let leaveOwn = welcome
        ? taken(perCaller, welcome.sub, `requests of this ${welcome.role}`)
        : taken(perAddress, address, 'requests of this address')
      let leavePool: () => void
      // Only a verified caller ends the upload of another: until then the request has a place for the check alone.
      let isInPool = true
      try {
        const free = pools[pool].take(pool)
        isInPool = free !== undefined || welcome !== undefined
        leavePool = free ?? (welcome ? placeIn(pool) : placeForCheck(visitor))
      } catch (error) {
        leaveOwn()
        throw error
      }
      const prove = (): void => {
        refund?.()
        refund = undefined
        if (!welcome) leaveOwn()
        if (isInPool) return
        const leaveCheck = leavePool
        leavePool = placeIn(pool)
        leaveCheck()
        isInPool = true
      }
      return {
        prove,
        admit({ sub, roles }) {
          const role = (['importer', 'staff'] as const).find((one) => roles.includes(one)) ?? 'customer'
          if (authorization !== undefined) known.remember(authorization, { sub, role } satisfies KnownCaller)
          const result = paid ?? callers[role].consume(sub)
          setRateLimitHeaders(role, limits[role], result)
          // Without a refund to its address: each refused request costs the check of a signature.
          refuse(`This ${role}`, result)
          prove()
          if (role === 'customer') {
            const ofAddress = customersOfAddress.consume(address)
            if (!ofAddress.allowed) setRateLimitHeaders('address', limits.address, ofAddress)
            refuse('This address', ofAddress)
          }
          if (!welcome) leaveOwn = taken(perCaller, sub, `requests of this ${role}`)
        },
        refuse() {
          if (before) known.forget(authorization!)
        },
        beginUpload: () =>
          uploads[pool].begin(() => {
            leaveOwn()
            leavePool()
          }),
        leave() {
          leaveOwn()
          leavePool()
        },
      }
    },
  }

  /** A place in the pool, if necessary that of the oldest upload. @throws Limited when all bodies have arrived. */
  function placeIn(pool: Visitor['pool']): () => void {
    const free = pools[pool].take(pool)
    if (free) return free
    uploads[pool].evictOldest()
    return taken(pools[pool], pool, 'requests', 'overloaded')
  }

  /** A place while the caller of a full pool is verified. @throws Limited when no upload could end, or nothing can be verified. */
  function placeForCheck({ authorization, pool }: Visitor): () => void {
    const isCheckable = pool === 'provider' || (authorization !== undefined && looksLikeToken(authorization))
    return taken(isCheckable && uploads[pool].size() > 0 ? checks[pool] : noPlaces, pool, 'requests', 'overloaded')
  }
}

const noPlaces = createSlots(0)

/** The bodies that are being read, oldest first: a customer's arrives within milliseconds, so the oldest is the slowest. */
function createUploads(): { begin(leave: () => void): Upload; evictOldest(): void; size(): number } {
  const underWay = new Set<() => void>()
  return {
    begin(leave) {
      const controller = new AbortController()
      const evict = (): void => {
        underWay.delete(evict)
        leave()
        controller.abort(
          new Limited('The body was still on its way when its place was needed: come back in 1 s.', 1, 'overloaded'),
        )
      }
      underWay.add(evict)
      return { evicted: controller.signal, end: () => void underWay.delete(evict) }
    },
    evictOldest() {
      const [oldest] = underWay
      oldest?.()
    },
    size: () => underWay.size,
  }
}

/** The requests of an address whose caller is not verified, counted before any signature is looked at. */
function addressCharges(limit: Limit, now: () => number): { charge(visitor: Visitor): () => void } {
  const strangers = createBuckets(limit, now)
  // A flood without tokens does not use up the limit of callers with a new token.
  const withToken = createBuckets(limit, now)
  const from = (buckets: Buckets, address: string): { readonly result: RateLimitResult; refund(): void } => ({
    result: buckets.consume(address),
    refund: () => buckets.refund(address),
  })
  return {
    charge({ address, authorization, setRateLimitHeaders }) {
      let charged = from(strangers, address)
      if (!charged.result.allowed && authorization !== undefined && looksLikeToken(authorization))
        charged = from(withToken, address)
      setRateLimitHeaders('address', limit, charged.result)
      refuse('This address', charged.result)
      return charged.refund
    },
  }
}

function refuse(who: string, { allowed, retryAfterSeconds }: RateLimitResult): void {
  if (!allowed) throw new Limited(`${who} has asked too often: come back in ${retryAfterSeconds} s.`, retryAfterSeconds)
}

/** @throws Limited when no place is free. */
function taken(
  slots: Slots,
  key: string,
  what: string,
  code: 'overloaded' | 'rate-limited' = 'rate-limited',
): () => void {
  const leave = slots.take(key)
  if (!leave) throw new Limited(`Too many ${what} are under way: come back in 1 s.`, 1, code)
  return leave
}
