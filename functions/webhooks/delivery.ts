/** One webhook to one endpoint, and when it is tried again. No clock, no I/O. */

import type { WebhookType } from './contracts.ts'
import type { Speed } from './receiver-bulkhead.ts'

/**
 * After each failed attempt: the schedule that Standard Webhooks recommends, three days in all. A receiver that is restarted gets it
 * within seconds, one that is out over a weekend once it is back.
 */
export const RETRY_AFTER_SECONDS = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400] as const

export interface WebhookDelivery {
  readonly customer: string
  readonly endpointId: string
  readonly webhookId: string
  readonly type: WebhookType
  /** The body, the same at each attempt. */
  readonly body: string
  readonly status: 'waiting' | 'delivered' | 'failed'
  readonly createdAt: string
  /** Of replays; from 1. */
  readonly round: number
  /** Of a replay; absent: the round began with the delivery. */
  readonly begunAt?: string
  /** Within the round. */
  readonly attempts: number
  readonly deliveredAt?: string
  /** Of the last round that failed; absent: it failed before this was recorded. */
  readonly failedAt?: string
  readonly lastFailure?: string
  /** The receiver, which was not known as a slow one, gave no answer in the short time of its first try. */
  readonly hangs?: boolean
}

/**
 * The time of a try at a receiver that is not known as a slow one: many that were quick and hang together hold their places for no
 * longer. Without an answer it is made again with all of its time, beside those of slow receivers. So it is no attempt.
 */
export const SHORT_TRY_MS = 2_000

/** Of a replay. Undefined: another one has begun this round, and it may be over. A second one would wait for a task that comes once. */
export const begun = (
  stored: WebhookDelivery | undefined,
  round: number,
  begunAt: string,
): WebhookDelivery | undefined =>
  stored?.status === 'failed' && stored.round === round - 1
    ? { ...stored, status: 'waiting', round, begunAt, attempts: 0, hangs: false }
    : undefined

/**
 * The end of an attempt. Undefined: it is recorded already, or a replay has begun since. A task may come twice, and one of both late:
 * a webhook that the receiver took has arrived, whatever came of the other copy, or of later attempts.
 */
export function recorded(
  stored: WebhookDelivery | undefined,
  { round, attempt }: { readonly round: number; readonly attempt: number },
  change: Partial<WebhookDelivery>,
): WebhookDelivery | undefined {
  if (stored?.round !== round || stored.status === 'delivered') return undefined
  if (change.status === 'delivered')
    return { ...stored, ...change, attempts: Math.max(stored.attempts, change.attempts ?? 0) }
  return stored.status === 'waiting' && stored.attempts < attempt ? { ...stored, ...change } : undefined
}

/** A receiver may ask for more time than the schedule gives, and no more than the schedule's longest. */
const MAX_RETRY_AFTER_MS = 86_400_000

/** @param value The header: seconds, or a date. What is neither is no wait. */
function retryAfterMs(value: string, atMs: number): number {
  const waitMs = /^\d{1,9}$/.test(value) ? Number(value) * 1_000 : Date.parse(value) - atMs
  return waitMs > 0 ? Math.min(waitMs, MAX_RETRY_AFTER_MS) : 0
}

/** When the attempt after this one is due, by the schedule or by a longer Retry-After; undefined: it was the last. */
export function nextAttemptMs(attempt: number, atMs: number, retryAfter = ''): number | undefined {
  const seconds = RETRY_AFTER_SECONDS[attempt - 1]
  return seconds === undefined ? undefined : atMs + Math.max(seconds * 1_000, retryAfterMs(retryAfter, atMs))
}

/** A quick receiver has answered by then, and of an untried one it is known whether it is quick. */
const MIN_DEFERRAL_MS = { quick: 1_000, untried: 1_000, slow: 10_000 } as const
const MAX_DEFERRAL_MS = 600_000

/**
 * When an attempt comes again for which its endpoint had no free slot. The wait grows with the age of the round, so that many that
 * wait cost little, and differs by `share`, so that they do not come together.
 * @param share From 0 to 1.
 */
export function deferredUntilMs(
  { createdAt, begunAt = createdAt }: WebhookDelivery,
  atMs: number,
  { speed, share }: { readonly speed: Speed; readonly share: number },
): number {
  const longest = Math.min(Math.max(atMs - Date.parse(begunAt), MIN_DEFERRAL_MS[speed]), MAX_DEFERRAL_MS)
  return atMs + Math.round((longest * (1 + share)) / 2)
}

/** The body of the post that verifies an endpoint: its receiver answers with the challenge alone, so that a server that returns all it gets proves nothing. */
export const challengeBody = (challenge: string, time: string): string =>
  JSON.stringify({ type: 'endpoint.verification', timestamp: time, data: { challenge } })

/** The body of a webhook: the receiver asks the API for the rest, with its own rights. */
export const bodyOf = (type: WebhookType, time: string, orderId: string): string =>
  JSON.stringify({ type, timestamp: time, data: { orderId, href: `/v1/orders/${encodeURIComponent(orderId)}` } })
