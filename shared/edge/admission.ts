/** Admission: limits on rate and concurrency, of unverified callers by address and of verified callers by name. */

import { Limited, refuseIf } from '../base/errors.ts'
import type { Upload } from '../http/http.ts'
import type { EdgeSettings, Limit } from '../service/edge-settings.ts'
import type { Caller, Roles } from '../service/operation.ts'
import { createKnownTokens, type KnownCaller, looksLikeToken } from './known-tokens.ts'
import { type Buckets, createBuckets, type RateLimitResult } from './rate-limit.ts'
import { createSlots, type Slots } from './slots.ts'

export interface Visitor {
  readonly address: string
  readonly authorization: string | undefined
  /** Signed requests and all others have separate slots, so that neither use up those of the other. */
  readonly pool: 'callers' | 'signed'
  /** The limit that this request counts for. */
  setRateLimitHeaders(name: string, limit: Limit, result: RateLimitResult): void
}

/** One request in flight. */
export interface Visit {
  /** Its token was verified. @throws Limited when this caller, or the ordinary callers of its address, exceed their rate limit. */
  admit(caller: Caller): void
  /**
   * Charges an admitted caller for further operations of the request: for all, or for none.
   * @throws Limited; Refused for a document of more operations than the limit ever has room for
   */
  chargeFurther(caller: Caller, operations: number): void
  /** The request's token was refused: it is not served as a known one again. */
  refuse(): void
  /** Call it when the body begins to be read. When all slots are in use, the upload that began first is evicted for the next request. */
  beginUpload(): Upload
  /** Its sender was verified by other means than a token: it no longer counts for its address. @throws Limited when the pool is full. */
  prove(): void
  leave(): void
}

export interface Admission {
  /** Charges the address without a slot, for requests that are answered at once. @throws Limited */
  charge(visitor: Visitor): void
  /**
   * Charges the address and takes one of a few slots of its own, for a stream of a stranger: it takes none from the callers.
   * @throws Limited
   */
  converse(visitor: Visitor): () => void
  /** @throws Limited: above a rate limit (429), too many concurrent requests of this address or caller (429), or of all (503). */
  enter(visitor: Visitor): Visit
}

/** Requests of a full pool whose callers are verified concurrently: some milliseconds each. */
const CONCURRENT_CHECKS = { callers: 5, signed: 2 }
/** Streams of strangers: a tool has one. */
const CONVERSATIONS = 4
const CONVERSATIONS_PER_ADDRESS = 2

