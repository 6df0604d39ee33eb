/** Renders a trace as text: its tree from top to bottom, time from left to right. */

import type { LogLine, Span } from './spans.ts'
import { shown } from '../terminal.ts'

const BAR_COLUMNS = 30
/** An idle period longer than this share of the trace is shortened. */
const LONG_PAUSE_SHARE = 0.1
const SHORT_PAUSE_SHARE = 0.02

interface Placed {
  readonly span: Span
  readonly depth: number
}

/** Texts of a span may come from outside, so they are escaped. */
const shownSpan = (span: Span): Span => ({
  ...span,
  name: shown(span.name),
  service: shown(span.service),
  ...(span.error === undefined ? {} : { error: shown(span.error) }),
})

export function waterfall(given: readonly Span[], logs: readonly LogLine[]): string {
  const spans = given.map(shownSpan)
  const placed = treeOf(spans)
  const startMs = Math.min(...spans.map((span) => span.startMs))
  const axis = axisOf(spans)
  const names = placed.map(({ span, depth }) => `${'  '.repeat(depth)}${span.name}`)
  const width = {
    service: Math.max(...spans.map(({ service }) => service.length)),
    name: Math.max(...names.map((name) => name.length)),
  }
  const lines = placed.flatMap(({ span, depth }, index) => {
    const attempt = span.attributes['millrace.attempt']
    const cells = [
      span.service.padEnd(width.service),
      names[index]!.padEnd(width.name),
      ms(span.startMs - startMs).padStart(9),
      ms(span.durationMs).padStart(9),
      bar(axis(span.startMs), axis(span.startMs + span.durationMs)),
      (attempt === undefined ? '' : `#${shown(String(attempt))}`).padEnd(4),
      span.error === undefined ? 'ok' : `FAILED ${span.error}`,
    ]
    const spanLogs = logs.filter(({ spanId }) => spanId === span.spanId)
    const indent = ' '.repeat(width.service + 2 + 2 * (depth + 1))
    return [cells.join('  ').trimEnd(), ...spanLogs.map((line) => indent + logText(line))]
  })
  const known = new Set(spans.map(({ spanId }) => spanId))
  const elsewhere = logs.filter(({ spanId }) => !known.has(spanId))
  return [
    ...lines,
    ...elsewhere.map((line) => `${shown(line.service).padEnd(width.service)}  ${logText(line)}  (its span is missing)`),
  ].join('\n')
}

/** Parents before their children; children sorted by time. A span whose parent is missing is at the top level. */
function treeOf(spans: readonly Span[]): Placed[] {
  const known = new Set(spans.map(({ spanId }) => spanId))
  const children = Map.groupBy(spans, ({ parentSpanId }) =>
    parentSpanId !== undefined && known.has(parentSpanId) ? parentSpanId : '',
  )
  const seen = new Set<string>()
  const under = (parent: string, depth: number): Placed[] =>
    (children.get(parent) ?? [])
      .filter(({ spanId }) => !seen.has(spanId) && seen.add(spanId))
      .toSorted((a, b) => a.startMs - b.startMs)
      .flatMap((span) => [{ span, depth }, ...under(span.spanId, depth + 1)])
  return under('', 0)
}

/** The position of a time between 0 and 1, with long idle periods shortened: a timer fires minutes after the other spans. */
function axisOf(spans: readonly Span[]): (atMs: number) => number {
  const byStart = spans.toSorted((a, b) => a.startMs - b.startMs)
  const startMs = byStart[0]!.startMs
  const pauses: { readonly fromMs: number; readonly forMs: number }[] = []
  let endMs = startMs
  for (const span of byStart) {
    if (span.startMs > endMs) pauses.push({ fromMs: endMs, forMs: span.startMs - endMs })
    endMs = Math.max(endMs, span.startMs + span.durationMs)
  }
  const wholeMs = Math.max(endMs - startMs, 1)
  const long = pauses.filter(({ forMs }) => forMs > wholeMs * LONG_PAUSE_SHARE)
  const busyMs = wholeMs - long.reduce((all, { forMs }) => all + forMs, 0)
  const shownMs = busyMs * SHORT_PAUSE_SHARE
  const cutBefore = (atMs: number): number =>
    long.reduce((all, { fromMs, forMs }) => all + (atMs >= fromMs + forMs ? forMs - shownMs : 0), 0)
  const totalMs = wholeMs - cutBefore(endMs)
  return (atMs) => (atMs - startMs - cutBefore(atMs)) / totalMs
}

function bar(from: number, to: number): string {
  const first = Math.min(BAR_COLUMNS - 1, Math.floor(from * BAR_COLUMNS))
  const last = Math.max(first + 1, Math.min(BAR_COLUMNS, Math.ceil(to * BAR_COLUMNS)))
  return '·'.repeat(first) + '█'.repeat(last - first) + '·'.repeat(BAR_COLUMNS - last)
}

const ms = (value: number): string => (value < 10_000 ? `${value.toFixed(0)} ms` : `${(value / 1000).toFixed(1)} s`)

/** Fields that the span already shows. */
const shownBySpan = new Set([
  'time',
  'severity',
  'message',
  'service',
  'spanId',
  'correlationId',
  'id',
  'subject',
  'type',
])
function logText({ severity, message, ...fields }: LogLine): string {
  const more = Object.entries(fields)
    .filter(([name]) => !shownBySpan.has(name) && !name.startsWith('logging.googleapis.com/'))
    .map(([name, value]) => `${name}=${(typeof value === 'string' ? value : JSON.stringify(value)).split('\n')[0]}`)
  return shown([severity, message, ...more].join(' '))
}
