/** The records of queues and tasks in the journal, as plain JSON. */

export interface RateLimits {
  readonly maxDispatchesPerSecond: number
  readonly maxConcurrentDispatches: number
}

export interface RetryConfig {
  /** -1: without end. */
  readonly maxAttempts: number
  /** 0: no limit in time. */
  readonly maxRetryMs: number
  readonly minBackoffMs: number
  readonly maxBackoffMs: number
  readonly maxDoublings: number
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
  readonly request: HttpRequestRecord
  readonly attempts: number
  /** Attempts that got an HTTP answer. */
  readonly responses: number
  readonly firstAttemptMs?: number
  readonly lastStatus?: number
  readonly lastReason?: string
}

export interface HttpRequestRecord {
  readonly url: string
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  /** Base64. */
  readonly body: string
  readonly oidc?: { readonly email: string; readonly audience: string }
}

export const defaultRateLimits: RateLimits = { maxDispatchesPerSecond: 500, maxConcurrentDispatches: 1000 }
export const defaultRetryConfig: RetryConfig = {
  maxAttempts: 100,
  maxRetryMs: 0,
  minBackoffMs: 100,
  maxBackoffMs: 3_600_000,
  maxDoublings: 16,
}
