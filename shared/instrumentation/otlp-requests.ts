/**
 * The bodies of OTLP/HTTP in JSON, as Google's Telemetry API stores them:
 * https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding
 */

import { type Instrument, storedName } from '../signals/metrics.ts'
import type { Attributes, AttributeValue, FinishedSpan } from '../signals/span.ts'
import type { Series, Totals } from './totals.ts'

/** The process that sends. Two processes of a service must not write the same time series. */
export interface Origin {
  readonly service: string
  readonly version: string
  readonly instanceId: string
  readonly projectId: string
  readonly region: string
}

const scope = { name: 'millrace' }
/** Cloud Monitoring takes no deltas. */
const CUMULATIVE = 2
const kinds = { server: 2, client: 3, consumer: 5 } as const
const FAILED = 2

export const tracesBody = (origin: Origin, spans: readonly FinishedSpan[]): object => ({
  resourceSpans: [{ resource: resourceOf(origin), scopeSpans: [{ scope, spans: spans.map(spanOf) }] }],
})

/** @param sinceMs The start of the process, from which the totals count. */
export const metricsBody = (
  origin: Origin,
  totals: ReturnType<Totals['all']>,
  { sinceMs, nowMs }: { readonly sinceMs: number; readonly nowMs: number },
): object => {
  const times = { startTimeUnixNano: nanos(sinceMs), timeUnixNano: nanos(nowMs) }
  const metrics = totals.map(({ instrument, series }) => metricOf(instrument, series, times))
  return { resourceMetrics: [{ resource: resourceOf(origin), scopeMetrics: [{ scope, metrics }] }] }
}

/**
 * Spans without gcp.project_id are refused, points without an instance dropped; region and platform are their location.
 * https://cloud.google.com/stackdriver/docs/reference/telemetry/v1.metrics
 */
const resourceOf = ({ service, version, instanceId, projectId, region }: Origin): object => ({
  attributes: attributesOf({
    'service.name': service,
    'service.version': version,
    'service.instance.id': instanceId,
    'gcp.project_id': projectId,
    'cloud.provider': 'gcp',
    'cloud.platform': 'gcp_cloud_run',
    'cloud.region': region,
  }),
})

const spanOf = ({ name, kind, context, parentSpanId, startMs, endMs, attributes, events, error }: FinishedSpan) => ({
  traceId: context.traceId,
  spanId: context.spanId,
  ...(parentSpanId === undefined ? {} : { parentSpanId }),
  name,
  kind: kinds[kind],
  startTimeUnixNano: nanos(startMs),
  endTimeUnixNano: nanos(endMs),
  attributes: attributesOf(attributes),
  events: events.map((event) => ({
    timeUnixNano: nanos(event.atMs),
    name: event.name,
    attributes: attributesOf(event.attributes),
  })),
  status: error === undefined ? {} : { code: FAILED, message: error },
})

function metricOf(instrument: Instrument, series: readonly Series[], times: object): object {
  const { name, unit, description } = instrument
  const about = { name: storedName(name), unit, description }
  const point = ({ attributes }: Series): object => ({
    attributes: attributesOf(
      Object.fromEntries(Object.entries(attributes).map(([key, value]) => [storedName(key), value])),
    ),
    ...times,
  })
  if (instrument.kind === 'counter') {
    const dataPoints = series.map((one) => ({ ...point(one), asDouble: one.sum }))
    return { ...about, sum: { aggregationTemporality: CUMULATIVE, isMonotonic: true, dataPoints } }
  }
  const dataPoints = series.map((one) => ({
    ...point(one),
    count: String(one.buckets.reduce((total, count) => total + count, 0)),
    sum: one.sum,
    bucketCounts: one.buckets.map(String),
    explicitBounds: instrument.bounds,
  }))
  return { ...about, histogram: { aggregationTemporality: CUMULATIVE, dataPoints } }
}

const attributesOf = (attributes: Attributes): object[] =>
  Object.entries(attributes).map(([key, value]) => ({ key, value: valueOf(value) }))

function valueOf(value: AttributeValue): object {
  if (typeof value === 'string') return { stringValue: value }
  if (typeof value === 'boolean') return { boolValue: value }
  return Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value }
}

/** A decimal string: the number would exceed what a double holds exactly. */
const nanos = (ms: number): string => {
  const whole = Math.floor(ms)
  return `${whole}${String(Math.round((ms - whole) * 1_000_000) % 1_000_000).padStart(6, '0')}`
}