export function createAdmission(settings: EdgeSettings, roles: Roles, now: () => number): Admission {
  const { limits } = settings
  /** The setting has one for each role of the API. */
  const limitOf = (role: string): Limit => limits[role]!
  const roleOf = (held: readonly string[]): string =>
    roles.privileged.find((one) => held.includes(one)) ?? roles.ordinary
  const callers = new Map(
    [roles.ordinary, ...roles.privileged].map((role) => [role, createBuckets(limitOf(role), now)]),
  )
  const ordinaryOfAddress = createBuckets(limitOf('address'), now)
  const charges = addressCharges(limitOf('address'), now)
  const known = createKnownTokens()
  const pools = {
    callers: createSlots(settings.concurrentRequests),
    signed: createSlots(settings.signedRequests),
  }
  const perAddress = createSlots(settings.requestsPerAddress)
  const perCaller = createSlots(settings.requestsPerCaller)
  const conversations = { perAddress: createSlots(CONVERSATIONS_PER_ADDRESS), all: createSlots(CONVERSATIONS) }
  const uploads = { callers: createUploads(), signed: createUploads() }
  const checks = {
    callers: createSlots(CONCURRENT_CHECKS.callers),
    signed: createSlots(CONCURRENT_CHECKS.signed),
  }

  return {
    charge: (visitor) => void charges.charge(visitor),
    converse(visitor) {
      charges.charge(visitor)
      const leaveOwn = slotOf(conversations.perAddress, visitor.address, 'streams of this address')
      try {
        const leave = slotOf(conversations.all, 'all', 'streams', 'overloaded')
        return () => {
          leaveOwn()
          leave()
        }
      } catch (error) {
        leaveOwn()
        throw error
      }
    },
    enter(visitor) {
      const { address, authorization, pool, setRateLimitHeaders } = visitor
      const before = authorization === undefined ? undefined : known.find(authorization)
      // The rate of a verified caller does not depend on other callers at its address. It is charged at once, since not every
      // path verifies the token.
      const charged = before && callers.get(before.role)!.consume(before.sub)
      const recognized = charged?.allowed ? before : undefined
      let giveBack = recognized ? undefined : charges.charge(visitor)
      let leaveOwn = recognized
        ? slotOf(perCaller, recognized.sub, `requests of this ${recognized.role}`)
        : slotOf(perAddress, address, 'requests of this address')
      let leavePool: () => void
      // Only a verified caller ends the upload of another: until then the request has a slot of the checks.
      let isInPool = true
      try {
        const free = pools[pool].take(pool)
        isInPool = free !== undefined || recognized !== undefined
        leavePool = free ?? (recognized ? slotIn(pool) : slotForCheck(visitor))
      } catch (error) {
        leaveOwn()
        throw error
      }
      const prove = (): void => {
        giveBack?.()
        giveBack = undefined
        if (!recognized) leaveOwn()
        if (isInPool) return
        const leaveCheck = leavePool
        leavePool = slotIn(pool)
        leaveCheck()
        isInPool = true
      }
      return {
        prove,
        admit({ sub, roles: held }) {
          const role = roleOf(held)
          if (authorization !== undefined) known.remember(authorization, { sub, role } satisfies KnownCaller)
          const result = charged ?? callers.get(role)!.consume(sub)
          setRateLimitHeaders(role, limitOf(role), result)
          // Without giving it back to its address: each refused request costs the check of a signature.
          refuse(`This ${role}`, result)
          prove()
          if (role === roles.ordinary) {
            const ofAddress = ordinaryOfAddress.consume(address)
            if (!ofAddress.allowed) setRateLimitHeaders('address', limitOf('address'), ofAddress)
            refuse('This address', ofAddress)
          }
          if (!recognized) leaveOwn = slotOf(perCaller, sub, `requests of this ${role}`)
        },
        chargeFurther({ sub, roles: held }, operations) {
          if (operations <= 0) return
          const role = roleOf(held)
          const charged: readonly Charged[] = [
            { name: role, buckets: callers.get(role)!, key: sub },
            ...(role === roles.ordinary ? [{ name: 'address', buckets: ordinaryOfAddress, key: address }] : []),
          ]
          // All of them have room before one is charged: a refused request takes nothing.
          for (const { name, buckets, key } of charged) {
            refuseIf(
              operations >= buckets.limit.burst,
              'document-too-complex',
              `The document counts as ${operations + 1} requests, and the limit of this ${name} has room for ${buckets.limit.burst}: send several.`,
            )
            const result = whenAgain(buckets, buckets.peek(key, operations))
            if (!result.allowed) setRateLimitHeaders(name, buckets.limit, result)
            refuse(`This ${name}`, result)
          }
          const [result] = charged.map(({ buckets, key }) => buckets.consume(key, operations))
          setRateLimitHeaders(role, limitOf(role), result!)
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

  /** A slot in the pool, if necessary that of the oldest upload. @throws Limited when all bodies have arrived. */
  function slotIn(pool: Visitor['pool']): () => void {
    const free = pools[pool].take(pool)
    if (free) return free
    uploads[pool].evictOldest()
    return slotOf(pools[pool], pool, 'requests', 'overloaded')
  }

  /** A slot while the caller of a full pool is verified. @throws Limited when no upload could end, or nothing can be verified. */
  function slotForCheck({ authorization, pool }: Visitor): () => void {
    const isCheckable = pool === 'signed' || (authorization !== undefined && looksLikeToken(authorization))
    return slotOf(isCheckable && uploads[pool].size() > 0 ? checks[pool] : noSlots, pool, 'requests', 'overloaded')
  }
}

const noSlots = createSlots(0)

/** A bucket that a request is charged to. */
interface Charged {
  /** Of its limit: a role, or `address`. */
  readonly name: string
  readonly buckets: Buckets
  readonly key: string
}

/** The result of further operations, as the caller has to know it: when the request comes again, its admission takes one more. */
const whenAgain = ({ limit }: Buckets, { retryAfterSeconds, ...result }: RateLimitResult): RateLimitResult => ({
  ...result,
  retryAfterSeconds: result.allowed ? retryAfterSeconds : retryAfterSeconds + Math.ceil(1 / limit.perSecond),
})

/** The bodies that are being read, oldest first: an honest one arrives within milliseconds, so the oldest is the slowest. */
function createUploads(): { begin(leave: () => void): Upload; evictOldest(): void; size(): number } {
  const openUploads = new Set<() => void>()
  return {
    begin(leave) {
      const controller = new AbortController()
      const evict = (): void => {
        openUploads.delete(evict)
        leave()
        controller.abort(
          new Limited('The body was still on its way when its slot was needed: retry in 1 s.', 1, 'overloaded'),
        )
      }
      openUploads.add(evict)
      return { evicted: controller.signal, end: () => void openUploads.delete(evict) }
    },
    evictOldest() {
      const [oldest] = openUploads
      oldest?.()
    },
    size: () => openUploads.size,
  }
}

/** The requests of an address whose caller is not verified, counted before any signature is verified. */
function addressCharges(limit: Limit, now: () => number): { charge(visitor: Visitor): () => void } {
  const unverified = createBuckets(limit, now)
  // A flood without tokens does not use up the limit of callers with a new token.
  const withToken = createBuckets(limit, now)
  const from = (buckets: Buckets, address: string): { readonly result: RateLimitResult; giveBack(): void } => ({
    result: buckets.consume(address),
    giveBack: () => buckets.giveBack(address),
  })
  return {
    charge({ address, authorization, setRateLimitHeaders }) {
      let charged = from(unverified, address)
      if (!charged.result.allowed && authorization !== undefined && looksLikeToken(authorization))
        charged = from(withToken, address)
      setRateLimitHeaders('address', limit, charged.result)
      refuse('This address', charged.result)
      return charged.giveBack
    },
  }
}

function refuse(subject: string, { allowed, retryAfterSeconds }: RateLimitResult): void {
  if (!allowed)
    throw new Limited(`${subject} exceeded its rate limit: retry in ${retryAfterSeconds} s.`, retryAfterSeconds)
}

/** @throws Limited when no slot is free. */
function slotOf(
  slots: Slots,
  key: string,
  requests: string,
  code: 'overloaded' | 'rate-limited' = 'rate-limited',
): () => void {
  const leave = slots.take(key)
  if (!leave) throw new Limited(`Too many ${requests} are in flight: retry in 1 s.`, 1, code)
  return leave
}
