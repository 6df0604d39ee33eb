/** Reads traces from the local cloud, and the log lines of their spans from the services' logs. */

import { createReadStream, existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'
import type { SpanRecord, TraceSummary } from 'local-google-cloud/telemetry'
import { type Running, UsageError } from '../command.ts'
import { getLocal } from '../local.ts'
import type { Unit } from '../tools.ts'

export type Span = Omit<SpanRecord, 'events'>

export interface LogLine {
  readonly time: string
  readonly severity: string
  readonly message: string
  readonly service: string
  readonly spanId: string
  readonly [field: string]: unknown
}

const MAX_TRACES = 200
/** Services export spans in batches: spans of a trace that has just ended may still arrive. */
const SETTLED_AFTER_MS = 1_500
const POLL_INTERVAL_MS = 300

/**
 * The traces with this correlation id, the first of them with the request that begins a unit of the business.
 * @throws UsageError when there is no such trace
 */
export async function tracesOf(running: Running, correlationId: string, unit?: Unit): Promise<TraceSummary[]> {
  const path = `/_local/traces?limit=${MAX_TRACES}&correlationId=${encodeURIComponent(correlationId)}`
  const { traces } = await getLocal<{ traces: TraceSummary[] }>(running, path)
  if (traces.length === 0)
    throw new UsageError(
      `There is no trace of "${correlationId}": npm run trace without an id shows the last ${unit ? `${unit.one}'s` : 'one'}.`,
    )
  const isBeginning = ({ root }: TraceSummary): number => (root === unit?.request ? 0 : 1)
  return traces.toSorted((a, b) => isBeginning(a) - isBeginning(b) || a.startMs - b.startMs)
}

/**
 * The correlation id of the last unit of the business; of a business without units, of the last trace that has one; health
 * probes have none.
 * @throws UsageError when there is no such trace
 */
export async function lastCorrelationId(running: Running, unit?: Unit): Promise<string> {
  const root = unit ? `&root=${encodeURIComponent(unit.request)}` : ''
  const { traces } = await getLocal<{ traces: TraceSummary[] }>(running, `/_local/traces?limit=${MAX_TRACES}${root}`)
  const id = traces.find(({ correlationIds }) => correlationIds.length > 0)?.correlationIds[0]
  if (id !== undefined) return id
  throw new UsageError(
    unit
      ? `There is no trace of ${unit.request} yet: ${unit.command} makes one.`
      : 'There is no trace yet: send a request.',
  )
}

/** Waits for spans that are still being exported. */
export async function spansOf(running: Running, traceId: string): Promise<Span[]> {
  for (let before = 0; ;) {
    const { spans } = await getLocal<{ spans: Span[] }>(running, `/_local/traces/${traceId}`)
    const endMs = Math.max(...spans.map(({ startMs, durationMs }) => startMs + durationMs))
    if (spans.length === before || Date.now() - endMs > SETTLED_AFTER_MS) return spans
    before = spans.length
    await pause(POLL_INTERVAL_MS)
  }
}

/** Sorted by time. */
export async function logsOf(running: Running, traceId: string): Promise<LogLine[]> {
  const folder = join(running.dataDirectory, 'logs')
  if (!existsSync(folder)) return []
  const files = readdirSync(folder).filter((file) => /\.log(\.\d+)?$/.test(file))
  const lines = await Promise.all(files.map((file) => matching(join(folder, file), traceId)))
  return lines.flat().toSorted((a, b) => (a.time < b.time ? -1 : 1))
}

async function matching(path: string, traceId: string): Promise<LogLine[]> {
  const found: LogLine[] = []
  for await (const line of createInterface({ input: createReadStream(path) })) {
    if (!line.includes(traceId)) continue
    try {
      const entry = JSON.parse(line) as LogLine
      const { 'logging.googleapis.com/spanId': spanId, 'logging.googleapis.com/trace': trace, ...fields } = entry
      if (String(trace).endsWith(traceId)) found.push({ ...fields, spanId: String(spanId) })
    } catch {
      // Not JSON: a library's own output, which belongs to no span.
    }
  }
  return found
}
