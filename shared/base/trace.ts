/** W3C trace context: https://www.w3.org/TR/trace-context/ */

import { randomUUID } from 'node:crypto'

export interface TraceContext {
  /** 32 hex digits. */
  readonly traceId: string
  /** 16 hex digits. */
  readonly spanId: string
  /** Whether its spans are kept. */
  readonly sampled: boolean
}

/** Between services of the platform, beside `traceparent`, which Cloud Run rewrites to a span of its own that it seldom keeps. */
export const INNER_TRACE_HEADER = 'x-millrace-traceparent'

/** Version 00 has these four fields and no more; a later one may append fields; ff is invalid. */
const shape = /^(?!ff)(?!00.{53}.)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-|$)/
const SAMPLED = 1

/** Undefined for a malformed header: the recommendation asks to begin a new trace then, and never to fail. */
export function parseTrace(traceparent: string | undefined): TraceContext | undefined {
  const [, traceId, spanId, flags] = shape.exec(traceparent ?? '') ?? []
  if (!traceId || !spanId || !flags || /^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined
  return { traceId, spanId, sampled: (Number.parseInt(flags, 16) & SAMPLED) === SAMPLED }
}

export const traceparentOf = ({ traceId, spanId, sampled }: TraceContext): string =>
  `00-${traceId}-${spanId}-${sampled ? '01' : '00'}`

/** Node keeps random bytes in advance for UUIDs, and for nothing else: a system call for each span costs more than the span. */
const randomHex = (): string => randomUUID().replaceAll('-', '')
/** 122 of its 128 bits are random. */
export const newTraceId = randomHex
/** The version and the variant lie in the middle of a UUID: these 64 bits are random. */
export const newSpanId = (): string => {
  const hex = randomHex()
  return `${hex.slice(0, 8)}${hex.slice(24)}`
}

/** The span of a decision without a trace: it is derived, so that a repeat has the same. */
export function childOf(traceparent: string, decisionId: string): string {
  const parent = parseTrace(traceparent) ?? { traceId: decisionId.replaceAll('-', ''), sampled: true }
  return traceparentOf({ ...parent, spanId: decisionId.replaceAll('-', '').slice(0, 16) })
}
