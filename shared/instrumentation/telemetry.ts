/** One function for each kind of event feeds log, metric and span together. */

import type { Envelope } from '../contracts/envelope.ts'
import type { Refused } from '../base/errors.ts'
import { stuckEvent } from '../base/names.ts'
import type { Log } from '../signals/log.ts'
import type { CircuitState } from '../http/resilience.ts'
import type { HedgeOutcome } from '../http/hedge.ts'
import type { MissedPart } from '../service/platform.ts'
import { isTimedOut } from '../saga/saga.ts'
import type { Service } from '../service/service.ts'
import type { Commit, StoredStream } from '../messaging/stream-store.ts'
import {
  INNER_TRACE_HEADER,
  newSpanId,
  newTraceId,
  parseTrace,
  type TraceContext,
  traceparentOf,
} from '../base/trace.ts'
import { type Instrument, metrics, TIMED_OUT } from '../signals/metrics.ts'
import {
  type Attributes,
  createTracer,
  currentSpan,
  type FinishedSpan,
  type InSpan,
  type Span,
} from '../signals/span.ts'

/** Where it goes. None of these throws; `span` and `measure` do not wait. */
export interface Sink {
  span(span: FinishedSpan): void
  measure(instrument: Instrument, value: number, attributes: Attributes): void
  /** Exports what is queued, and waits for it for a limited time. */
  flush(): Promise<void>
  /** Exports the queued spans and points, within a time limit. */
  close(): Promise<void>
}

export interface TelemetryParts {
  readonly service: string
  /** Called from the internet: its callers decide neither sampling nor the parent span. */
  readonly isEdge: boolean
  readonly saga?: Service['saga']
  readonly log: Log
  readonly sink: Sink
  readonly sampledShare: number
  now?(): number
  random?(): number
}

export interface Attempt {
  readonly kind: 'event' | 'command'
  readonly type: string
  /** Counts from 1. */
  readonly attempt: number
  readonly messageId: string
  /** Absent when it could not be read. */
  readonly message?: Envelope | undefined
  /** Of a message that could not be parsed: the traceparent of its headers. */
  readonly traceparent?: string | undefined
}

/** A message, or as much as is known of one that could not be read. */
type Named = Pick<Envelope, 'type'> & Partial<Envelope>

export interface Telemetry {
  /** One delivery of an event or a command; a repeat is an attempt of its own. */
  attempt<T>(about: Attempt, work: () => Promise<T>): Promise<T>
  handled(message: Envelope): void
  refused(message: Envelope, error: Refused): void
  retryLater(message: Named, error: Error): void
  failed(message: Named, error: unknown): void
  deadLettered(type: string, reason: string): void
  /** It could not be dead-lettered: it is redelivered. */
  deadLetterFailed(type: string, reason: string): void
  stuck(message: Named, attempt: number): void
  /** Called once when a decision is committed, however often it is published. */
  committed(commit: Commit, stream: StoredStream): void
  /** One HTTP request. A delivery has a span already. When no other request is in flight, it ends after an export. */
  request(about: HttpRequest, work: () => Promise<HttpAnswer>): Promise<void>
  /** A query to another service: the callee has a span, so this side has one only when it failed. */
  query<T>(about: { readonly service: string; readonly method: string }, work: () => Promise<T>): Promise<T>
  /** A call out of the platform. */
  partner<T extends { readonly status: number }>(
    about: { readonly operation: string; readonly server: string },
    work: () => Promise<T>,
  ): Promise<T>
  /** The circuit before a callee changed to this state; `reason`: the failure that opened it. */
  circuit(transition: {
    readonly callee: string
    readonly state: CircuitState
    readonly reason?: string | undefined
  }): void
  /** A read was sent a second time. */
  hedged(read: { readonly callee: string; readonly outcome: HedgeOutcome }): void
  /** A part of a composite answer could not be read; `fallback`: what took its place. */
  partMissing(missing: MissedPart): void
  /** A request to a deprecated operation. `caller` has few values, `subject` is in the log alone. */
  deprecatedUse(use: {
    readonly operation: string
    readonly caller: string
    readonly subject?: string | undefined
  }): void
  /** The answer of a second system was compared with that of the first. */
  compared(comparison: { readonly operation: string; readonly outcome: string }): void
  close(): Promise<void>
}

