/**
 * Sends spans and metrics by OTLP, before the last request of the instance is answered: on Cloud Run an instance without a
 * request has no CPU, and an export that has begun then is broken off.
 */

import { randomUUID } from 'node:crypto'
import { startTimer } from '../base/deadline.ts'
import { exchange, type WholeAnswer, type SentRequest } from '../http/send.ts'
import type { Log } from '../signals/log.ts'
import type { FinishedSpan } from '../signals/span.ts'
import { metricsBody, type Origin, tracesBody } from './otlp-requests.ts'
import type { Sink } from './telemetry.ts'
import { createTotals } from './totals.ts'

export interface OtlpOptions extends Omit<Origin, 'instanceId'> {
  /** The address of the receiver, without `/v1/traces`. */
  readonly endpoint: string
  /** The value of an authorization header. It may throw. */
  authorization(): Promise<string>
  /** The time after which spans are sent while requests overlap without an end. */
  readonly spanDelayMs: number
  /** The shortest time between two points of a metric. */
  readonly metricIntervalMs: number
  readonly log: Log
}

/** Further spans are counted and dropped while the receiver is unavailable. */
const WAITING_SPANS = 2_048
const BATCH_SPANS = 512
/** The longest time that a request waits for the export. */
export const FLUSH_TIMEOUT_MS = 1_000
/** A receiver that does not answer within it gets the batch again. */
export const EXPORT_TIMEOUT_MS = 5_000
/** After two failures in a row no request waits, and nothing is sent, for this time. One alone may be an export that lost its CPU. */
const RETRY_AFTER_MS = 30_000
const MAX_FAILURES = 2
/** A part of the ten seconds that Cloud Run gives an instance after SIGTERM. */
const CLOSE_TIMEOUT_MS = 3_000

export function otlpSink(options: OtlpOptions): Sink {
  const { log, endpoint } = options
  const origin: Origin = { ...options, instanceId: randomUUID() }
  const spans: FinishedSpan[] = []
  const totals = createTotals()
  const sinceMs = Date.now()
  let droppedSpans = 0
  let hasNewPoints = false
  let pointsSentMs = -Infinity
  let failures = 0
  let retryAtMs = -Infinity
  let timer: NodeJS.Timeout | undefined
  /** Resolves with whether the receiver took everything. */
  let exporting: Promise<boolean> | undefined
  let closing = false

  const pointsAreDue = (): boolean =>
    hasNewPoints && (closing || performance.now() - pointsSentMs >= options.metricIntervalMs)
  const isWaiting = (): boolean => spans.length > 0 || pointsAreDue()
  const isUnavailable = (): boolean => !closing && performance.now() < retryAtMs
  const failed = (reason: string): false => {
    failures += 1
    if (failures === MAX_FAILURES) log('WARNING', 'telemetry.unavailable', { endpoint, reason })
    if (failures >= MAX_FAILURES) retryAtMs = performance.now() + RETRY_AFTER_MS
    return false
  }

  const post = poster(options)
  const exportPoints = async (): Promise<void> => {
    hasNewPoints = false
    pointsSentMs = performance.now()
    try {
      await post('/v1/metrics', metricsBody(origin, totals.all(), { sinceMs, nowMs: Date.now() }))
    } catch (error) {
      hasNewPoints = true
      throw error
    }
  }
  const exportAll = async (): Promise<boolean> => {
    if (pointsAreDue()) await exportPoints()
    while (spans.length > 0) {
      const batch = spans.slice(0, BATCH_SPANS)
      await post('/v1/traces', tracesBody(origin, batch))
      spans.splice(0, batch.length)
      if (droppedSpans > 0) log('WARNING', 'telemetry.dropped', { spans: droppedSpans })
      droppedSpans = 0
    }
    failures = 0
    return true
  }
  /** The next export sends spans that are recorded during this one. */
  const drain = async (): Promise<void> => {
    while (isWaiting() && !isUnavailable()) {
      exporting ??= exportAll()
        .catch((error: unknown) => failed(reasonOf(error)))
        .finally(() => (exporting = undefined))
      if (!(await exporting)) return
    }
  }
  const soon = (delayMs: number): void => {
    timer ??= setTimeout(() => {
      timer = undefined
      void drain().then(() => {
        // A timer that spans began fires before points are due.
        if (hasNewPoints) soon(options.metricIntervalMs)
        else if (spans.length > 0) soon(options.spanDelayMs)
      })
    }, delayMs).unref()
  }

  return {
    span(span) {
      if (spans.length === WAITING_SPANS) return void (droppedSpans += 1)
      spans.push(span)
      soon(options.spanDelayMs)
    },
    measure(instrument, value, attributes) {
      totals.add(instrument, value, attributes)
      hasNewPoints = true
      soon(options.metricIntervalMs)
    },
    async flush() {
      // A late export goes on, as far as the CPU of further requests allows.
      if (isWaiting() && !isUnavailable()) await within(FLUSH_TIMEOUT_MS, drain())
    },
    async close() {
      closing = true
      clearTimeout(timer)
      await within(CLOSE_TIMEOUT_MS, drain())
      clearTimeout(timer)
      const left = spans.length + droppedSpans
      if (left > 0) log('WARNING', 'telemetry.dropped', { spans: left })
    },
  }
}

