/** The records of jobs in the journal, as plain JSON. */

import type { Backoff } from '../../core/backoff.ts'
import type { HttpTarget } from '../../core/http-target.ts'

export interface RetryConfig extends Backoff {
  /** 0: a failed attempt is not repeated. */
  readonly retryCount: number
  /** 0: no limit in time. */
  readonly maxRetryMs: number
}

/** An execution of a job whose first attempt has begun, and that has not ended. */
export interface Execution {
  /** The time at which the job was due. */
  readonly scheduledMs: number
  readonly firstAttemptMs: number
  /** Failed attempts so far. */
  readonly attempts: number
  /** When the next attempt is due. */
  readonly dueMs: number
}

export interface JobRecord {
  readonly name: string
  readonly description: string
  readonly schedule: string
  readonly timeZone: string
  readonly target: HttpTarget
  readonly retryConfig: RetryConfig
  readonly deadlineMs: number
  readonly state: 'ENABLED' | 'PAUSED'
  readonly changedAtMs: number
  /** When the job is due next. */
  readonly nextMs: number
  readonly execution?: Execution
  readonly lastAttemptMs?: number
  /** Of the last attempt; absent before the first one. Code 0: it succeeded. */
  readonly status?: { readonly code: number; readonly message: string }
}

export const defaultRetryConfig: RetryConfig = {
  retryCount: 0,
  maxRetryMs: 0,
  minBackoffMs: 5_000,
  maxBackoffMs: 3_600_000,
  maxDoublings: 5,
}
