/** The permission that each method of IAM requires, including those on policies of other APIs' resources. */

import type { MethodAccess, RequiredPermission, ServiceAccess } from '../core/service.ts'
import type { RouteAccess } from '../core/access/access.ts'
import type { PolicyKinds } from './policies/policy-kinds.ts'

const policyNeed = ({ kindOf }: PolicyKinds, verb: string, resource: string): RequiredPermission => ({
  permission: `${kindOf(resource)?.permissions ?? 'resourcemanager.projects'}.${verb}`,
  resource,
})

/** The methods that every API with policies has. */
export function policyAccess(kinds: PolicyKinds): ServiceAccess {
  const onPolicy =
    (verb: string): MethodAccess =>
    ({ resource = '' }: { resource?: string }) => [policyNeed(kinds, verb, resource)]
  return {
    refusal: ({ permission, resource }) =>
      `Permission '${permission}' denied on resource '${resource}' (or it may not exist).`,
    domain: 'iam.googleapis.com',
    methods: {
      getIamPolicy: onPolicy('getIamPolicy'),
      setIamPolicy: onPolicy('setIamPolicy'),
      // A caller learns only its own permissions.
      testIamPermissions: () => [],
    },
  }
}

const ACCOUNTS = '^/v1/(?<project>projects/[^/]+)/serviceAccounts'
const ACCOUNT = '^/v1/(?<name>projects/[^/]+/serviceAccounts/[^/:]+)'
const open = (method: string, path: string): RouteAccess => ({ method, path: new RegExp(path), needs: () => [] })
const route = (method: string, path: string, permission: string): RouteAccess => ({
  method,
  path: new RegExp(`${path}$`),
  needs: ({ name, project }) => [{ permission, resource: name ?? project ?? '' }],
})
const policyRoutes = (kinds: PolicyKinds): RouteAccess[] =>
  kinds.paths.flatMap(({ kind, path }) => {
    const policyRoute = (method: string, verb: string): RouteAccess => ({
      method,
      path: new RegExp(`^${path}:${verb}$`),
      needs: ({ resource = '' }) => (verb === 'testIamPermissions' ? [] : [policyNeed(kinds, verb, resource)]),
    })
    return [
      policyRoute(kind.read, 'getIamPolicy'),
      policyRoute('POST', 'setIamPolicy'),
      policyRoute('POST', 'testIamPermissions'),
    ]
  })

export const iamAccess = (kinds: PolicyKinds): readonly RouteAccess[] => [
  // The metadata server is each account's own.
  open('GET', '^/$'),
  open('GET', '^/computeMetadata/'),
  open('GET', '^/oauth2/v3/certs$'),
  ...policyRoutes(kinds),
  route('POST', ACCOUNTS, 'iam.serviceAccounts.create'),
  route('GET', ACCOUNTS, 'iam.serviceAccounts.list'),
  route('GET', ACCOUNT, 'iam.serviceAccounts.get'),
  route('PATCH', ACCOUNT, 'iam.serviceAccounts.update'),
  route('DELETE', ACCOUNT, 'iam.serviceAccounts.delete'),
  route('POST', `${ACCOUNT}:disable`, 'iam.serviceAccounts.disable'),
  route('POST', `${ACCOUNT}:enable`, 'iam.serviceAccounts.enable'),
  route('GET', '^/v[13]/(?<name>projects/[^/:]+)', 'resourcemanager.projects.get'),
]
