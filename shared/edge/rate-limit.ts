/** Rate limits by token buckets: one bucket for each key, in the memory of one instance. Each instance counts for itself. */

import type { Limit } from '../service/edge-settings.ts'

export interface RateLimitResult {
  readonly allowed: boolean
  /** Requests that are allowed at once. */
  readonly remaining: number
  /** The time until the next request is allowed, or this one if it was not; 0 if it is allowed now. */
  readonly retryAfterSeconds: number
  /** The time until the bucket is full. */
  readonly resetSeconds: number
}

export interface Buckets {
  /**
   * Takes a token, or as many as the request counts as. Without so many left, the request is not allowed and the bucket stays as it
   * is: one that comes again in time for all of them is allowed.
   */
  consume(key: string, count?: number): RateLimitResult
  /** Puts one consumed token back. */
  giveBack(key: string): void
  /** Reads the bucket and changes nothing: `remaining` counts the tokens that `consume` would take. */
  peek(key: string, count?: number): RateLimitResult
  readonly limit: Limit
  /** The number of keys in memory. */
  size(): number
}

/**
 * The maximum of keys in memory. A new key beyond it replaces the least recently used key, whose bucket is most likely full
 * again. An attack from more addresses than this is limited by `concurrentRequests` (shared/service/edge-settings.ts).
 */
export const MAX_KEYS = 10_000

export function createBuckets(limit: Limit, now: () => number): Buckets {
  const buckets = new Map<string, { tokens: number; atMs: number }>()

  const tokensOf = (key: string): number => {
    const bucket = buckets.get(key)
    if (!bucket) return limit.burst
    return Math.min(limit.burst, bucket.tokens + (Math.max(0, now() - bucket.atMs) / 1000) * limit.perSecond)
  }
  const resultOf = (tokens: number, allowed: boolean, needed = 1): RateLimitResult => ({
    allowed,
    remaining: Math.floor(tokens),
    retryAfterSeconds: tokens >= needed ? 0 : Math.ceil((needed - tokens) / limit.perSecond),
    resetSeconds: Math.ceil((limit.burst - tokens) / limit.perSecond),
  })

  return {
    limit,
    size: () => buckets.size,
    peek(key, count = 1) {
      const tokens = tokensOf(key)
      return resultOf(tokens, tokens >= count, count)
    },
    giveBack(key) {
      // A key that is not in memory has a full bucket.
      if (buckets.has(key)) buckets.set(key, { tokens: Math.min(limit.burst, tokensOf(key) + 1), atMs: now() })
    },
    consume(key, count = 1) {
      const tokens = tokensOf(key)
      const allowed = tokens >= count
      const left = allowed ? tokens - count : tokens
      // Deleted first, because a Map keeps the order of insertion: the first key is the least recently used one.
      buckets.delete(key)
      buckets.set(key, { tokens: left, atMs: now() })
      if (buckets.size > MAX_KEYS) buckets.delete(buckets.keys().next().value!)
      return resultOf(left, allowed, allowed ? 1 : count)
    },
  }
}
