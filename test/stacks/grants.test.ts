/** The permissions of each account in every environment, by rules that name no service: a new service needs no new rule. */

import { describe, expect, it } from 'vitest'
import { business, services } from '../../functions/index.ts'
import { stuckEvent } from '../../shared/base/names.ts'
import { enqueuedBy, isScheduled, publishedBy, type Service } from '../../shared/service/service.ts'
import type { Environment } from '../../stacks/environments.ts'
import { allEnvironments, type Attributes, declared, resolved, stacksOf } from './synthesized.testing.ts'

/** `ROLE RESOURCE` of each grant, sorted, by account, without names and numbers of projects: equal in every environment. */
type Access = Readonly<Record<string, readonly string[]>>

/** By the type of grant, the resource that it opens. */
const resourceOf: Readonly<Record<string, (attributes: Attributes) => unknown>> = {
  google_artifact_registry_repository_iam_binding: ({ repository }) => repository,
  google_bigquery_table_iam_binding: ({ table_id: table }) => table,
  google_cloud_run_v2_service_iam_binding: ({ name }) => name,
  google_cloud_tasks_queue_iam_binding: ({ name }) => name,
  google_project_iam_member: () => 'project',
  google_pubsub_subscription_iam_binding: ({ subscription }) => subscription,
  google_pubsub_topic_iam_binding: ({ topic }) => topic,
  google_secret_manager_secret_iam_binding: ({ secret_id: secret }) => secret,
  google_service_account_iam_binding: ({ service_account_id: account }) => account,
  google_storage_bucket_iam_binding: ({ bucket }) => bucket,
}