export interface HttpRequest {
  readonly method: string
  readonly isDelivery: boolean
  header(name: string): string | undefined
}

export interface HttpAnswer {
  readonly status: number
  /** The pattern, not the path; absent when none matched. */
  readonly route?: string
}

/** The trace of the present work; a new trace when nothing is traced. */
export const traceparent = (): string =>
  currentSpan()?.traceparent ?? traceparentOf({ traceId: newTraceId(), spanId: newSpanId(), sampled: true })

/** Headers that carry it to another service. */
export function traceHeaders(): Record<string, string> {
  const span = currentSpan()
  return span ? { traceparent: span.traceparent, [INNER_TRACE_HEADER]: span.traceparent } : {}
}

export function createTelemetry(parts: TelemetryParts): Telemetry {
  const { sink } = parts
  const inSpan = createTracer({ ...parts, ended: (span) => sink.span(span) })
  return { ...ofMessages(parts, inSpan), ...ofCalls(parts, inSpan), close: () => sink.close() }
}

function ofMessages(
  { service, saga, log, sink }: TelemetryParts,
  inSpan: InSpan,
): Pick<
  Telemetry,
  | 'attempt'
  | 'handled'
  | 'refused'
  | 'retryLater'
  | 'failed'
  | 'deadLettered'
  | 'deadLetterFailed'
  | 'stuck'
  | 'committed'
> {
  const endings = new Map(Object.entries<string | undefined>(saga?.endsOn ?? {}))
  const about = ({ type, id, subject }: Named) => ({ type, id, subject })
  return {
    attempt({ kind, type, attempt, messageId, message, traceparent: beside }, work) {
      if (attempt > 1) sink.measure(metrics.retries, 1, { service, kind })
      const parent = parseTrace(message?.traceparent ?? beside)
      const options = {
        name: `process ${type}`,
        kind: 'consumer' as const,
        ...(parent ? { parent } : {}),
        ...(message ? { correlationId: message.correlationId } : {}),
        attributes: {
          'messaging.system': kind === 'event' ? 'gcp_pubsub' : 'gcp_tasks',
          'messaging.message.id': messageId,
          'millrace.attempt': attempt,
        },
      }
      return inSpan(options, work)
    },
    handled: (message) => log('INFO', message.type, { id: message.id, subject: message.subject }),
    refused(message, { code, message: reason }) {
      log('WARNING', 'message.refused', { ...about(message), code, reason })
      currentSpan()?.set({ 'millrace.refused': code })
    },
    retryLater(message, { message: reason }) {
      log('WARNING', 'message.retry-later', { ...about(message), reason })
      currentSpan()?.fail(reason)
    },
    failed(message, error) {
      log('ERROR', 'message.failed', { ...about(message), error })
      currentSpan()?.fail(error instanceof Error ? error.message : String(error))
    },
    deadLettered(type, reason) {
      log('ERROR', 'message.dead-lettered', { type, reason })
      sink.measure(metrics.deadLetters, 1, { service, type })
      currentSpan()?.fail(`dead-lettered: ${reason}`)
    },
    deadLetterFailed(type, reason) {
      log('WARNING', 'message.retry-later', { type, reason: `not dead-lettered: ${reason}` })
      currentSpan()?.fail(`not dead-lettered: ${reason}`)
    },
    stuck({ type }, attempt) {
      log('ERROR', stuckEvent, { step: type, attempt })
      currentSpan()?.event(stuckEvent, { attempt })
    },
    committed({ time, correlationId, events }, { commits }) {
      const span = currentSpan()
      const types = events.map(({ type }) => type)
      span?.correlate(correlationId)
      span?.event('committed', { 'millrace.events': types.join(' ') })
      // A delivery is logged at its end; the commit of an HTTP request is logged here.
      if (span?.kind === 'server') log('INFO', types[0] ?? 'committed', { correlationId })
      for (const { type, data } of events) {
        if (type === stuckEvent) log('ERROR', stuckEvent, { ...(data as object), correlationId })
      }
      const end = events.find(({ type }) => endings.has(type))
      if (!saga || !end) return
      const { reason } = end.data as { reason?: unknown }
      const outcome = isTimedOut(saga.definition, reason) ? TIMED_OUT : endings.get(end.type)!
      const began = commits.find((commit) => commit.events.some(({ type }) => type === saga.startsOn))
      const seconds = began ? (Date.parse(time) - Date.parse(began.time)) / 1000 : 0
      log('INFO', 'saga.ended', { saga: saga.name, outcome, seconds, correlationId })
      sink.measure(metrics.sagaDuration, seconds, { saga: saga.name, outcome })
      span?.set({ 'millrace.outcome': outcome })
    },
  }
}

