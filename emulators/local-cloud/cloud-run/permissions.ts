/** The permission that each route of Cloud Run's Admin API requires: https://cloud.google.com/run/docs/reference/iam/permissions */

import { actsAs, permissionsOn } from '../core/access/required.ts'
import type { RequiredPermission } from '../core/service.ts'
import type { RouteAccess } from '../core/access/access.ts'
import type { CloudContext } from '../core/plugin.ts'
import { actAsRefusal, type ServiceResource, type Template } from './values/service.ts'

const COLLECTION = '^/v2/(?<parent>projects/(?<project>[^/]+)/locations/[^/]+)/services$'
const SERVICE = '^/v2/(?<name>projects/(?<project>[^/]+)/locations/[^/]+/services/[^/:]+)$'

const domain = 'run.googleapis.com'
const on = permissionsOn('run.services')
/** Read before the body is checked, so it may have any shape. */
interface Body {
  readonly template?: Partial<Template> | null
}

/** Creating or changing a service also takes the right to act as the account that it runs as. */
export function runAccess({ project, journal }: CloudContext): readonly RouteAccess[] {
  const services = journal.table<ServiceResource>('cloud-run/services')
  // Google runs a service that names no account as the default one of the project.
  const runsAs = ({ serviceAccount }: Partial<Template>, projectId = ''): RequiredPermission[] =>
    actsAs(serviceAccount || `${project.number}-compute@developer.gserviceaccount.com`, `projects/${projectId}`)
  const route = (method: string, path: string, needs: RouteAccess['needs']): RouteAccess => ({
    method,
    path: new RegExp(path),
    needs,
    domain,
    refusal: ({ permission, resource }) =>
      permission === 'iam.serviceAccounts.actAs'
        ? actAsRefusal(resource.split('/').at(-1)!)
        : `Permission '${permission}' denied on resource '${resource}' (or it may not exist).`,
  })
  return [
    route('POST', COLLECTION, async ({ project: id }, body) => [
      on('create', `projects/${id}`),
      ...runsAs(((await body()) as Body).template ?? {}, id),
    ]),
    route('GET', COLLECTION, ({ project: id }) => [on('list', `projects/${id}`)]),
    route('GET', SERVICE, ({ name = '' }) => [on('get', name)]),
    route('PATCH', SERVICE, async ({ name = '', project: id }, body) => [
      on('update', name),
      ...runsAs(((await body()) as Body).template ?? services.get(name)?.template ?? {}, id),
    ]),
    route('DELETE', SERVICE, ({ name = '' }) => [on('delete', name)]),
  ]
}
