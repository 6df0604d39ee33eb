/** The spans that were received: whole traces, the newest kept. */

import type { CloudContext } from '../core/plugin.ts'
import { limits } from './values/limits.ts'
import { type Attributes, type OtlpSpan, readSpan } from './values/otlp.ts'

export interface SpanRecord {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly service: string
  readonly name: string
  readonly kind: string
  /** Milliseconds since the epoch, with microseconds behind the point. */
  readonly startMs: number
  readonly durationMs: number
  readonly attributes: Attributes
  readonly events: readonly {
    readonly name: string
    readonly atMs: number
    readonly attributes: Attributes
  }[]
  /** Present when the span failed. */
  readonly error?: string
}

export interface TraceSummary {
  readonly traceId: string
  /** Name and service of the span whose parent is not in the trace. */
  readonly root: string
  readonly service: string
  readonly startMs: number
  readonly durationMs: number
  readonly spans: number
  readonly errors: number
  readonly correlationIds: readonly string[]
}

export interface Traces {
  /** The number of rejected spans. */
  add(service: string, spans: readonly unknown[]): number
  /** Newest first. Absent parameters: traces of all correlation ids, with any root. */
  list(options: {
    readonly correlationId?: string | undefined
    readonly root?: string | undefined
    readonly limit: number
  }): TraceSummary[]
  /** In order of their start; empty for an unknown trace. */
  spansOf(traceId: string): SpanRecord[]
}

/** The spans of a trace by their keys in the table, with their sizes. */
interface StoredSpans {
  readonly sizes: Map<string, number>
}

const sizeOf = (record: SpanRecord): number => JSON.stringify(record).length

/** https://github.com/open-telemetry/opentelemetry-proto/blob/main/opentelemetry/proto/trace/v1/trace.proto */
const kinds = ['unspecified', 'internal', 'server', 'client', 'producer', 'consumer']
const FAILED = 2

export function keepTraces({ journal, count }: CloudContext, correlation: string | undefined): Traces {
  const correlationOf = ({ attributes }: SpanRecord): string | undefined => {
    const id = correlation === undefined ? undefined : attributes[correlation]
    return typeof id === 'string' ? id : undefined
  }
  const table = journal.table<SpanRecord>('telemetry/spans')
  /** In the order of their first span. */
  const traces = new Map<string, StoredSpans>()
  let characters = 0
  const correlated = new Map<string, Set<string>>()

  const index = (key: string, record: SpanRecord, size: number): void => {
    const { traceId } = record
    const kept = traces.get(traceId) ?? { sizes: new Map<string, number>() }
    traces.set(traceId, kept)
    characters += size - (kept.sizes.get(key) ?? 0)
    kept.sizes.set(key, size)
    const correlationId = correlationOf(record)
    if (correlationId === undefined) return
    correlated.set(correlationId, (correlated.get(correlationId) ?? new Set()).add(traceId))
  }
  const forgetOldest = (): void => {
    const [traceId, { sizes }] = traces.entries().next().value!
    traces.delete(traceId)
    for (const [key, size] of sizes) {
      characters -= size
      const correlationId = correlationOf(table.get(key)!)
      table.delete(key)
      if (correlationId === undefined) continue
      const others = correlated.get(correlationId)
      others?.delete(traceId)
      if (others?.size === 0) correlated.delete(correlationId)
    }
  }
  const take = (service: string, given: unknown): boolean => {
    const span = readSpan(given)
    if (!span) return false
    const record = recordOf(service, span)
    const key = `${record.traceId}/${record.spanId}`
    const size = sizeOf(record)
    if (size > limits.spanCharacters) return false
    if (!table.has(key) && (traces.get(record.traceId)?.sizes.size ?? 0) >= limits.spansPerTrace) return false
    table.set(key, record)
    index(key, record, size)
    return true
  }
  for (const [key, record] of table.entries()) index(key, record, sizeOf(record))

  const spansOf = (traceId: string): SpanRecord[] =>
    [...(traces.get(traceId)?.sizes.keys() ?? [])]
      .map((key) => table.get(key)!)
      .toSorted((a, b) => a.startMs - b.startMs)

  return {
    spansOf,
    add(service, spans) {
      const rejected = spans.filter((span) => !take(service, span)).length
      count('trace.spans', spans.length - rejected)
      while (table.size > limits.spans || characters > limits.allSpansCharacters) forgetOldest()
      return rejected
    },
    list({ correlationId, root, limit }) {
      const ids = correlationId === undefined ? [...traces.keys()] : [...(correlated.get(correlationId) ?? [])]
      const found: TraceSummary[] = []
      for (const traceId of ids.toReversed()) {
        if (found.length === limit) break
        const spans = spansOf(traceId)
        const correlationIds = spans.flatMap((span) => correlationOf(span) ?? [])
        const trace = { ...summary(traceId, spans), correlationIds: [...new Set(correlationIds)] }
        if (root === undefined || trace.root === root) found.push(trace)
      }
      return found.toSorted((one, other) => other.startMs - one.startMs)
    },
  }
}

function recordOf(service: string, { kind, endMs, status, ...span }: OtlpSpan): SpanRecord {
  return {
    ...span,
    service,
    kind: kinds[kind] ?? 'unspecified',
    durationMs: Math.max(0, Math.round((endMs - span.startMs) * 1_000) / 1_000),
    ...(status.code === FAILED ? { error: status.message || 'failed' } : {}),
  }
}

function summary(traceId: string, spans: readonly SpanRecord[]): Omit<TraceSummary, 'correlationIds'> {
  const known = new Set(spans.map(({ spanId }) => spanId))
  const root = spans.find(({ parentSpanId }) => parentSpanId === undefined || !known.has(parentSpanId)) ?? spans[0]!
  const startMs = spans[0]!.startMs
  const endMs = Math.max(...spans.map((span) => span.startMs + span.durationMs))
  return {
    traceId,
    root: root.name,
    service: root.service,
    startMs,
    durationMs: Math.round((endMs - startMs) * 1_000) / 1_000,
    spans: spans.length,
    errors: spans.filter(({ error }) => error !== undefined).length,
  }
}
