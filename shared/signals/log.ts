/** Cloud Logging's JSON on stdout: https://cloud.google.com/logging/docs/structured-logging */

import { shortened } from '../base/shortened.ts'
import { currentSpan } from './span.ts'

export interface Log {
  (
    severity: 'DEBUG' | 'INFO' | 'NOTICE' | 'WARNING' | 'ERROR',
    event: string,
    fields?: Readonly<Record<string, unknown>>,
  ): void
}

/** Log lines may contain text of untrusted callers. The limits of a text, of an error with its stack, of all fields of a line. */
const TEXT_CHARACTERS = 2_000
const STACK_CHARACTERS = 8_000
const FIELDS_CHARACTERS = 32_000

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

/** Of bounded length. An Error has no fields of its own that JSON would keep. */
function readable(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const text = JSON.stringify(fields, (_name, value: unknown) => {
    // JSON.stringify calls toJSON first, which an Error does not have.
    if (value instanceof Error) return shortened(value.stack ?? value.message, STACK_CHARACTERS)
    return typeof value === 'string' ? shortened(value, TEXT_CHARACTERS) : value
  })
  if (text.length > FIELDS_CHARACTERS) return { shortened: shortened(text, STACK_CHARACTERS) }
  return JSON.parse(text) as Record<string, unknown>
}
