/**
 * Permissions of the two paths, as the Telemetry API needs them. A collector would accept every request, and export with the
 * account of the service beside it.
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
