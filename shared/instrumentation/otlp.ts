/**
 * Sends spans and metrics by OTLP to the collector beside this service. The OpenTelemetry packages cost a quarter of a
 * second to import: spans are queued until they are imported, so that no request waits.
 */

import { randomUUID } from 'node:crypto'
import type { Log } from '../signals/log.ts'
import type { Instrument } from '../signals/metrics.ts'
import type { Pipeline } from './otlp-pipeline.ts'
import type { Attributes, FinishedSpan } from '../signals/span.ts'
import type { Sink } from './telemetry.ts'

export interface OtlpOptions {
  readonly service: string
  readonly version: string
  /** The address of the collector, without `/v1/traces`. */
  readonly endpoint: string
  readonly spanDelayMs: number
  readonly metricIntervalMs: number
  readonly log: Log
}

/** The buffer limits: further telemetry is counted and dropped, while the collector is unavailable or the packages are loading. */
const WAITING_SPANS = 2_048
const WAITING_MEASURES = 4_096
/** A part of the ten seconds that Cloud Run gives an instance after SIGTERM. */
const CLOSE_TIMEOUT_MS = 3_000

export function otlpSink(options: OtlpOptions): Sink {
  const spans: FinishedSpan[] = []
  const measures: [Instrument, number, Attributes][] = []
  let pipeline: Pipeline | undefined
  let opening: Promise<void> | undefined
  let timer: NodeJS.Timeout | undefined
  /** Here and in the pipeline, until a batch of them leaves. */
  let waitingSpans = 0
  const dropped = { spans: 0, measures: 0 }

  /** One line for all that were dropped since the last. */
  const logDropped = (): void => {
    if (dropped.spans + dropped.measures === 0) return
    options.log('WARNING', 'telemetry.dropped', { ...dropped })
    dropped.spans = dropped.measures = 0
  }
  const left = (count: number): void => {
    waitingSpans -= count
    logDropped()
  }
  const open = async (): Promise<void> => {
    const { openPipeline } = await import('./otlp-pipeline.ts')
    pipeline = openPipeline({ ...options, instanceId: randomUUID(), waitingSpans: WAITING_SPANS, left })
    for (const [instrument, value, attributes] of measures.splice(0)) pipeline.measure(instrument, value, attributes)
    for (const span of spans.splice(0)) pipeline.span(span)
  }
  const opened = (): Promise<void> =>
    (opening ??= open().catch((error: unknown) => options.log('WARNING', 'telemetry.unavailable', { error })))
  /** After the answer that is being given now. */
  const soon = (): void => {
    timer ??= setTimeout(() => void opened(), options.spanDelayMs).unref()
  }

  return {
    span(span) {
      if (waitingSpans === WAITING_SPANS) return void (dropped.spans += 1)
      waitingSpans += 1
      if (pipeline) return pipeline.span(span)
      spans.push(span)
      soon()
    },
    measure(instrument, value, attributes) {
      if (pipeline) return pipeline.measure(instrument, value, attributes)
      if (measures.length === WAITING_MEASURES) return void (dropped.measures += 1)
      measures.push([instrument, value, attributes])
      soon()
    },
    async close() {
      clearTimeout(timer)
      if (!opening && spans.length === 0 && measures.length === 0) return
      const flushed = opened().then(() => pipeline?.close())
      const given = new Promise<void>((resolve) => void setTimeout(resolve, CLOSE_TIMEOUT_MS).unref())
      await Promise.race([flushed, given])
      logDropped()
    },
  }
}
