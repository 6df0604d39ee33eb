/** The spans and time series that services exported. */

import type { CloudContext } from '../core/plugin.ts'
import { keepMetrics, type Metrics } from './metrics.ts'
import { keepTraces, type Traces } from './traces.ts'

export interface TelemetryCore {
  readonly traces: Traces
  readonly metrics: Metrics
}

export const createCore = (context: CloudContext): TelemetryCore => ({
  traces: keepTraces(context),
  metrics: keepMetrics(context),
})
