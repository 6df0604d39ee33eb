/** The declarations for IAM of the Telemetry API. */

import type { IamFacts } from '../core/iam-facts.ts'

/** https://cloud.google.com/iam/docs/understanding-roles */
export const telemetryIam: IamFacts = {
  roles: {
    'roles/cloudtrace.agent': ['cloudtrace.traces.patch'],
    'roles/telemetry.writer': ['telemetry.traces.write', 'telemetry.metrics.write', 'telemetry.logs.write'],
    'roles/telemetry.metricsWriter': ['monitoring.timeSeries.create'],
    'roles/telemetry.tracesWriter': ['telemetry.traces.write'],
    'roles/monitoring.metricWriter': ['monitoring.timeSeries.create', 'monitoring.metricDescriptors.create'],
  },
}
