/** Provisions google_pubsub_topic and google_pubsub_subscription through the public REST API, as Terraform would. */

import { type Attributes, attributesOf, defined, type Message, readAttributes } from '../core/terraform/attributes.ts'
import { policyGrants } from '../core/terraform/policy-grants.ts'
import type { OwnerApi, Provisioner } from '../core/terraform/provisioner.ts'
import { upsert } from '../core/terraform/upsert.ts'
import type { SubscriptionBacklog } from './api/backlogs.ts'
import { subscriptionPolicy, topicPolicy } from './iam.ts'

export const topicProvisioner: Provisioner = {
  async create(resource, api) {
    const { name, ...topic } = readAttributes(resource, topicOf)
    await upsert(
      () => api('PUT', `/v1/${name}`, topic),
      () => api('PATCH', `/v1/${name}`, { topic: { ...topic, name }, updateMask: TOPIC_MUTABLE.join(',') }),
    )
  },
  async remove(resource, api) {
    await api('DELETE', `/v1/${topicName(attributesOf(resource))}`)
  },
  holdsData: () => true,
  computed: (topic) => ({ id: topicName(topic) }),
}

export const topicGrants = policyGrants(
  'google_pubsub_topic',
  topicPolicy,
  (member) => `projects/${member.project()}/topics/${member.shortName('topic')}`,
)

export const subscriptionProvisioner: Provisioner = {
  async create(resource, api) {
    const { name, ...subscription } = readAttributes(resource, subscriptionOf)
    const put = () => api('PUT', `/v1/${name}`, subscription)
    let lost: string | undefined
    await upsert(put, async () => {
      const existing = (await api('GET', `/v1/${name}`)) as Message
      const changed = IMMUTABLE.filter((field) => (existing[field] || '') !== (subscription[field] || ''))
      if (changed.length > 0) {
        // Terraform replaces the resource when one of these changes, and its backlog is lost: so it is here.
        const waiting = await waitingIn(String(name), api)
        await api('DELETE', `/v1/${name}`)
        await put()
        if (waiting > 0)
          lost = `${waiting} ${waiting === 1 ? 'message' : 'messages'}, because it was replaced for another ${changed.join(', ')}`
        return
      }
      const body = { subscription: { ...subscription, name }, updateMask: SUBSCRIPTION_MUTABLE.join(',') }
      await api('PATCH', `/v1/${name}`, body)
    })
    return lost
  },
  async remove(resource, api) {
    await api('DELETE', `/v1/${subscriptionName(attributesOf(resource))}`)
  },
  holdsData: () => true,
  async suspend(resource, api) {
    const name = subscriptionName(attributesOf(resource))
    // Without both it waits for pull requests, and goes on to collect messages.
    await api('PATCH', `/v1/${name}`, { subscription: { name }, updateMask: 'pushConfig,bigqueryConfig' })
  },
  computed: (subscription) => ({ id: subscriptionName(subscription) }),
}

/** Google's own API has no such number. */
async function waitingIn(name: string, api: OwnerApi): Promise<number> {
  const answer = await api('GET', '/_local/pubsub/subscriptions')
  const { subscriptions } = answer as { readonly subscriptions: readonly SubscriptionBacklog[] }
  return subscriptions.find((one) => one.name === name)?.waiting ?? 0
}

export const subscriptionGrants = policyGrants(
  'google_pubsub_subscription',
  subscriptionPolicy,
  (member) => `projects/${member.project()}/subscriptions/${member.shortName('subscription')}`,
)

const TOPIC_MUTABLE = ['labels', 'messageStoragePolicy', 'messageRetentionDuration', 'kmsKeyName', 'schemaSettings']
const SUBSCRIPTION_MUTABLE = [
  'ackDeadlineSeconds',
  'retainAckedMessages',
  'messageRetentionDuration',
  'labels',
  'enableExactlyOnceDelivery',
  'expirationPolicy',
  'deadLetterPolicy',
  'retryPolicy',
  'pushConfig',
  'bigqueryConfig',
]
const IMMUTABLE = ['topic', 'filter', 'enableMessageOrdering']

const topicName = (topic: Attributes): string => `projects/${topic.project()}/topics/${topic.required('name')}`
const subscriptionName = (subscription: Attributes): string =>
  `projects/${subscription.project()}/subscriptions/${subscription.required('name')}`

function topicOf(topic: Attributes): Message {
  return defined({
    name: topicName(topic),
    ...topic.alike({ value: ['labels'], text: ['kms_key_name', 'message_retention_duration'] }),
    messageStoragePolicy: topic.block('message_storage_policy', (policy) =>
      policy.alike({ value: ['allowed_persistence_regions'], flag: ['enforce_in_transit'] }),
    ),
    schemaSettings: topic.block('schema_settings', (settings) => settings.alike({ text: ['schema', 'encoding'] })),
  })
}

function subscriptionOf(subscription: Attributes): Message {
  const topic = subscription.required('topic')
  return defined({
    name: subscriptionName(subscription),
    topic: topic.includes('/') ? topic : `projects/${subscription.project()}/topics/${topic}`,
    ...subscription.alike({
      number: ['ack_deadline_seconds'],
      text: ['message_retention_duration', 'filter'],
      flag: ['retain_acked_messages', 'enable_message_ordering', 'enable_exactly_once_delivery'],
      value: ['labels'],
    }),
    expirationPolicy: subscription.block('expiration_policy', (expiration) => ({
      // An empty ttl says: never.
      ttl: expiration.text('ttl') || undefined,
    })),
    retryPolicy: subscription.block('retry_policy', (retry) =>
      retry.alike({ text: ['minimum_backoff', 'maximum_backoff'] }),
    ),
    deadLetterPolicy: subscription.block('dead_letter_policy', (deadLetter) =>
      deadLetter.alike({ text: ['dead_letter_topic'], number: ['max_delivery_attempts'] }),
    ),
    pushConfig: subscription.block('push_config', pushConfigOf),
    bigqueryConfig: subscription.block('bigquery_config', (bigquery) =>
      bigquery.alike({
        text: ['table', 'service_account_email'],
        flag: ['use_topic_schema', 'use_table_schema', 'write_metadata', 'drop_unknown_fields'],
      }),
    ),
  })
}

const pushConfigOf = (push: Attributes): Message => ({
  ...push.alike({ text: ['push_endpoint'], value: ['attributes'] }),
  oidcToken: push.block('oidc_token', (token) => token.alike({ text: ['service_account_email', 'audience'] })),
  noWrapper: push.block('no_wrapper', (noWrapper) => ({ writeMetadata: noWrapper.flag('write_metadata') })),
})
