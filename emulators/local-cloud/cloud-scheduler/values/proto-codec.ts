/** Converts between google.cloud.scheduler.v1's messages in the transport's form and the stored records. */

import { httpTargetOf, type HttpTarget, type WireHttpTarget, wireHttpTarget } from '../../core/http-target.ts'
import { maybeMs, type MaybeTime, protoTime } from '../../core/proto-values.ts'
import { invalidArgument } from '../../core/status.ts'
import { limits } from './limits.ts'
import { defaultRetryConfig, type JobRecord, type RetryConfig } from './records.ts'

interface WireRetryConfig {
  readonly retryCount?: number
  readonly maxRetryDuration?: MaybeTime
  readonly minBackoffDuration?: MaybeTime
  readonly maxBackoffDuration?: MaybeTime
  readonly maxDoublings?: number
}

export interface WireJob {
  readonly name?: string
  readonly description?: string
  readonly schedule?: string
  readonly timeZone?: string
  readonly httpTarget?: (WireHttpTarget & { readonly uri?: string }) | null
  readonly pubsubTarget?: unknown
  readonly appEngineHttpTarget?: unknown
  readonly retryConfig?: WireRetryConfig | null
  readonly attemptDeadline?: MaybeTime
}

/** The parts of a job that clients write. */
export type JobSettings = Pick<
  JobRecord,
  'description' | 'schedule' | 'timeZone' | 'target' | 'retryConfig' | 'deadlineMs'
>

/** @throws INVALID_ARGUMENT that names the field. */
export function settingsOf(job: WireJob): JobSettings {
  const description = job.description ?? ''
  if (description.length > limits.descriptionCharacters)
    throw invalidArgument(
      `Job.description has ${description.length} characters, at most ${limits.descriptionCharacters}.`,
    )
  if (!job.schedule) throw invalidArgument('Job.schedule is required.')
  return {
    description,
    schedule: job.schedule,
    timeZone: job.timeZone || 'Etc/UTC',
    target: targetOf(job),
    retryConfig: retryConfigOf(job.retryConfig ?? {}),
    deadlineMs: deadlineOf(job),
  }
}

function targetOf({ httpTarget, pubsubTarget, appEngineHttpTarget }: WireJob): HttpTarget {
  if (pubsubTarget) throw invalidArgument('Job.pubsub_target is not served by the local cloud: use Job.http_target.')
  if (appEngineHttpTarget)
    throw invalidArgument('Job.app_engine_http_target is not served by the local cloud: use Job.http_target.')
  if (!httpTarget) throw invalidArgument('Job.http_target is required.')
  const { urlCharacters, bodyBytes } = limits
  const place = { message: 'Job.http_target', address: 'uri', urlCharacters }
  const target = httpTargetOf(httpTarget.uri ?? '', httpTarget, place)
  const bytes = Buffer.byteLength(target.body, 'base64')
  if (bytes > bodyBytes) throw invalidArgument(`Job.http_target.body has ${bytes} bytes, at most ${bodyBytes}.`)
  return target
}

function deadlineOf({ attemptDeadline }: WireJob): number {
  const deadlineMs = maybeMs(attemptDeadline) ?? limits.deadlineDefaultMs
  if (deadlineMs < limits.deadlineMinMs || deadlineMs > limits.deadlineMaxMs)
    throw invalidArgument(`Job.attempt_deadline must be between 15s and 30m, not ${deadlineMs / 1000}s.`)
  return deadlineMs
}

function retryConfigOf(given: WireRetryConfig): RetryConfig {
  const config = {
    retryCount: given.retryCount ?? 0,
    maxRetryMs: maybeMs(given.maxRetryDuration) ?? defaultRetryConfig.maxRetryMs,
    minBackoffMs: maybeMs(given.minBackoffDuration) ?? defaultRetryConfig.minBackoffMs,
    maxBackoffMs: maybeMs(given.maxBackoffDuration) ?? defaultRetryConfig.maxBackoffMs,
    // The wire has 0 for "not set".
    maxDoublings: given.maxDoublings || defaultRetryConfig.maxDoublings,
  }
  const { retryCount, maxRetryMs, minBackoffMs, maxBackoffMs, maxDoublings } = config
  if (retryCount < 0 || retryCount > limits.retryCount)
    throw invalidArgument(`Job.retry_config.retry_count must be between 0 and ${limits.retryCount}, not ${retryCount}.`)
  if (maxDoublings < 0 || maxDoublings > limits.doublings)
    throw invalidArgument(
      `Job.retry_config.max_doublings must be between 0 and ${limits.doublings}, not ${maxDoublings}.`,
    )
  if (maxRetryMs < 0 || minBackoffMs < 0) throw invalidArgument('Job.retry_config: a duration must not be negative.')
  if (minBackoffMs > maxBackoffMs)
    throw invalidArgument(
      'Job.retry_config.min_backoff_duration must not exceed Job.retry_config.max_backoff_duration.',
    )
  return config
}

export function wireJob(job: JobRecord): WireJob & Record<string, unknown> {
  const { retryCount, maxRetryMs, minBackoffMs, maxBackoffMs, maxDoublings } = job.retryConfig
  return {
    name: job.name,
    description: job.description,
    httpTarget: { uri: job.target.url, ...wireHttpTarget(job.target) },
    schedule: job.schedule,
    timeZone: job.timeZone,
    userUpdateTime: protoTime(job.changedAtMs),
    state: job.state,
    // A paused job is due at no time.
    ...(job.state === 'ENABLED' ? { scheduleTime: protoTime(job.nextMs) } : {}),
    ...(job.lastAttemptMs === undefined ? {} : { lastAttemptTime: protoTime(job.lastAttemptMs) }),
    ...(job.status === undefined ? {} : { status: { ...job.status, details: [] } }),
    retryConfig: {
      retryCount,
      maxRetryDuration: protoTime(maxRetryMs),
      minBackoffDuration: protoTime(minBackoffMs),
      maxBackoffDuration: protoTime(maxBackoffMs),
      maxDoublings,
    },
    attemptDeadline: protoTime(job.deadlineMs),
  }
}
