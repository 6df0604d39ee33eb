/** Spans: one for each piece of work. Nested work finds the present span. */

import { AsyncLocalStorage } from 'node:async_hooks'
import { newSpanId, newTraceId, type TraceContext, traceparentOf } from '../base/trace.ts'

export type AttributeValue = string | number | boolean
export type Attributes = Readonly<Record<string, AttributeValue>>

export interface Span {
  readonly kind: SpanKind
  readonly context: TraceContext
  /** The traceparent of all outgoing messages and calls. */
  readonly traceparent: string
  /** The correlation id of the handled message, as soon as it is known. */
  readonly correlationId: string | undefined
  correlate(id: string): void
  /** For a name that is known only later. */
  rename(name: string): void
  set(attributes: Attributes): void
  event(name: string, attributes?: Attributes): void
  fail(reason: string): void
}

export type SpanKind = 'server' | 'client' | 'consumer'

/** A span as it is handed to the exporter. */
export interface FinishedSpan {
  readonly name: string
  readonly kind: SpanKind
  readonly context: TraceContext
  readonly parentSpanId?: string
  readonly startMs: number
  readonly endMs: number
  readonly attributes: Attributes
  readonly events: readonly { readonly name: string; readonly atMs: number; readonly attributes: Attributes }[]
  /** Why it failed. */
  readonly error?: string
}

export interface SpanOptions {
  readonly name: string
  readonly kind: SpanKind
  /** Absent: it begins a trace. */
  readonly parent?: TraceContext
  /** The caller's span is not exported: its trace goes on, with a first span. */
  readonly traceId?: string
  readonly attributes?: Attributes
  readonly correlationId?: string
  /** Not worth a span when all went well. */
  readonly onlyWhenFailed?: true
}

export interface TracerParts {
  /** 0 to 1: how many of the traces that begin here are kept; the others follow their parent. */
  readonly sampledShare: number
  /** Only for spans that are kept. */
  ended(span: FinishedSpan): void
  /** Milliseconds since the epoch. */
  now?(): number
  random?(): number
}

export type InSpan = <T>(options: SpanOptions, work: (span: Span) => Promise<T>) => Promise<T>

/** The attribute of the id that a span's work has in common with all that caused it. */
export const CORRELATION = 'millrace.correlation_id'

/** A span is a few hundred bytes: further events and longer texts are cut. */
const MAX_EVENTS = 32
const MAX_TEXT_LENGTH = 500

const running = new AsyncLocalStorage<Span>()

/** The span of the work that asks; undefined outside any. */
export const currentSpan = (): Span | undefined => running.getStore()

/** Work on behalf of several requests: its spans are in a trace of their own, and not in that of the request that came first. */
export const outsideSpan = <T>(work: () => Promise<T>): Promise<T> => running.run(undefined as never, work)

/** Runs the work in a span of its own. An error fails the span, and is thrown on. */
export function createTracer({ sampledShare, ended, now = Date.now, random = Math.random }: TracerParts): InSpan {
  return async (options, work) => {
    const { parent } = options
    const context: TraceContext = {
      traceId: parent?.traceId ?? options.traceId ?? newTraceId(),
      spanId: newSpanId(),
      sampled: parent?.sampled ?? random() < sampledShare,
    }
    const { span, finish } = recording(options, context, now)
    try {
      return await running.run(span, () => work(span))
    } catch (error) {
      span.fail(error instanceof Error ? error.message : String(error))
      throw error
    } finally {
      const finished = finish()
      if (context.sampled && (finished.error !== undefined || !options.onlyWhenFailed)) ended(finished)
    }
  }
}

function recording(
  { kind, parent, ...given }: SpanOptions,
  context: TraceContext,
  now: () => number,
): { span: Span; finish(): FinishedSpan } {
  const startMs = now()
  // The clock of the day may be set back: a duration is measured with a clock that is not.
  const started = performance.now()
  const elapsedMs = (): number => performance.now() - started
  let attributes: Attributes = given.attributes ?? {}
  let { name, correlationId } = given
  let error: string | undefined
  const events: { name: string; atMs: number; attributes: Attributes }[] = []
  const span: Span = {
    kind,
    context,
    traceparent: traceparentOf(context),
    get correlationId() {
      return correlationId
    },
    correlate: (id) => void (correlationId = id),
    rename: (better) => void (name = better),
    set: (more) => void (attributes = { ...attributes, ...more }),
    event(happened, more = {}) {
      if (events.length < MAX_EVENTS) events.push({ name: happened, atMs: startMs + elapsedMs(), attributes: more })
    },
    fail: (reason) => void (error ??= reason.slice(0, MAX_TEXT_LENGTH)),
  }
  const finish = (): FinishedSpan => ({
    name,
    kind,
    context,
    ...(parent ? { parentSpanId: parent.spanId } : {}),
    startMs,
    endMs: startMs + elapsedMs(),
    attributes: clipped(correlationId === undefined ? attributes : { ...attributes, [CORRELATION]: correlationId }),
    events,
    ...(error === undefined ? {} : { error }),
  })
  return { span, finish }
}

const clipped = (attributes: Attributes): Attributes =>
  Object.fromEntries(
    Object.entries(attributes).map(([name, value]) => [
      name,
      typeof value === 'string' ? value.slice(0, MAX_TEXT_LENGTH) : value,
    ]),
  )
