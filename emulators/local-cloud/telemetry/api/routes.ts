/** OTLP/HTTP like a collector's, and queries of people for traces and metrics under `/_local`. */

import { Hono, type Context } from 'hono'
import type { Http } from '../../core/service.ts'
import { invalidArgument, notFound, StatusError } from '../../core/status.ts'
import { limits } from '../values/limits.ts'
import type { Metrics } from '../metrics.ts'
import {
  encodingOf,
  metricsRequest,
  readBody,
  type Signal,
  traceRequest,
  writeAnswer,
  writeStatus,
} from '../values/otlp.ts'
import type { Traces } from '../traces.ts'

const LISTED = 20

export function telemetryRoutes(traces: Traces, metrics: Metrics): Http {
  const app: Http = new Hono()
  app.post('/v1/traces', (c) => receive(c, 'Trace', (message) => addSpans(traces, message)))
  app.post('/v1/metrics', (c) => receive(c, 'Metrics', (message) => addMetrics(metrics, message)))

  app.get('/_local/traces', (c) => {
    const limit = Number(c.req.query('limit') ?? LISTED)
    if (!Number.isInteger(limit) || limit < 1 || limit > limits.listed)
      throw invalidArgument(`limit takes a number from 1 to ${limits.listed}, not "${c.req.query('limit')}".`)
    const { correlationId, root } = c.req.query()
    return c.json({ traces: traces.list({ correlationId, root, limit }) })
  })
  app.get('/_local/traces/:traceId', (c) => {
    const { traceId } = c.req.param()
    const spans = traces.spansOf(traceId)
    if (spans.length === 0) throw notFound(`Nothing is known of the trace ${traceId}.`)
    return c.json({ traceId, spans })
  })
  app.get('/_local/metrics', (c) => c.json({ metrics: metrics.list() }))
  return app
}

interface Taken {
  readonly rejected: number
  readonly reason: string
}

async function receive(c: Context, signal: Signal, take: (message: unknown) => Taken): Promise<Response> {
  const type = c.req.header('content-type')
  try {
    const bytes = Buffer.from(await c.req.arrayBuffer())
    const { encoding, message } = readBody(signal, bytes, { type, encoding: c.req.header('content-encoding') })
    const { rejected, reason } = take(message)
    return c.body(writeAnswer(signal, encoding, rejected, reason), 200, { 'content-type': type! })
  } catch (error) {
    if (!(error instanceof StatusError)) throw error
    if (error.code === 'UNIMPLEMENTED') return c.text(error.message, 415)
    const body = writeStatus(encodingOf(type), { code: error.grpcCode, message: error.message })
    return c.body(body, 400, { 'content-type': type! })
  }
}

function addSpans(traces: Traces, message: unknown): Taken {
  const { data, error } = traceRequest.safeParse(message)
  if (!data) throw invalidArgument(`The body is not an ExportTraceServiceRequest: ${error.issues[0]?.message}.`)
  const rejected = data.resourceSpans.map(({ resource, scopeSpans }) =>
    traces.add(
      String(resource.attributes['service.name'] ?? 'unknown'),
      scopeSpans.flatMap(({ spans }) => spans),
    ),
  )
  return {
    rejected: total(rejected),
    reason: `spans without valid ids and times, larger than ${limits.spanCharacters} characters, or beyond the maximum of one trace`,
  }
}

function addMetrics(metrics: Metrics, message: unknown): Taken {
  const { data, error } = metricsRequest.safeParse(message)
  if (!data) throw invalidArgument(`The body is no ExportMetricsServiceRequest: ${error.issues[0]?.message}.`)
  const rejected = data.resourceMetrics.flatMap(({ resource, scopeMetrics }) =>
    scopeMetrics.flatMap((scope) => scope.metrics).map((metric) => metrics.add(resource.attributes, metric)),
  )
  return {
    rejected: total(rejected),
    reason: `only gauges, sums and histograms are accepted, of at most ${limits.seriesCharacters} characters, in a limited number of time series`,
  }
}

const total = (numbers: readonly number[]): number => numbers.reduce((all, one) => all + one, 0)
