/** Topics: create, get, update, list, delete, and the subscriptions of one. */

import { openTopic } from '../lifecycle.ts'
import { durationText, type Mask, maskPaths, type MaybeTime, maybeMs, protoTime } from '../../core/proto-values.ts'
import { StatusError, invalidArgument } from '../../core/status.ts'
import { checkLabels } from '../values/labels.ts'
import { limits } from '../values/limits.ts'
import { DELETED_TOPIC, checkName, checkProject, checkRange, nameTakenError } from '../values/names.ts'
import { page, type PageRequest } from '../values/paging.ts'
import type { MessageStoragePolicy, TopicRecord } from '../values/records.ts'
import { topicOf, type PubsubState } from '../state.ts'
import { schemaSettings, type SchemaSettingsInput, schemaSettingsMessage } from './schema-settings.ts'

export interface TopicInput {
  readonly name?: string
  readonly labels?: Readonly<Record<string, string>> | null
  readonly kmsKeyName?: string
  readonly messageStoragePolicy?: Partial<MessageStoragePolicy> | null
  readonly messageRetentionDuration?: MaybeTime
  readonly schemaSettings?: SchemaSettingsInput | null
  readonly [field: string]: unknown
}

/** Fields of the API that are not emulated: refused by name, so that no client relies on them. */
const NOT_EMULATED = ['ingestionDataSourceSettings', 'messageTransforms', 'tags'] as const
const MUTABLE = ['labels', 'messageStoragePolicy', 'messageRetentionDuration', 'kmsKeyName', 'schemaSettings'] as const

function createTopic(state: PubsubState, input: TopicInput): object {
  const name = checkName(input.name, 'topics')
  const record = topicRecord(state, name, input)
  if (state.topics.has(name)) throw nameTakenError(name)
  openTopic(state, record)
  return topicMessage(record)
}

const getTopic = (state: PubsubState, { topic }: { topic?: string }): object =>
  topicMessage(topicOf(state, topic).record)

function updateTopic(state: PubsubState, request: { topic?: TopicInput; updateMask?: Mask }): object {
  const { topic, record } = topicOf(state, request.topic?.name)
  const fields = checkMask(request.updateMask, { message: 'Topic', mutable: MUTABLE })
  const parsed = topicRecord(state, record.name, request.topic!)
  const updated = {
    ...record,
    ...(fields.has('labels') && { labels: parsed.labels }),
    ...(fields.has('kmsKeyName') && { kmsKeyName: parsed.kmsKeyName }),
    ...(fields.has('messageStoragePolicy') && { messageStoragePolicy: parsed.messageStoragePolicy }),
    ...(fields.has('schemaSettings') && { schemaSettings: parsed.schemaSettings ?? null }),
    ...(fields.has('messageRetentionDuration') && { retentionMs: parsed.retentionMs }),
  }
  state.topicRecords.set(record.name, updated)
  topic.retentionMs = updated.retentionMs
  return topicMessage(updated)
}

function listTopics(state: PubsubState, request: PageRequest & { project?: string }): object {
  const prefix = `${checkProject(request.project)}/topics/`
  const inProject = [...state.topicRecords.keys()].filter((name) => name.startsWith(prefix))
  const { names, nextPageToken } = page(inProject, request)
  return { topics: names.map((name) => topicMessage(state.topicRecords.get(name)!)), nextPageToken }
}

function listTopicSubscriptions(state: PubsubState, request: PageRequest & { topic?: string }): object {
  const { names, nextPageToken } = page(topicOf(state, request.topic).topic.subscriptions, request)
  return { subscriptions: names, nextPageToken }
}

/** The topic's subscriptions stay, with their messages; their topic becomes `_deleted-topic_`. */
function deleteTopic(state: PubsubState, request: { topic?: string }): object {
  const { topic, record } = topicOf(state, request.topic)
  for (const name of topic.subscriptions) {
    const delivery = state.deliveries.get(name)!
    delivery.record = { ...delivery.record, topic: DELETED_TOPIC }
    state.subscriptionRecords.set(name, delivery.record)
  }
  // Snapshots keep what they hold, and nothing of a later topic of this name.
  for (const snapshot of state.snapshots.values()) {
    if (snapshot.record.topic !== record.name) continue
    const backlog = [...snapshot.messages].map((message) => message.record.id)
    snapshot.record = { ...snapshot.record, topic: DELETED_TOPIC, backlog }
    state.snapshotRecords.set(snapshot.record.name, snapshot.record)
  }
  topic.retentionMs = null
  state.topics.delete(record.name)
  state.topicRecords.delete(record.name)
  return {}
}

/** The camelCase fields of an update mask; refuses an empty mask and immutable fields. */
export function checkMask(
  mask: Mask,
  { message, mutable }: { message: string; mutable: readonly string[] },
): ReadonlySet<string> {
  // A path into a field is about the whole field.
  const fields = maskPaths(mask).map((path) => path.split('.')[0]!)
  if (fields.length === 0) {
    throw invalidArgument(
      `The update_mask in the Update${message}Request must be set, and must contain a non-empty paths list.`,
    )
  }
  for (const field of fields) {
    if (mutable.includes(field)) continue
    throw invalidArgument(
      `Invalid update_mask provided in the Update${message}Request: the '${field}' field in the ${message} is not mutable.`,
    )
  }
  return new Set(fields)
}

export function refuseNotEmulated(input: Readonly<Record<string, unknown>>, fields: readonly string[]): void {
  for (const field of fields) {
    const value = input[field]
    if (value === undefined || value === null || value === '') continue
    if (typeof value === 'object' && Object.keys(value).length === 0) continue
    throw new StatusError('UNIMPLEMENTED', `The field ${field} is not emulated. Leave it out.`)
  }
}

function topicRecord(state: PubsubState, name: string, input: TopicInput): TopicRecord {
  refuseNotEmulated(input, NOT_EMULATED)
  const retentionMs = maybeMs(input.messageRetentionDuration) ?? null
  if (retentionMs !== null) {
    const range = { min: limits.retentionMinMs, max: limits.retentionMaxMs, show: durationText }
    checkRange('message_retention_duration', retentionMs, range)
  }
  const policy = input.messageStoragePolicy
  return {
    name,
    labels: checkLabels(input.labels),
    kmsKeyName: input.kmsKeyName ?? '',
    messageStoragePolicy: policy
      ? {
          allowedPersistenceRegions: policy.allowedPersistenceRegions ?? [],
          enforceInTransit: policy.enforceInTransit ?? false,
        }
      : null,
    retentionMs,
    schemaSettings: schemaSettings(state, input.schemaSettings),
  }
}

const topicMessage = (record: TopicRecord): object => ({
  name: record.name,
  labels: record.labels,
  ...(record.kmsKeyName && { kmsKeyName: record.kmsKeyName }),
  ...(record.messageStoragePolicy && { messageStoragePolicy: record.messageStoragePolicy }),
  ...(record.retentionMs !== null && { messageRetentionDuration: protoTime(record.retentionMs) }),
  ...(record.schemaSettings && { schemaSettings: schemaSettingsMessage(record.schemaSettings) }),
  state: 'ACTIVE',
})

/** By their names in the API. */
export const topicMethods = { createTopic, getTopic, updateTopic, listTopics, listTopicSubscriptions, deleteTopic }