function ofCalls(
  { service, isEdge, log, sink }: TelemetryParts,
  inSpan: InSpan,
): Pick<
  Telemetry,
  'request' | 'query' | 'partner' | 'circuit' | 'hedged' | 'partMissing' | 'deprecatedUse' | 'compared'
> {
  const inner = (kind: 'client', name: string, attributes: Attributes) => ({
    name,
    kind,
    attributes,
    ...(currentSpan() ? { parent: currentSpan()!.context } : {}),
  })
  let inFlight = 0
  /** The last request that is in flight takes what is queued along: after its answer the instance has no CPU. */
  const beforeTheAnswer = async (work: () => Promise<void>): Promise<void> => {
    inFlight += 1
    try {
      await work()
    } finally {
      inFlight -= 1
      if (inFlight === 0) await sink.flush()
    }
  }
  return {
    async request({ method, isDelivery, header }, work) {
      const started = performance.now()
      const answered = async (span?: Span): Promise<void> => {
        const { status, route } = await work()
        const attributes = {
          'http.request.method': method,
          ...(route === undefined ? {} : { 'http.route': route }),
          'http.response.status_code': status,
        }
        sink.measure(metrics.requestDuration, (performance.now() - started) / 1000, attributes)
        span?.set(attributes)
        if (route !== undefined) span?.rename(`${method} ${route}`)
        if (status >= 500) span?.fail(`answered ${status}`)
      }
      if (isDelivery) return beforeTheAnswer(answered)
      const origin = isEdge ? outside(header('traceparent')) : inside(header)
      await beforeTheAnswer(() => inSpan({ name: method, kind: 'server', ...origin }, answered))
    },
    query: ({ service: callee, method }, work) => {
      if (!currentSpan()) return work()
      return inSpan({ ...inner('client', `${method} ${callee}`, {}), onlyWhenFailed: true }, work)
    },
    partner: ({ operation, server }, work) =>
      inSpan(inner('client', operation, { 'server.address': server }), async (span) => {
        const answer = await work()
        span.set({ 'http.response.status_code': answer.status })
        return answer
      }),
    circuit({ callee, state, reason }) {
      log(state === 'open' ? 'WARNING' : 'INFO', 'circuit.changed', { callee, state, reason })
      sink.measure(metrics.circuitTransitions, 1, { service, callee, state })
    },
    hedged: ({ callee, outcome }) => sink.measure(metrics.hedgedReads, 1, { service, callee, outcome }),
    partMissing({ part, code, fallback = 'none', error }) {
      log(code === 'bug' && error !== undefined ? 'ERROR' : 'WARNING', 'part.missing', { part, code, fallback, error })
      sink.measure(metrics.missingParts, 1, { service, part, code, fallback })
    },
    deprecatedUse({ operation, caller, subject }) {
      log('INFO', 'api.deprecated-use', { operation, subject })
      sink.measure(metrics.deprecatedUses, 1, { service, operation, caller })
    },
    compared: ({ operation, outcome }) => sink.measure(metrics.shadowComparisons, 1, { service, operation, outcome }),
  }
}

/** The caller's span. For callers outside the platform it is in Cloud Run's own `traceparent`. */
function inside(header: HttpRequest['header']): { parent?: TraceContext } {
  const parent = parseTrace(header(INNER_TRACE_HEADER)) ?? parseTrace(header('traceparent'))
  return parent ? { parent } : {}
}

/**
 * From the internet only the trace's id is taken. Its flag would decide how many spans we pay for, and its span is
 * Cloud Run's own, which is seldom kept: https://cloud.google.com/run/docs/trace
 */
function outside(header: string | undefined): { traceId?: string } {
  const context = parseTrace(header)
  return context ? { traceId: context.traceId } : {}
}
