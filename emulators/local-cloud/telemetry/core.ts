/** The spans and time series that services exported. */

import type { CloudContext } from '../core/plugin.ts'
import { keepMetrics, type Metrics } from './metrics.ts'
import { keepTraces, type Traces } from './traces.ts'

export interface TelemetryCore {
  readonly traces: Traces
  readonly metrics: Metrics
}

export interface TelemetryOptions {
  /** The attribute of spans by which traces are found with `correlationId`. Absent: they are not. */
  readonly correlation?: string
}

export const createCore = (context: CloudContext, { correlation }: TelemetryOptions): TelemetryCore => ({
  traces: keepTraces(context, correlation),
  metrics: keepMetrics(context),
})
