/** The permission that each method of Pub/Sub requires: https://cloud.google.com/pubsub/docs/access-control#required_permissions */

import { actsAs, permissionsOn, projectOf } from '../core/access/required.ts'
import type { RequiredPermission, ServiceAccess } from '../core/service.ts'
import type { CloudContext } from '../core/plugin.ts'

const on = permissionsOn('pubsub')
const words: Pick<ServiceAccess, 'refusal' | 'domain'> = {
  refusal: () => 'User not authorized to perform this action.',
  domain: 'pubsub.googleapis.com',
}

interface Named {
  readonly name?: string
}
interface OfTopic {
  readonly topic?: string
}
interface OfSubscription {
  readonly subscription?: string
}
interface OfSnapshot {
  readonly snapshot?: string
}
interface WithSchema {
  readonly schemaSettings?: { readonly schema?: string } | null
}
interface OfProject {
  readonly project?: string
}
interface OfAccount {
  readonly serviceAccountEmail?: string
}
/** How a subscription delivers: by push, into BigQuery, or neither. */
interface Delivering {
  readonly pushConfig?: { readonly oidcToken?: OfAccount | null } | null
  readonly bigqueryConfig?: OfAccount | null
}

/** A subscription pushes or writes as an account. */
const deliversAs = ({ pushConfig, bigqueryConfig }: Delivering, project: string): RequiredPermission[] =>
  [pushConfig?.oidcToken, bigqueryConfig].flatMap((config) => actsAs(config?.serviceAccountEmail, project))

/** A topic with a schema uses it. */
const attaches = ({ schemaSettings }: WithSchema): RequiredPermission[] =>
  schemaSettings?.schema ? [on('schemas.attach', schemaSettings.schema)] : []

export const publisherAccess: ServiceAccess = {
  ...words,
  methods: {
    createTopic: ({ name, ...topic }: Named & WithSchema) => [on('topics.create', projectOf(name)), ...attaches(topic)],
    updateTopic: ({ topic }: { topic?: (Named & WithSchema) | null }) => [
      on('topics.update', topic?.name ?? ''),
      ...attaches(topic ?? {}),
    ],
    publish: ({ topic = '' }: OfTopic) => [on('topics.publish', topic)],
    getTopic: ({ topic = '' }: OfTopic) => [on('topics.get', topic)],
    listTopics: ({ project = '' }: OfProject) => [on('topics.list', project)],
    listTopicSubscriptions: ({ topic = '' }: OfTopic) => [on('topics.get', topic)],
    listTopicSnapshots: ({ topic = '' }: OfTopic) => [on('topics.get', topic)],
    deleteTopic: ({ topic = '' }: OfTopic) => [on('topics.delete', topic)],
    detachSubscription: ({ subscription = '' }: OfSubscription) => [on('topics.detachSubscription', subscription)],
  },
}

const consumes = ({ subscription = '' }: OfSubscription): RequiredPermission[] => [
  on('subscriptions.consume', subscription),
]

export const subscriberAccess: ServiceAccess = {
  ...words,
  methods: {
    createSubscription: ({ name, topic = '', ...delivering }: Named & OfTopic & Delivering) => [
      on('subscriptions.create', projectOf(name)),
      on('topics.attachSubscription', topic),
      ...deliversAs(delivering, projectOf(name)),
    ],
    getSubscription: ({ subscription = '' }: OfSubscription) => [on('subscriptions.get', subscription)],
    updateSubscription: ({ subscription }: { subscription?: (Named & Delivering) | null }) => [
      on('subscriptions.update', subscription?.name ?? ''),
      ...deliversAs(subscription ?? {}, projectOf(subscription?.name)),
    ],
    listSubscriptions: ({ project = '' }: OfProject) => [on('subscriptions.list', project)],
    deleteSubscription: ({ subscription = '' }: OfSubscription) => [on('subscriptions.delete', subscription)],
    modifyPushConfig: ({ subscription = '', ...delivering }: OfSubscription & Pick<Delivering, 'pushConfig'>) => [
      on('subscriptions.update', subscription),
      ...deliversAs(delivering, projectOf(subscription)),
    ],
    modifyAckDeadline: consumes,
    acknowledge: consumes,
    pull: consumes,
    // The first request names the subscription; it can't be set again.
    streamingPull: ({ subscription }: OfSubscription) => (subscription ? consumes({ subscription }) : []),
    seek: ({ subscription, snapshot }: OfSubscription & OfSnapshot) => [
      ...consumes(subscription === undefined ? {} : { subscription }),
      ...(snapshot ? [on('snapshots.seek', snapshot)] : []),
    ],
    createSnapshot: ({ subscription = '' }: OfSubscription) => [
      on('snapshots.create', projectOf(subscription)),
      on('subscriptions.consume', subscription),
    ],
    getSnapshot: ({ snapshot = '' }: OfSnapshot) => [on('snapshots.get', snapshot)],
    updateSnapshot: ({ snapshot }: { snapshot?: Named | null }) => [on('snapshots.update', snapshot?.name ?? '')],
    listSnapshots: ({ project = '' }: OfProject) => [on('snapshots.list', project)],
    deleteSnapshot: ({ snapshot = '' }: OfSnapshot) => [on('snapshots.delete', snapshot)],
  },
}

