/** Telemetry for tests: it keeps everything in lists and sends nothing. */

import type { Log } from '../signals/log.ts'
import { type Attributes, currentSpan, type FinishedSpan } from '../signals/span.ts'
import { createTelemetry, type Telemetry, type TelemetryParts } from './telemetry.ts'

export interface LogLine {
  readonly severity: string
  readonly event: string
  readonly fields: Readonly<Record<string, unknown>>
}

export interface Measure {
  readonly name: string
  readonly value: number
  readonly attributes: Attributes
}

export interface TestTelemetry {
  readonly telemetry: Telemetry
  readonly log: Log
  readonly logs: LogLine[]
  /** The ended and sampled spans. */
  readonly spans: FinishedSpan[]
  readonly measures: Measure[]
}

export function testTelemetry(
  parts: Pick<TelemetryParts, 'service'> & Partial<Omit<TelemetryParts, 'log' | 'sink'>>,
): TestTelemetry {
  const logs: LogLine[] = []
  const spans: FinishedSpan[] = []
  const measures: Measure[] = []
  const log: Log = (severity, event, fields = {}) => {
    const correlationId = currentSpan()?.correlationId
    logs.push({ severity, event, fields: correlationId === undefined ? fields : { correlationId, ...fields } })
  }
  const telemetry = createTelemetry({
    isEdge: false,
    sampledShare: 1,
    ...parts,
    log,
    sink: {
      span: (span) => void spans.push(span),
      measure({ name, attributes: known }, value, attributes) {
        // Charts and alerts use declared metrics only: an undeclared one would stay invisible.
        const unknown = Object.keys(attributes).filter((attribute) => !known.includes(attribute))
        if (unknown.length > 0) throw new Error(`${name} has no attribute ${unknown.join(', ')}: see metrics.ts.`)
        measures.push({ name, value, attributes })
      },
      flush: async () => {},
      close: async () => {},
    },
  })
  return { telemetry, log, logs, spans, measures }
}