function granted(environment: Environment): Access {
  const { projectId, projectNumber } = environment
  const agent = `serviceAccount:service-${projectNumber}@gcp-sa-pubsub.iam.gserviceaccount.com`
  const own = new RegExp(`^serviceAccount:([a-z0-9-]+)@${projectId}\\.iam\\.gserviceaccount\\.com$`)
  const of = (type: string, where: (attributes: Attributes) => unknown): (readonly [string, string])[] =>
    declared(environment, type).flatMap(({ stack, attributes }) =>
      [attributes['members'] ?? attributes['member']].flat().map((member) => {
        const account = member === agent ? 'pubsub-agent' : String(member).replace(own, '$1')
        const role = String(attributes['role']).replace(/^roles\//, '')
        const resource = resolved(environment, stack, where(attributes)).replace(projectId, 'PROJECT')
        const group = { [environment.operators]: 'operators', [environment.analysts]: 'analysts' }[account]
        return [group ?? account, `${role} ${resource}`] as const
      }),
    )
  return byAccount(Object.entries(resourceOf).flatMap(([type, where]) => of(type, where)))
}

function byAccount(grants: readonly (readonly [account: string, grant: string])[]): Access {
  const accounts = [...new Set(grants.map(([account]) => account))].toSorted()
  return Object.fromEntries(
    accounts.map((account) => [
      account,
      grants
        .filter(([one]) => one === account)
        .map(([, grant]) => grant)
        .toSorted(),
    ]),
  )
}

const internal = services.filter(({ ingress }) => ingress === 'internal')
const listening = services.filter(({ on }) => on.length > 0)
const publishing = services.filter(({ emits }) => emits.length > 0)
const published = [...new Set(services.flatMap(publishedBy))]
const sagaReports = published.includes(stuckEvent)
const ownersOf = (commands: readonly string[]): string[] =>
  services.filter(({ accepts }) => commands.some((command) => accepts.includes(command))).map(({ name }) => name)
const formerlySentTo = (sender: string): string[] =>
  services
    .filter(({ contracts }) =>
      Object.values(contracts.commands).some(({ formerSenders = [] }) => formerSenders.includes(sender)),
    )
    .map(({ name }) => name)

/** A service writes telemetry, uses its own database, publishes its own events, and reaches the services that its description names. */
function rightsOf(service: Service): string[] {
  const { name, ingress, submits, calls, requestsRepublishFrom } = service
  const queues = new Set([...ownersOf(enqueuedBy(service)), ...requestsRepublishFrom])
  const called = new Set([...queues, ...ownersOf(submits), ...calls, ...formerlySentTo(name)])
  return [
    'serviceusage.serviceUsageConsumer project',
    'telemetry.metricsWriter project',
    'telemetry.tracesWriter project',
    ...(service.readsAccounts ? ['firebaseauth.viewer project'] : []),
    ...Object.keys(service.secrets).map((secret) => `secretmanager.secretAccessor ${secret}`),
    ...(service.readsViews.length > 0 ? ['bigquery.jobUser project'] : []),
    ...service.readsViews.map((view) => `bigquery.dataViewer ${view}`),
    ...(Object.keys(service.collections).length > 0 ? ['datastore.user project'] : []),
    ...(ingress === 'internal'
      ? [`pubsub.publisher ${name}-dead-letters`, `pubsub.subscriber ${name}-dead-letters`]
      : []),
    ...publishedBy(service).map((type) => `pubsub.publisher ${type}`),
    ...[...queues].map((queue) => `cloudtasks.enqueuer ${queue}`),
    // A task carries the token of its sender.
    ...(queues.size > 0 ? [`iam.serviceAccountUser ${name}`] : []),
    ...[...called].map((other) => `run.invoker ${other}`),
  ]
}

const operators = [
  ...internal.flatMap(({ name }) => [`cloudtasks.enqueuer ${name}`, `pubsub.subscriber ${name}-dead-letters`]),
  'pubsub.subscriber bigquery-dead-letters',
  ...(sagaReports ? [`pubsub.subscriber operators.${stuckEvent}`] : []),
  'iam.serviceAccountUser operations',
]

const pubsubAgent = [
  ...[...publishing.map(({ name }) => name), ...(sagaReports ? ['runtime'] : [])].map(
    (table) => `bigquery.dataEditor ${table}`,
  ),
  ...published.map((type) => `pubsub.subscriber bigquery.${type}`),
  'pubsub.publisher bigquery-dead-letters',
  ...listening.flatMap(({ name, on }) => [
    `iam.serviceAccountOpenIdTokenCreator ${name}-push`,
    `pubsub.publisher ${name}-dead-letters`,
    ...on.map((type) => `pubsub.subscriber ${name}.${type}`),
  ]),
]

const analysts = [
  'bigquery.jobUser project',
  ...['event_log', 'recent_events', 'unreadable_events', ...business.views.names].map(
    (view) => `bigquery.dataViewer ${view}`,
  ),
]

const imageBuilder = [
  'artifactregistry.writer millrace',
  'logging.logWriter project',
  'storage.objectViewer PROJECT-build-sources',
]

const of = (account: string, grants: readonly string[]) => grants.map((grant) => [account, grant] as const)
const allowed = byAccount([
  ...services.flatMap((service) => of(service.name, rightsOf(service))),
  ...listening.flatMap(({ name }) => of(`${name}-push`, [`run.invoker ${name}`])),
  ...services.filter(isScheduled).flatMap(({ name }) => of(`${name}-cron`, [`run.invoker ${name}`])),
  ...services
    .filter(({ ingress }) => ingress === 'public')
    .flatMap(({ name }) => of('allUsers', [`run.invoker ${name}`])),
  // Of people's accounts none calls a service: they act as `operations`, which may do nothing else.
  ...of('operators', operators),
  ...internal.flatMap(({ name }) => of('operations', [`run.invoker ${name}`])),
  ...of('analysts', analysts),
  ...of('pubsub-agent', pubsubAgent),
  ...of('image-builder', imageBuilder),
])

describe.each(allEnvironments.map((environment) => [environment.name, environment] as const))(
  '%s',
  (_, environment) => {
    it('grants each account exactly the rights of the rules, and no other account any', () => {
      expect(environment.operators).toMatch(/^group:/)
      expect(environment.analysts).toMatch(/^group:/)
      expect(granted(environment), 'access that is meant to change is changed in test/stacks/grants.test.ts').toEqual(
        allowed,
      )
    })

    it('has no other types of grants than those that are compared', () => {
      const types = stacksOf(environment).flatMap(({ json }) => Object.keys(json.resource ?? {}))
      const grants = new Set(types.filter((type) => /_iam_(?!audit_config$)/.test(type)))
      expect([...grants].toSorted()).toEqual(Object.keys(resourceOf).toSorted())
    })
  },
)