/** Sends one body. A receiver that refuses it would refuse it again: it is logged, and counts as sent. */
function poster({ endpoint, authorization, projectId, log }: OtlpOptions) {
  let isRefusing = false
  const refused = (path: string, reason: string): void => {
    if (!isRefusing) log('WARNING', 'telemetry.lost', { endpoint: `${endpoint}${path}`, reason })
    isRefusing = true
  }
  return async (path: string, body: object): Promise<void> => {
    const request = {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        authorization: await authorization(),
        'x-goog-user-project': projectId,
      },
      body: JSON.stringify(body),
    }
    const timer = startTimer(EXPORT_TIMEOUT_MS, () => new Error(`${path} gave no answer in time`))
    const response = await sentAgainIfBroken(`${endpoint}${path}`, { ...request, signal: timer.signal }).finally(
      timer.end,
    )
    const text = response.body.toString()
    if (response.status < 300) {
      const reason = partlyRefused(text)
      if (reason !== undefined) return refused(path, reason)
      isRefusing = false
    } else if (response.status === 429 || response.status >= 500 || isRedirect(response)) {
      throw new Error(`${path} answered ${response.status}`)
    } else {
      refused(path, `${response.status} ${text.slice(0, 300)}`)
    }
  }
}

/** A connection may have ended while the instance had no CPU: a second one is opened at once. */
const sentAgainIfBroken = (url: string, request: SentRequest): Promise<WholeAnswer> =>
  exchange(url, request).catch((error: unknown) => {
    if (!(error instanceof TypeError)) throw error
    return exchange(url, request)
  })

/** It is not followed, since it would get the credential, and may be over soon. */
const isRedirect = ({ status }: WholeAnswer): boolean => status >= 300 && status < 400

/** The reason that an answer names for spans or points that it did not accept. */
function partlyRefused(text: string): string | undefined {
  try {
    const { partialSuccess = {} } = JSON.parse(text) as { partialSuccess?: Record<string, unknown> }
    const { rejectedSpans = 0, rejectedDataPoints = 0, errorMessage = '' } = partialSuccess
    const count = Number(rejectedSpans) + Number(rejectedDataPoints)
    return count > 0 ? `${count} were rejected: ${String(errorMessage).slice(0, 300)}` : undefined
  } catch {
    return undefined
  }
}

/** The cause of a failed connection is one level deeper. */
function reasonOf(error: unknown): string {
  const { message, cause } = error as Error
  return cause instanceof Error ? `${message}: ${cause.message}` : message
}

/** Waits for the work, up to a limit. */
async function within(ms: number, work: Promise<void>): Promise<void> {
  let timeout: NodeJS.Timeout | undefined
  const late = new Promise<void>((resolve) => (timeout = setTimeout(resolve, ms)))
  try {
    await Promise.race([work, late])
  } finally {
    clearTimeout(timeout)
  }
}