interface OfParent {
  readonly parent?: string
}

/** The schema of a revision: policies belong to the schema. */
const schemaOf = (name = ''): string => name.split('@')[0]!

export const schemaAccess: ServiceAccess = {
  ...words,
  methods: {
    createSchema: ({ parent = '' }: OfParent) => [on('schemas.create', parent)],
    getSchema: ({ name }: Named) => [on('schemas.get', schemaOf(name))],
    listSchemas: ({ parent = '' }: OfParent) => [on('schemas.list', parent)],
    listSchemaRevisions: ({ name }: Named) => [on('schemas.listRevisions', schemaOf(name))],
    commitSchema: ({ name }: Named) => [on('schemas.commit', schemaOf(name))],
    rollbackSchema: ({ name }: Named) => [on('schemas.rollback', schemaOf(name))],
    deleteSchemaRevision: ({ name }: Named) => [on('schemas.delete', schemaOf(name))],
    deleteSchema: ({ name }: Named) => [on('schemas.delete', schemaOf(name))],
    validateSchema: ({ parent = '' }: OfParent) => [on('schemas.validate', parent)],
    validateMessage: ({ parent = '', name }: OfParent & Named) => [
      on('schemas.validate', parent),
      ...(name ? [on('schemas.get', schemaOf(name))] : []),
    ],
  },
}

/** Pub/Sub's service agent, which pushes, writes into BigQuery and forwards dead letters. */
const agentOf = ({ project: { number } }: CloudContext): string =>
  `service-${number}@gcp-sa-pubsub.iam.gserviceaccount.com`

/** https://cloud.google.com/pubsub/docs/authenticate-push-subscriptions */
export const mayPushAs = (context: CloudContext, account: string): boolean =>
  context.access.allows(agentOf(context), {
    permission: 'iam.serviceAccounts.getOpenIdToken',
    resource: `projects/${context.project.id}/serviceAccounts/${account}`,
  })

/** https://cloud.google.com/pubsub/docs/handling-failures#grant_forwarding_permissions */
export const mayDeadLetter = (context: CloudContext, subscription: string, topic: string): boolean =>
  context.access.allows(agentOf(context), on('topics.publish', topic)) &&
  context.access.allows(agentOf(context), on('subscriptions.consume', subscription))

/**
 * Why rows can't be written; undefined when they can.
 * https://cloud.google.com/pubsub/docs/create-bigquery-subscription#assign_bigquery_service_account
 */
export function notWritable(
  context: CloudContext,
  table: { readonly projectId: string; readonly datasetId: string; readonly tableId: string },
  account: string,
): string | undefined {
  const who = account || agentOf(context)
  const resource = `projects/${table.projectId}/datasets/${table.datasetId}/tables/${table.tableId}`
  const missing = ['bigquery.tables.get', 'bigquery.tables.updateData'].filter(
    (permission) => !context.access.allows(who, { permission, resource }),
  )
  if (missing.length === 0) return undefined
  return `Service account ${who} is missing permissions required to write to the BigQuery table: ${missing.join(', ')}.`
}
