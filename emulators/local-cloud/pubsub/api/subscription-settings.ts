/** Reads a Subscription message into a record, field by field, with Google's ranges, and writes it back. */

import { refusedTarget } from '../../core/control-ports.ts'
import { durationText, type MaybeTime, maybeMs, protoTime } from '../../core/proto-values.ts'
import { invalidArgument } from '../../core/status.ts'
import { bigqueryConfig, bigqueryMessage } from '../bigquery/config.ts'
import { checkLabels } from '../values/labels.ts'
import { limits } from '../values/limits.ts'
import { checkAccountEmail, checkName, checkRange } from '../values/names.ts'
import type { DeadLetterPolicy, PushConfig, RetryPolicy, SubscriptionRecord } from '../values/records.ts'
import type { PubsubState } from '../state.ts'

/** As the transport shapes `google.pubsub.v1.Subscription`; unset messages are null or absent. */
export interface SubscriptionInput {
  readonly name?: string
  readonly topic?: string
  readonly pushConfig?: PushConfigInput | null
  readonly bigqueryConfig?: Readonly<Record<string, unknown>> | null
  readonly ackDeadlineSeconds?: number
  readonly retainAckedMessages?: boolean
  readonly messageRetentionDuration?: MaybeTime
  readonly labels?: Readonly<Record<string, string>> | null
  readonly enableMessageOrdering?: boolean
  readonly expirationPolicy?: { readonly ttl?: MaybeTime } | null
  readonly filter?: string
  readonly deadLetterPolicy?: Partial<DeadLetterPolicy> | null
  readonly retryPolicy?: { readonly minimumBackoff?: MaybeTime; readonly maximumBackoff?: MaybeTime } | null
  readonly enableExactlyOnceDelivery?: boolean
  readonly [field: string]: unknown
}

export interface PushConfigInput {
  readonly pushEndpoint?: string
  readonly attributes?: Readonly<Record<string, string>> | null
  readonly oidcToken?: { readonly serviceAccountEmail?: string; readonly audience?: string } | null
  readonly noWrapper?: { readonly writeMetadata?: boolean } | null
}

type Settings = Omit<SubscriptionRecord, 'name' | 'serial' | 'topic' | 'filter' | 'enableMessageOrdering' | 'detached'>

/** How each field that may change later is read: the record's key, and its value. */
export const mutableFields = {
  ackDeadlineSeconds: (input: SubscriptionInput) => ({ ackDeadlineSeconds: ackDeadline(input.ackDeadlineSeconds) }),
  retainAckedMessages: (input: SubscriptionInput) => ({ retainAckedMessages: input.retainAckedMessages ?? false }),
  messageRetentionDuration: (input: SubscriptionInput) => ({ retentionMs: retention(input.messageRetentionDuration) }),
  labels: (input: SubscriptionInput) => ({ labels: checkLabels(input.labels) }),
  enableExactlyOnceDelivery: (input: SubscriptionInput) => ({
    enableExactlyOnceDelivery: input.enableExactlyOnceDelivery ?? false,
  }),
  expirationPolicy: (input: SubscriptionInput) => ({ expirationMs: expiration(input.expirationPolicy) }),
  deadLetterPolicy: (input: SubscriptionInput, state: PubsubState) => ({
    deadLetterPolicy: deadLetter(input.deadLetterPolicy, state),
  }),
  retryPolicy: (input: SubscriptionInput) => ({ retryPolicy: retry(input.retryPolicy) }),
  pushConfig: (input: SubscriptionInput) => ({ pushConfig: pushConfig(input.pushConfig) }),
  bigqueryConfig: (input: SubscriptionInput, state: PubsubState) => ({
    bigqueryConfig: bigqueryConfig(input.bigqueryConfig, state),
  }),
} satisfies Record<string, (input: SubscriptionInput, state: PubsubState) => Partial<SubscriptionRecord>>

export type MutableField = keyof typeof mutableFields

export function settingsOf(input: SubscriptionInput, state: PubsubState): Settings {
  const fields = mutableFields
  const settings = {
    ...fields.ackDeadlineSeconds(input),
    ...fields.retainAckedMessages(input),
    ...fields.messageRetentionDuration(input),
    ...fields.labels(input),
    ...fields.enableExactlyOnceDelivery(input),
    ...fields.expirationPolicy(input),
    ...fields.deadLetterPolicy(input, state),
    ...fields.retryPolicy(input),
    ...fields.pushConfig(input),
    ...fields.bigqueryConfig(input, state),
  }
  checkTogether(settings)
  return settings
}

/** Refuses settings that one subscription can't combine. */
export function checkTogether(
  settings: Pick<Settings, 'pushConfig' | 'bigqueryConfig' | 'enableExactlyOnceDelivery'>,
): void {
  if (settings.pushConfig && settings.bigqueryConfig) {
    throw invalidArgument('A subscription can have only one of push_config and bigquery_config.')
  }
  if (settings.enableExactlyOnceDelivery && (settings.pushConfig || settings.bigqueryConfig)) {
    throw invalidArgument(
      'Exactly-once delivery is only supported for pull subscriptions (enable_exactly_once_delivery).',
    )
  }
}

function ackDeadline(value: number | undefined): number {
  const seconds = value || limits.ackDeadlineDefaultSeconds
  checkRange('ack_deadline_seconds', seconds, { min: limits.ackDeadlineMinSeconds, max: limits.ackDeadlineMaxSeconds })
  return seconds
}

