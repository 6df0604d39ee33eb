/** What the local cloud kept of traces, and what the services logged in them. */

import { createReadStream, existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'
import type { SpanRecord, TraceSummary } from 'local-google-cloud/telemetry'
import { type Running, secretOf, UsageError } from '../command.ts'

export type Span = Omit<SpanRecord, 'events'>

export interface LogLine {
  readonly time: string
  readonly severity: string
  readonly message: string
  readonly service: string
  readonly spanId: string
  readonly [field: string]: unknown
}

/** The request that begins an order. */
const PLACING = 'POST /v1/orders'
const LISTED = 200
/** Services hand their spans over in batches: a trace that has just ended may still be coming in. */
const SETTLED_AFTER_MS = 1_500
const LOOK_EVERY_MS = 300

export async function get<Answer>(running: Running, path: string): Promise<Answer> {
  const response = await fetch(`http://${running.apiHost}${path}`, { headers: secretOf(running) })
  if (!response.ok) throw new UsageError(`${path} answered ${response.status}: ${await response.text()}`)
  return (await response.json()) as Answer
}

/** The traces of an order, the one in which it was placed first. @throws UsageError when the order has no trace. */
export async function tracesOf(running: Running, orderId: string): Promise<TraceSummary[]> {
  const asked = `/_local/traces?limit=${LISTED}&correlationId=${encodeURIComponent(orderId)}`
  const { traces } = await get<{ traces: TraceSummary[] }>(running, asked)
  if (traces.length === 0)
    throw new UsageError(`No trace is kept of "${orderId}": npm run trace without an id shows the last order's.`)
  const isPlacing = ({ root }: TraceSummary): number => (root === PLACING ? 0 : 1)
  return traces.toSorted((a, b) => isPlacing(a) - isPlacing(b) || a.startMs - b.startMs)
}

/** @throws UsageError when none was placed lately. */
export async function lastOrder(running: Running): Promise<string> {
  const asked = `/_local/traces?limit=${LISTED}&root=${encodeURIComponent(PLACING)}`
  const { traces } = await get<{ traces: TraceSummary[] }>(running, asked)
  const orderId = traces.find(({ correlationIds }) => correlationIds.length > 0)?.correlationIds[0]
  if (orderId === undefined) throw new UsageError('No order was placed lately: try npm run order -- --sku TEA-001')
  return orderId
}

/** Waits for those that are on their way. */
export async function spansOf(running: Running, traceId: string): Promise<Span[]> {
  for (let before = 0; ;) {
    const { spans } = await get<{ spans: Span[] }>(running, `/_local/traces/${traceId}`)
    const endMs = Math.max(...spans.map(({ startMs, durationMs }) => startMs + durationMs))
    if (spans.length === before || Date.now() - endMs > SETTLED_AFTER_MS) return spans
    before = spans.length
    await pause(LOOK_EVERY_MS)
  }
}

/** In the order of their time. */
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
      // What a library wrote by itself is in no span.
    }
  }
  return found
}
