/** Provisions google_pubsub_topic and google_pubsub_subscription through the public REST API, as Terraform would. */

import type { OwnerApi, Provisioner, TerraformResource } from '../core/plugin.ts'
import { Blocks, type Attributes } from './terraform-attributes.ts'

export const topicProvisioner: Provisioner = {
  async create(resource, api) {
    const path = `projects/${projectOf(resource.attributes)}/topics/${nameOf(resource)}`
    const topic = topicBody(resource)
    await put(api, path, topic, async () => {
      const body = { topic: { ...topic, name: path }, updateMask: TOPIC_MUTABLE.join(',') }
      await api('PATCH', `/v1/${path}`, body)
    })
  },
  async remove(resource, api) {
    await api('DELETE', `/v1/projects/${projectOf(resource.attributes)}/topics/${nameOf(resource)}`)
  },
}

export const subscriptionProvisioner: Provisioner = {
  async create(resource, api) {
    const path = `projects/${projectOf(resource.attributes)}/subscriptions/${nameOf(resource)}`
    const subscription = subscriptionBody(resource)
    await put(api, path, subscription, async () => {
      const existing = (await api('GET', `/v1/${path}`)) as Attributes
      if (IMMUTABLE.some((field) => (existing[field] || '') !== (subscription[field] || ''))) {
        // Terraform replaces the resource when one of these changes, and its backlog is lost: so it is here.
        await api('DELETE', `/v1/${path}`)
        await api('PUT', `/v1/${path}`, subscription)
        return
      }
      const body = { subscription: { ...subscription, name: path }, updateMask: SUBSCRIPTION_MUTABLE.join(',') }
      await api('PATCH', `/v1/${path}`, body)
    })
  },
  async remove(resource, api) {
    await api('DELETE', `/v1/projects/${projectOf(resource.attributes)}/subscriptions/${nameOf(resource)}`)
  },
}

const TOPIC_MUTABLE = ['labels', 'messageStoragePolicy', 'messageRetentionDuration', 'kmsKeyName']
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

async function put(api: OwnerApi, path: string, body: Attributes, whenThere: () => Promise<void>): Promise<void> {
  try {
    await api('PUT', `/v1/${path}`, body)
  } catch (error) {
    const { status, httpStatus = status } = error as { status?: unknown; httpStatus?: unknown }
    if (httpStatus !== 409) throw error
    await whenThere()
  }
}

function topicBody({ address, attributes }: TerraformResource): Attributes {
  const blocks = new Blocks(address, attributes)
  const policy = blocks.block('message_storage_policy')
  const body = {
    labels: labels(blocks),
    kmsKeyName: blocks.text('kms_key_name'),
    messageRetentionDuration: blocks.text('message_retention_duration'),
    messageStoragePolicy: policy && {
      allowedPersistenceRegions: policy.value('allowed_persistence_regions'),
      enforceInTransit: policy.flag('enforce_in_transit'),
    },
  }
  ignoreTerraformOnly(blocks)
  return defined(body, blocks, policy)
}

function subscriptionBody({ address, attributes }: TerraformResource): Attributes {
  const blocks = new Blocks(address, attributes)
  const topic = blocks.text('topic') ?? ''
  const expiration = blocks.block('expiration_policy')
  const retry = blocks.block('retry_policy')
  const deadLetter = blocks.block('dead_letter_policy')
  const ttl = expiration?.text('ttl')
  const body = {
    topic: topic.includes('/') ? topic : `projects/${projectOf(attributes)}/topics/${topic}`,
    ackDeadlineSeconds: blocks.number('ack_deadline_seconds'),
    messageRetentionDuration: blocks.text('message_retention_duration'),
    retainAckedMessages: blocks.flag('retain_acked_messages'),
    enableMessageOrdering: blocks.flag('enable_message_ordering'),
    enableExactlyOnceDelivery: blocks.flag('enable_exactly_once_delivery'),
    filter: blocks.text('filter'),
    labels: labels(blocks),
    // An empty ttl says: never.
    expirationPolicy: expiration && (ttl ? { ttl } : {}),
    retryPolicy:
      retry &&
      defined({ minimumBackoff: retry.text('minimum_backoff'), maximumBackoff: retry.text('maximum_backoff') }, retry),
    deadLetterPolicy:
      deadLetter &&
      defined(
        {
          deadLetterTopic: deadLetter.text('dead_letter_topic'),
          maxDeliveryAttempts: deadLetter.number('max_delivery_attempts'),
        },
        deadLetter,
      ),
    pushConfig: pushConfig(blocks.block('push_config')),
    bigqueryConfig: bigqueryConfig(blocks.block('bigquery_config')),
  }
  ignoreTerraformOnly(blocks)
  return defined(body, blocks, expiration)
}

function pushConfig(push: Blocks | undefined): Attributes | undefined {
  if (!push) return undefined
  const token = push.block('oidc_token')
  const noWrapper = push.block('no_wrapper')
  const body = {
    pushEndpoint: push.text('push_endpoint'),
    attributes: push.value('attributes'),
    oidcToken:
      token &&
      defined({ serviceAccountEmail: token.text('service_account_email'), audience: token.text('audience') }, token),
    noWrapper: noWrapper && defined({ writeMetadata: noWrapper.flag('write_metadata') }, noWrapper),
  }
  return defined(body, push)
}

function bigqueryConfig(bigquery: Blocks | undefined): Attributes | undefined {
  if (!bigquery) return undefined
  const body = {
    table: bigquery.text('table'),
    useTopicSchema: bigquery.flag('use_topic_schema'),
    useTableSchema: bigquery.flag('use_table_schema'),
    writeMetadata: bigquery.flag('write_metadata'),
    dropUnknownFields: bigquery.flag('drop_unknown_fields'),
    serviceAccountEmail: bigquery.text('service_account_email'),
  }
  return defined(body, bigquery)
}

/** What only Terraform itself uses, and the attributes that already went into the path. */
function ignoreTerraformOnly(blocks: Blocks): void {
  for (const name of ['name', 'project', 'depends_on', 'provider', 'lifecycle', 'timeouts', 'id']) blocks.value(name)
}

const labels = (blocks: Blocks): unknown => blocks.value('labels')

/** The body without unset fields, once every attribute of the blocks was read. */
function defined(body: Attributes, ...read: (Blocks | undefined)[]): Attributes {
  for (const blocks of read) blocks?.refuseUnread()
  return Object.fromEntries(Object.entries(body).filter(([, value]) => value !== undefined))
}

function nameOf({ address, attributes }: TerraformResource): string {
  const name: unknown = attributes['name']
  if (typeof name === 'string' && name !== '') return name
  throw new Error(`${address} has no name. Set its attribute "name".`)
}

/** The provider's project is among the attributes already; a subscription may also take its topic's. */
function projectOf(attributes: Attributes): string {
  const project = attributes['project'] ?? /^projects\/([^/]+)\/topics\//.exec(String(attributes['topic'] ?? ''))?.[1]
  if (typeof project === 'string') return project
  throw new Error(`"${String(attributes['name'])}" has no project. Set it on the resource or the provider.`)
}