function retention(value: MaybeTime): number {
  const ms = maybeMs(value) ?? limits.retentionDefaultMs
  const range = { min: limits.retentionMinMs, max: limits.retentionMaxMs, show: durationText }
  checkRange('message_retention_duration', ms, range)
  return ms
}

/** No policy: 31 days. A policy without ttl: never. */
function expiration(policy: SubscriptionInput['expirationPolicy']): number | null {
  if (!policy) return limits.expirationDefaultMs
  const ms = maybeMs(policy.ttl)
  if (ms === undefined) return null
  checkRange('expiration duration', ms, { min: limits.expirationMinMs, max: Infinity, show: durationText })
  return ms
}

function deadLetter(policy: SubscriptionInput['deadLetterPolicy'], state: PubsubState): DeadLetterPolicy | null {
  if (!policy?.deadLetterTopic) return null
  const maxDeliveryAttempts = policy.maxDeliveryAttempts || limits.deliveryAttemptsDefault
  const range = { min: limits.deliveryAttemptsMin, max: limits.deliveryAttemptsMax }
  checkRange('max_delivery_attempts', maxDeliveryAttempts, range)
  const deadLetterTopic = checkName(policy.deadLetterTopic, 'topics')
  if (!state.topics.has(deadLetterTopic)) {
    throw invalidArgument(
      `The dead letter topic does not exist (dead_letter_topic=${deadLetterTopic}). Create it first.`,
    )
  }
  return { deadLetterTopic, maxDeliveryAttempts }
}

function retry(policy: SubscriptionInput['retryPolicy']): RetryPolicy | null {
  if (!policy) return null
  const minimumMs = maybeMs(policy.minimumBackoff) ?? limits.backoffMinDefaultMs
  const maximumMs = maybeMs(policy.maximumBackoff) ?? limits.backoffMaxDefaultMs
  checkRange('minimum_backoff', minimumMs, { min: 0, max: limits.backoffMaxMs, show: durationText })
  checkRange('maximum_backoff', maximumMs, { min: 0, max: limits.backoffMaxMs, show: durationText })
  if (minimumMs > maximumMs) {
    throw invalidArgument(
      `The value for minimum_backoff (${durationText(minimumMs)}) must not exceed maximum_backoff (${durationText(maximumMs)}).`,
    )
  }
  return { minimumMs, maximumMs }
}

/** An empty endpoint means pull. http is allowed too: a laptop has no certificates. */
export function pushConfig(config: PushConfigInput | null | undefined): PushConfig | null {
  if (!config?.pushEndpoint) return null
  const { pushEndpoint, oidcToken, noWrapper } = config
  if (!URL.canParse(pushEndpoint) || !/^https?:$/.test(new URL(pushEndpoint).protocol)) {
    throw invalidArgument(
      `Invalid push endpoint given (endpoint=${pushEndpoint}). Refer to ` +
        'https://cloud.google.com/pubsub/docs/create-push-subscription for more information.',
    )
  }
  const refused = refusedTarget(pushEndpoint)
  if (refused) throw invalidArgument(`Invalid push endpoint given: ${refused}`)
  for (const key of Object.keys(config.attributes ?? {})) {
    if (key !== 'x-goog-version') {
      throw invalidArgument(`Invalid push_config attribute "${key}": only x-goog-version is supported.`)
    }
  }
  if (oidcToken) checkAccountEmail(oidcToken.serviceAccountEmail ?? '', 'oidc_token')
  return {
    pushEndpoint,
    attributes: { ...config.attributes },
    oidcToken: oidcToken
      ? { serviceAccountEmail: oidcToken.serviceAccountEmail!, audience: oidcToken.audience ?? '' }
      : null,
    noWrapper: noWrapper ? { writeMetadata: noWrapper.writeMetadata ?? false } : null,
  }
}

export function subscriptionMessage(record: SubscriptionRecord, state: PubsubState): object {
  const { deadLetterPolicy, retryPolicy, expirationMs } = record
  const topicRetentionMs = state.topicRecords.get(record.topic)?.retentionMs ?? null
  const bigquery = record.bigqueryConfig && bigqueryMessage(record.bigqueryConfig, state)
  return {
    name: record.name,
    topic: record.topic,
    pushConfig: record.pushConfig ? pushMessage(record.pushConfig) : {},
    ...(bigquery && { bigqueryConfig: bigquery }),
    ackDeadlineSeconds: record.ackDeadlineSeconds,
    retainAckedMessages: record.retainAckedMessages,
    messageRetentionDuration: protoTime(record.retentionMs),
    labels: record.labels,
    enableMessageOrdering: record.enableMessageOrdering,
    expirationPolicy: expirationMs === null ? {} : { ttl: protoTime(expirationMs) },
    filter: record.filter,
    ...(deadLetterPolicy && { deadLetterPolicy }),
    ...(retryPolicy && {
      retryPolicy: {
        minimumBackoff: protoTime(retryPolicy.minimumMs),
        maximumBackoff: protoTime(retryPolicy.maximumMs),
      },
    }),
    detached: record.detached,
    enableExactlyOnceDelivery: record.enableExactlyOnceDelivery,
    ...(topicRetentionMs !== null && { topicMessageRetentionDuration: protoTime(topicRetentionMs) }),
    state: bigquery && bigquery.state !== 'ACTIVE' ? 'RESOURCE_ERROR' : 'ACTIVE',
  }
}

const pushMessage = ({ pushEndpoint, attributes, oidcToken, noWrapper }: PushConfig): object => ({
  pushEndpoint,
  attributes,
  ...(oidcToken && { oidcToken }),
  ...(noWrapper && { noWrapper }),
})
