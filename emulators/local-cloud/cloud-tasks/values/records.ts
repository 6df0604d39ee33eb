/** The records of queues and tasks in the journal, as plain JSON. */

import type { Backoff } from '../../core/backoff.ts'
import type { HttpTarget } from '../../core/http-target.ts'

export interface RateLimits {
  readonly maxDispatchesPerSecond: number
  readonly maxConcurrentDispatches: number
}

export interface RetryConfig extends Backoff {
  /** -1: without end. */
  readonly maxAttempts: number
  /** 0: no limit in time. */
  readonly maxRetryMs: number
}

export interface QueueRecord {
  readonly name: string
  readonly state: 'RUNNING' | 'PAUSED'
  readonly rateLimits: RateLimits
  readonly retryConfig: RetryConfig
  readonly purgedAtMs?: number
}

export interface TaskRecord {
  readonly name: string
  readonly createdAtMs: number
  /** When the task was asked for; headers and backoff count from it. */
  readonly etaMs: number
  /** When the next attempt is due. */
  readonly dueMs: number
  readonly deadlineMs: number
  readonly request: HttpTarget
  readonly attempts: number
  /** Attempts that got an HTTP answer. */
  readonly responses: number
  readonly firstAttemptMs?: number
  readonly lastStatus?: number
  readonly lastReason?: string
}

export const defaultRateLimits: RateLimits = { maxDispatchesPerSecond: 500, maxConcurrentDispatches: 1000 }
export const defaultRetryConfig: RetryConfig = {
  maxAttempts: 100,
  maxRetryMs: 0,
  minBackoffMs: 100,
  maxBackoffMs: 3_600_000,
  maxDoublings: 16,
}
