/**
 * Permissions of the two paths. In the cloud the collector accepts every request and exports with the service's account, both to
 * the Telemetry API, and needs these there.
 */

import type { RouteAccess } from '../core/access/access.ts'

export const telemetryAccess = (projectId: string): readonly RouteAccess[] => {
  const route = (path: string, permission: string, domain: string): RouteAccess => ({
    method: 'POST',
    path: new RegExp(`^${path}$`),
    needs: () => [{ permission, resource: `projects/${projectId}` }],
    domain,
  })
  return [
    route('/v1/traces', 'telemetry.traces.write', 'telemetry.googleapis.com'),
    route('/v1/metrics', 'monitoring.timeSeries.create', 'monitoring.googleapis.com'),
  ]
}
