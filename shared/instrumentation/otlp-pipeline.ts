/** OpenTelemetry's own batching, aggregation and OTLP export. Imported by `otlp.ts` alone, once there is something to send. */

import {
  type Counter as OtelCounter,
  type Histogram as OtelHistogram,
  SpanKind,
  SpanStatusCode,
} from '@opentelemetry/api'
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-http'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { AggregationTemporality, MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics'
import { BatchSpanProcessor, type ReadableSpan } from '@opentelemetry/sdk-trace'
import type { Log } from '../signals/log.ts'
import type { Instrument } from '../signals/metrics.ts'
import type { Attributes, FinishedSpan } from '../signals/span.ts'

export interface PipelineOptions {
  readonly service: string
  readonly version: string
  /** Two processes of a service must not write the same time series. */
  readonly instanceId: string
  readonly endpoint: string
  readonly spanDelayMs: number
  readonly metricIntervalMs: number
  readonly waitingSpans: number
  /** So many spans wait no longer: they are with the exporter. */
  left(spans: number): void
  readonly log: Log
}

export interface Pipeline {
  span(span: FinishedSpan): void
  measure(instrument: Instrument, value: number, attributes: Attributes): void
  close(): Promise<void>
}

/** A collector that does not answer within it has lost the batch. */
const EXPORT_TIMEOUT_MS = 5_000
/** The longest interval of `setInterval`: metrics are sent when there are new ones, not by the reader's own timer. */
const NEVER_MS = 2 ** 31 - 1
const scope = { name: 'millrace' }

type Resource = ReadableSpan['resource']

export function openPipeline(options: PipelineOptions): Pipeline {
  const resource = resourceOf(options)
  const watched = watching(options)
  const spans = spanProcessor(options, watched)
  const meters = meterProvider(options, resource, watched)
  const measure = recorder(meters)
  let timer: NodeJS.Timeout | undefined

  return {
    span: (span) => spans.onEnd(readable(span, resource)),
    measure(instrument, value, attributes) {
      measure(instrument, value, attributes)
      timer ??= setTimeout(() => {
        timer = undefined
        // `watched` has logged a failed export.
        void meters.forceFlush().catch(() => {})
      }, options.metricIntervalMs).unref()
    },
    async close() {
      clearTimeout(timer)
      await Promise.allSettled([spans.shutdown(), meters.shutdown()])
    },
  }
}

/** The SDK makes resources from a package of its own, which reads machine and process: these few are all we want. */
function resourceOf({ service, version, instanceId }: PipelineOptions): Resource {
  const attributes = {
    'service.name': service,
    'service.version': version,
    'service.instance.id': instanceId,
  }
  const resource: Resource = { attributes, merge: () => resource, getRawAttributes: () => Object.entries(attributes) }
  return resource
}

type Done = (result: { code: number; error?: Error }) => void

/** An unreachable collector is logged once, not for each batch. */
function watching({ endpoint, log }: PipelineOptions): (done: Done) => Done {
  let isGone = false
  return (done) => (result) => {
    const failed = result.code !== 0
    if (failed && !isGone) log('WARNING', 'telemetry.lost', { endpoint, reason: result.error?.message ?? 'no answer' })
    isGone = failed
    done(result)
  }
}

function spanProcessor(options: PipelineOptions, watched: (done: Done) => Done): BatchSpanProcessor {
  const exporter = new OTLPTraceExporter({ url: `${options.endpoint}/v1/traces`, timeoutMillis: EXPORT_TIMEOUT_MS })
  return new BatchSpanProcessor({
    exporter: {
      export(batch, done) {
        options.left(batch.length)
        exporter.export(batch, watched(done))
      },
      shutdown: () => exporter.shutdown(),
    },
    // Never reached: the caller counts waiting spans itself, since this queue drops spans silently.
    maxQueueSize: options.waitingSpans,
    scheduledDelayMillis: options.spanDelayMs,
    exportTimeoutMillis: 2 * EXPORT_TIMEOUT_MS,
  })
}

function meterProvider(options: PipelineOptions, resource: Resource, watched: (done: Done) => Done): MeterProvider {
  const exporter = new OTLPMetricExporter({ url: `${options.endpoint}/v1/metrics`, timeoutMillis: EXPORT_TIMEOUT_MS })
  const reader = new PeriodicExportingMetricReader({
    exporter: {
      export: (metrics, done) => exporter.export(metrics, watched(done)),
      forceFlush: () => exporter.forceFlush(),
      shutdown: () => exporter.shutdown(),
      // Cloud Monitoring takes no deltas.
      selectAggregationTemporality: () => AggregationTemporality.CUMULATIVE,
    },
    exportIntervalMillis: NEVER_MS,
    exportTimeoutMillis: 2 * EXPORT_TIMEOUT_MS,
  })
  return new MeterProvider({ resource, readers: [reader] })
}

function recorder(meters: MeterProvider): Pipeline['measure'] {
  const meter = meters.getMeter(scope.name)
  const made = new Map<string, OtelCounter | OtelHistogram>()
  const make = (instrument: Instrument): OtelCounter | OtelHistogram => {
    const { name, unit, description } = instrument
    return instrument.kind === 'counter'
      ? meter.createCounter(name, { unit, description })
      : meter.createHistogram(name, { unit, description, advice: { explicitBucketBoundaries: [...instrument.bounds] } })
  }
  return (instrument, value, attributes) => {
    const known = made.get(instrument.name) ?? make(instrument)
    made.set(instrument.name, known)
    if ('add' in known) known.add(value, attributes)
    else known.record(value, attributes)
  }
}

const kinds = { server: SpanKind.SERVER, client: SpanKind.CLIENT, consumer: SpanKind.CONSUMER } as const
const hr = (ms: number): [number, number] => [Math.floor(ms / 1000), Math.round((ms % 1000) * 1_000_000)]

/** Made from our own record: its ids are in messages that left long before these packages were loaded. */
function readable(span: FinishedSpan, resource: Resource): ReadableSpan {
  const { traceId, spanId } = span.context
  const contextOf = (id: string) => ({ traceId, spanId: id, traceFlags: 1 })
  return {
    name: span.name,
    kind: kinds[span.kind],
    spanContext: () => contextOf(spanId),
    ...(span.parentSpanId === undefined ? {} : { parentSpanContext: contextOf(span.parentSpanId) }),
    startTime: hr(span.startMs),
    endTime: hr(span.endMs),
    duration: hr(span.endMs - span.startMs),
    ended: true,
    status:
      span.error === undefined ? { code: SpanStatusCode.UNSET } : { code: SpanStatusCode.ERROR, message: span.error },
    attributes: { ...span.attributes },
    events: span.events.map(({ name, atMs, attributes }) => ({
      name,
      time: hr(atMs),
      attributes: { ...attributes },
      droppedAttributesCount: 0,
    })),
    links: [],
    resource,
    instrumentationScope: scope,
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
  }
}
