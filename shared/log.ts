/** Cloud Logging's JSON on stdout: https://cloud.google.com/logging/docs/structured-logging */

import { spanIdOf, traceIdOf } from './trace.ts'
import type { Log } from './platform.ts'

export interface LogContext {
  readonly service: string
  readonly projectId: string
  readonly write?: (line: string) => void
}

/** `fields.traceparent` and `fields.correlationId` are written as Cloud Logging knows them. */
export function createLog({
  service,
  projectId,
  write = (line) => void process.stdout.write(`${line}\n`),
}: LogContext): Log {
  return (severity, event, { traceparent, ...fields } = {}) => {
    const trace =
      typeof traceparent === 'string'
        ? {
            'logging.googleapis.com/trace': `projects/${projectId}/traces/${traceIdOf(traceparent)}`,
            'logging.googleapis.com/spanId': spanIdOf(traceparent),
          }
        : {}
    write(
      JSON.stringify({
        severity,
        message: event,
        time: new Date().toISOString(),
        service,
        ...trace,
        ...readable(fields),
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
