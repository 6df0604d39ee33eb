/** One webhook to one endpoint, and when it is tried again. No clock, no I/O. */

import type { WebhookType } from './contracts.ts'

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
  /** Within the round. */
  readonly attempts: number
  readonly deliveredAt?: string
  readonly lastFailure?: string
}

/** When the attempt after this one is due; undefined: it was the last. */
export function nextAttemptMs(attempt: number, atMs: number): number | undefined {
  const seconds = RETRY_AFTER_SECONDS[attempt - 1]
  return seconds === undefined ? undefined : atMs + seconds * 1_000
}

/** The body of a webhook: the receiver asks the API for the rest, with its own rights. */
export const bodyOf = (type: WebhookType, time: string, orderId: string): string =>
  JSON.stringify({ type, timestamp: time, data: { orderId, href: `/v1/orders/${encodeURIComponent(orderId)}` } })
