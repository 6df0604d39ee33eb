/** What each method of IAM takes, the policies of every other API's resources included. */

import type { MethodAccess, Need, RouteAccess, ServiceAccess } from '../core/access.ts'

/** How a resource's own API calls it in its permissions, by its collection. */
const kinds: Readonly<Record<string, string>> = {
  serviceAccounts: 'iam.serviceAccounts',
  topics: 'pubsub.topics',
  subscriptions: 'pubsub.subscriptions',
  schemas: 'pubsub.schemas',
  snapshots: 'pubsub.snapshots',
  queues: 'cloudtasks.queues',
  services: 'run.services',
  datasets: 'bigquery.datasets',
  tables: 'bigquery.tables',
  projects: 'resourcemanager.projects',
}

const policyNeed = (verb: string, resource: string): Need => ({
  permission: `${kinds[resource.split('/').at(-2) ?? ''] ?? 'resourcemanager.projects'}.${verb}`,
  resource,
})
const onPolicy =
  (verb: string): MethodAccess =>
  ({ resource = '' }: { resource?: string }) => [policyNeed(verb, resource)]

/** The methods that every API with policies has. */
export const policyAccess: ServiceAccess = {
  refusal: ({ permission, resource }) =>
    `Permission '${permission}' denied on resource '${resource}' (or it may not exist).`,
  domain: 'iam.googleapis.com',
  methods: {
    getIamPolicy: onPolicy('getIamPolicy'),
    setIamPolicy: onPolicy('setIamPolicy'),
    // Whoever asks learns about itself alone.
    testIamPermissions: () => [],
  },
}

const ACCOUNTS = '^/v1/(?<project>projects/[^/]+)/serviceAccounts'
const ACCOUNT = '^/v1/(?<name>projects/[^/]+/serviceAccounts/[^/:]+)'
const open = (method: string, path: string): RouteAccess => ({ method, path: new RegExp(path), needs: () => [] })
const route = (method: string, path: string, permission: string): RouteAccess => ({
  method,
  path: new RegExp(`${path}$`),
  needs: ({ name, project }) => [{ permission, resource: name ?? project ?? '' }],
})
const policyRoute = (method: string, verb: string): RouteAccess => ({
  method,
  path: new RegExp(`^(?:/bigquery)?(?:/v\\d)?/(?<resource>projects/.+):${verb}$`),
  needs: ({ resource = '' }) => (verb === 'testIamPermissions' ? [] : [policyNeed(verb, resource)]),
})

export const iamAccess: readonly RouteAccess[] = [
  // The metadata server is each account's own.
  open('GET', '^/$'),
  open('GET', '^/computeMetadata/'),
  open('GET', '^/oauth2/v3/certs$'),
  ...['getIamPolicy', 'setIamPolicy', 'testIamPermissions'].map((verb) => policyRoute('POST', verb)),
  policyRoute('GET', 'getIamPolicy'),
  route('POST', ACCOUNTS, 'iam.serviceAccounts.create'),
  route('GET', ACCOUNTS, 'iam.serviceAccounts.list'),
  route('GET', ACCOUNT, 'iam.serviceAccounts.get'),
  route('PATCH', ACCOUNT, 'iam.serviceAccounts.update'),
  route('DELETE', ACCOUNT, 'iam.serviceAccounts.delete'),
  route('POST', `${ACCOUNT}:disable`, 'iam.serviceAccounts.disable'),
  route('POST', `${ACCOUNT}:enable`, 'iam.serviceAccounts.enable'),
  route('GET', '^/v[13]/(?<name>projects/[^/:]+)', 'resourcemanager.projects.get'),
]
