/** Token buckets in memory, one for each key: bounded, and as exact as one instance can be. */

export interface Limit {
  /** Tokens that are refilled each second. */
  readonly perSecond: number
  /** Tokens of a full bucket. */
  readonly burst: number
}

export interface RateLimitResult {
  readonly allowed: boolean
  /** Whole requests left. */
  readonly remaining: number
  /** Until the next request is allowed; 0: now. */
  readonly retryAfterSeconds: number
  /** Until the bucket is full again. */
  readonly resetSeconds: number
}

export interface Buckets {
  /** Consumes a token, if one is left. */
  consume(key: string): RateLimitResult
  /** Returns a consumed token. */
  refund(key: string): void
  /** The result of `consume`, without consuming. */
  peek(key: string): RateLimitResult
  readonly limit: Limit
  /** How many keys are held. */
  size(): number
}

/**
 * Beyond it the least recently used key is removed, whose bucket is most likely full again. Attacks from that many
 * addresses are limited by the number of concurrent requests.
 */
export const KEYS_HELD = 10_000

export function createBuckets(limit: Limit, now: () => number): Buckets {
  const buckets = new Map<string, { tokens: number; atMs: number }>()

  const tokensOf = (key: string): number => {
    const bucket = buckets.get(key)
    if (!bucket) return limit.burst
    return Math.min(limit.burst, bucket.tokens + (Math.max(0, now() - bucket.atMs) / 1000) * limit.perSecond)
  }
  const resultOf = (tokens: number, allowed: boolean): RateLimitResult => ({
    allowed,
    remaining: Math.floor(tokens),
    retryAfterSeconds: tokens >= 1 ? 0 : Math.ceil((1 - tokens) / limit.perSecond),
    resetSeconds: Math.ceil((limit.burst - tokens) / limit.perSecond),
  })

  return {
    limit,
    size: () => buckets.size,
    peek(key) {
      const tokens = tokensOf(key)
      return resultOf(tokens, tokens >= 1)
    },
    refund(key) {
      // Where the key is forgotten its bucket is full.
      if (buckets.has(key)) buckets.set(key, { tokens: Math.min(limit.burst, tokensOf(key) + 1), atMs: now() })
    },
    consume(key) {
      const tokens = tokensOf(key)
      const left = tokens < 1 ? tokens : tokens - 1
      // Deleted first, so that the map is in order of use.
      buckets.delete(key)
      buckets.set(key, { tokens: left, atMs: now() })
      if (buckets.size > KEYS_HELD) buckets.delete(buckets.keys().next().value!)
      return resultOf(left, tokens >= 1)
    },
  }
}
