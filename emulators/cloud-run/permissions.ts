/** What each route of Cloud Run's Admin API takes: https://cloud.google.com/run/docs/reference/iam/permissions */

import type { RouteAccess } from '../core/access.ts'

const LOCATION = '^/v2/(?<parent>projects/(?<project>[^/]+)/locations/[^/]+)/services'

const route = (method: string, path: string, permission: string): RouteAccess => ({
  method,
  path: new RegExp(`${path}$`),
  needs: ({ name, project }) => [{ permission: `run.services.${permission}`, resource: name ?? `projects/${project}` }],
  domain: 'run.googleapis.com',
})
const SERVICE = '^/v2/(?<name>projects/[^/]+/locations/[^/]+/services/[^/:]+)'

export const runAccess: readonly RouteAccess[] = [
  route('POST', LOCATION, 'create'),
  route('GET', LOCATION, 'list'),
  route('GET', SERVICE, 'get'),
  route('PATCH', SERVICE, 'update'),
  route('DELETE', SERVICE, 'delete'),
]
