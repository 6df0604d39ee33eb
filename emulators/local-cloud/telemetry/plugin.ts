/** What stands in for the collector beside each service: OTLP on the port of its account, kept for people to look at. */

import type { Plugin } from '../core/plugin.ts'
import { telemetryIam } from './iam.ts'
import { keepMetrics, type Metrics } from './metrics.ts'
import { telemetryAccess } from './permissions.ts'
import { telemetryRoutes } from './routes.ts'
import { keepTraces, type Traces } from './traces.ts'

export type { SpanRecord, TraceSummary } from './traces.ts'

export interface TelemetryCore {
  readonly traces: Traces
  readonly metrics: Metrics
}

export const telemetry: Plugin<TelemetryCore> = {
  name: 'telemetry',
  create(context) {
    const core = { traces: keepTraces(context), metrics: keepMetrics(context) }
    return {
      core,
      http: telemetryRoutes(core.traces, core.metrics),
      routes: telemetryAccess(context.project.id),
    }
  },
  terraform: {},
  iam: telemetryIam,
}
