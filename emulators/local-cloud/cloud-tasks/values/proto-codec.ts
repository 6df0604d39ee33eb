/** Converts between google.cloud.tasks.v2's messages in the transport's form and the stored records. */

import { type HttpTarget, httpTargetOf, type WireHttpTarget, wireHttpTarget } from '../../core/http-target.ts'
import { msOf, type ProtoTime, protoTime } from '../../core/proto-values.ts'
import { invalidArgument } from '../../core/status.ts'
import { limits } from './limits.ts'
import {
  defaultRateLimits,
  defaultRetryConfig,
  type QueueRecord,
  type RateLimits,
  type RetryConfig,
  type TaskRecord,
} from './records.ts'

export interface WireQueue {
  readonly name?: string
  readonly rateLimits?: { readonly maxDispatchesPerSecond?: number; readonly maxConcurrentDispatches?: number } | null
  readonly retryConfig?: {
    readonly maxAttempts?: number
    readonly maxRetryDuration?: ProtoTime | null
    readonly minBackoff?: ProtoTime | null
    readonly maxBackoff?: ProtoTime | null
    readonly maxDoublings?: number
  } | null
  readonly appEngineRoutingOverride?: unknown
}

export interface WireTask {
  readonly name?: string
  readonly httpRequest?: (WireHttpTarget & { readonly url?: string }) | null
  readonly appEngineHttpRequest?: unknown
  readonly scheduleTime?: ProtoTime | null
  readonly dispatchDeadline?: ProtoTime | null
}

/** Settings of a queue; absent fields keep the values of `before`. */
export function settingsOf(
  queue: WireQueue,
  before?: QueueRecord,
): { rateLimits: RateLimits; retryConfig: RetryConfig } {
  const rate = queue.rateLimits ?? {}
  const retry = queue.retryConfig ?? {}
  const rateBefore = before?.rateLimits ?? defaultRateLimits
  const retryBefore = before?.retryConfig ?? defaultRetryConfig
  const rateLimits = {
    // The wire has 0 for "not set".
    maxDispatchesPerSecond: rate.maxDispatchesPerSecond || rateBefore.maxDispatchesPerSecond,
    maxConcurrentDispatches: rate.maxConcurrentDispatches || rateBefore.maxConcurrentDispatches,
  }
  const retryConfig = {
    maxAttempts: retry.maxAttempts || retryBefore.maxAttempts,
    maxRetryMs: retry.maxRetryDuration ? msOf(retry.maxRetryDuration) : retryBefore.maxRetryMs,
    minBackoffMs: retry.minBackoff ? msOf(retry.minBackoff) : retryBefore.minBackoffMs,
    maxBackoffMs: retry.maxBackoff ? msOf(retry.maxBackoff) : retryBefore.maxBackoffMs,
    maxDoublings: retry.maxDoublings || retryBefore.maxDoublings,
  }
  const { maxDispatchesPerSecond: perSecond, maxConcurrentDispatches: concurrent } = rateLimits
  if (perSecond < 0 || perSecond > limits.dispatchesPerSecond) {
    throw invalidArgument(
      `Queue.rate_limits.max_dispatches_per_second must be between 0 and ${limits.dispatchesPerSecond}, not ${perSecond}.`,
    )
  }
  if (concurrent < 0 || concurrent > limits.concurrentDispatches) {
    throw invalidArgument(
      `Queue.rate_limits.max_concurrent_dispatches must be between 0 and ${limits.concurrentDispatches}, not ${concurrent}.`,
    )
  }
  if (retryConfig.maxAttempts < -1)
    throw invalidArgument(`Queue.retry_config.max_attempts must be -1 or more, not ${retryConfig.maxAttempts}.`)
  if (retryConfig.minBackoffMs > retryConfig.maxBackoffMs) {
    throw invalidArgument('Queue.retry_config.min_backoff must not exceed Queue.retry_config.max_backoff.')
  }
  return { rateLimits, retryConfig }
}

export function wireQueue({ name, state, rateLimits, retryConfig, purgedAtMs }: QueueRecord): object {
  return {
    name,
    state,
    rateLimits: { ...rateLimits, maxBurstSize: Math.max(1, Math.ceil(rateLimits.maxDispatchesPerSecond / 5)) },
    retryConfig: {
      maxAttempts: retryConfig.maxAttempts,
      ...(retryConfig.maxRetryMs > 0 ? { maxRetryDuration: protoTime(retryConfig.maxRetryMs) } : {}),
      minBackoff: protoTime(retryConfig.minBackoffMs),
      maxBackoff: protoTime(retryConfig.maxBackoffMs),
      maxDoublings: retryConfig.maxDoublings,
    },
    ...(purgedAtMs === undefined ? {} : { purgeTime: protoTime(purgedAtMs) }),
  }
}

/** @throws INVALID_ARGUMENT that names the field. */
export function httpRequestOf(task: WireTask): HttpTarget {
  if (task.appEngineHttpRequest)
    throw invalidArgument('Task.app_engine_http_request is not served by the local cloud: use Task.http_request.')
  const request = task.httpRequest
  if (!request) throw invalidArgument('Task.http_request is required.')
  const { urlCharacters } = limits
  return httpTargetOf(request.url ?? '', request, { message: 'Task.http_request', address: 'url', urlCharacters })
}

export function wireTask(task: TaskRecord, full: boolean): object {
  const { body, ...basic } = wireHttpTarget(task.request)
  return {
    name: task.name,
    httpRequest: { url: task.request.url, ...basic, ...(full ? { body } : {}) },
    scheduleTime: protoTime(task.dueMs),
    createTime: protoTime(task.createdAtMs),
    dispatchDeadline: protoTime(task.deadlineMs),
    dispatchCount: task.attempts,
    responseCount: task.responses,
    ...(task.firstAttemptMs === undefined ? {} : { firstAttempt: { dispatchTime: protoTime(task.firstAttemptMs) } }),
    view: full ? 'FULL' : 'BASIC',
  }
}
