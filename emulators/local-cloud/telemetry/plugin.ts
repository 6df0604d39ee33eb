/** The Telemetry API: receives OTLP on the port of its account, and stores it for people. */

import type { Plugin } from '../core/plugin.ts'
import { createCore, type TelemetryCore, type TelemetryOptions } from './core.ts'
import { telemetryIam } from './iam.ts'
import { telemetryAccess } from './permissions.ts'
import { telemetryRoutes } from './api/routes.ts'

export type { SpanRecord, TraceSummary } from './traces.ts'

export type { TelemetryCore } from './core.ts'

export const telemetry = (options: TelemetryOptions = {}): Plugin<TelemetryCore> => ({
  name: 'telemetry',
  create(context) {
    const core = createCore(context, options)
    return {
      core,
      http: telemetryRoutes(core.traces, core.metrics),
      routes: telemetryAccess(context.project.id),
    }
  },
  terraform: {},
  iam: telemetryIam,
})
