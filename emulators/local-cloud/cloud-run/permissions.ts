/** The permission that each route of Cloud Run's Admin API requires: https://cloud.google.com/run/docs/reference/iam/permissions */

import type { RequiredPermission } from '../core/service.ts'
import type { RouteAccess } from '../core/access/access.ts'
import type { CloudContext } from '../core/plugin.ts'
import { actAsRefusal, type ServiceResource, type Template } from './values/service.ts'

const COLLECTION = '^/v2/(?<parent>projects/(?<project>[^/]+)/locations/[^/]+)/services$'
const SERVICE = '^/v2/(?<name>projects/(?<project>[^/]+)/locations/[^/]+/services/[^/:]+)$'

const domain = 'run.googleapis.com'
const onServices = (permission: string, resource: string): RequiredPermission => ({
  permission: `run.services.${permission}`,
  resource,
})
/** Read before the body is checked, so it may have any shape. */
interface Body {
  readonly template?: Partial<Template> | null
}

/** Creating or changing a service also takes the right to act as the account that it runs as. */
export function runAccess({ project, journal }: CloudContext): readonly RouteAccess[] {
  const services = journal.table<ServiceResource>('cloud-run/services')
  const actsAs = ({ serviceAccount }: Partial<Template>, projectId = ''): RequiredPermission => ({
    permission: 'iam.serviceAccounts.actAs',
    // Google runs a service that names no account as the default one of the project.
    resource: `projects/${projectId}/serviceAccounts/${serviceAccount || `${project.number}-compute@developer.gserviceaccount.com`}`,
  })
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
      onServices('create', `projects/${id}`),
      actsAs(((await body()) as Body).template ?? {}, id),
    ]),
    route('GET', COLLECTION, ({ project: id }) => [onServices('list', `projects/${id}`)]),
    route('GET', SERVICE, ({ name = '' }) => [onServices('get', name)]),
    route('PATCH', SERVICE, async ({ name = '', project: id }, body) => [
      onServices('update', name),
      actsAs(((await body()) as Body).template ?? services.get(name)?.template ?? {}, id),
    ]),
    route('DELETE', SERVICE, ({ name = '' }) => [onServices('delete', name)]),
  ]
}
