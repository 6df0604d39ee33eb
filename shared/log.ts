/** Cloud Logging's JSON on stdout: https://cloud.google.com/logging/docs/structured-logging */

import type { Log } from './platform.ts'
import { currentSpan } from './telemetry/span.ts'

export interface LogContext {
  readonly service: string
  readonly projectId: string
  readonly write?: (line: string) => void
}

/** Each line carries the trace, the span and the correlation id of the work that wrote it. */
export function createLog({
  service,
  projectId,
  write = (line) => void process.stdout.write(`${line}\n`),
}: LogContext): Log {
  return (severity, event, fields = {}) => {
    const span = currentSpan()
    const correlation = span?.correlationId === undefined ? {} : { correlationId: span.correlationId }
    const trace = span
      ? {
          'logging.googleapis.com/trace': `projects/${projectId}/traces/${span.context.traceId}`,
          'logging.googleapis.com/spanId': span.context.spanId,
          'logging.googleapis.com/trace_sampled': span.context.sampled,
        }
      : {}
    write(
      JSON.stringify({
        severity,
        message: event,
        time: new Date().toISOString(),
        service,
        ...correlation,
        ...readable(fields),
        ...trace,
      }),
    )
  }
}

/** An Error has no fields of its own that JSON would keep. */
function readable(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      name,
      value instanceof Error ? (value.stack ?? value.message) : value,
    ]),
  )
}
