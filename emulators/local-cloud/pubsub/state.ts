/** Everything the emulator holds: topics, subscriptions at work, messages. */

import type { Table } from '../core/journal.ts'
import type { CloudContext } from '../core/plugin.ts'
import type { Delivery, DeliveryHost } from './delivery/delivery.ts'
import type { Consumer } from './delivery/outstanding-message.ts'
import type { MessageStore } from './delivery/message-store.ts'
import { checkName, notFoundError } from './values/names.ts'
import type { Snapshot } from './delivery/snapshot.ts'
import type { SchemaRecord, SchemaRevision, SnapshotRecord, SubscriptionRecord, TopicRecord } from './values/records.ts'
import type { Topic } from './delivery/topic.ts'

export interface PubsubState {
  readonly context: CloudContext
  readonly topicRecords: Table<TopicRecord>
  readonly subscriptionRecords: Table<SubscriptionRecord>
  readonly snapshotRecords: Table<SnapshotRecord>
  readonly schemaRecords: Table<SchemaRecord>
  readonly topics: Map<string, Topic>
  readonly snapshots: Map<string, Snapshot>
  readonly deliveries: Map<string, Delivery>
  /** The pusher or writer of each subscription that has one. */
  readonly endpoints: Map<string, Consumer>
  readonly store: MessageStore
  readonly host: DeliveryHost
  /** Pushing begins only once every port is open. */
  started: boolean
}

/** The subscription of that name; NOT_FOUND in Google's words. */
export function deliveryOf(state: PubsubState, name: unknown): Delivery {
  const delivery = state.deliveries.get(checkName(name, 'subscriptions'))
  if (!delivery) throw notFoundError(name as string)
  return delivery
}

export function topicOf(state: PubsubState, name: unknown): { topic: Topic; record: TopicRecord } {
  const checked = checkName(name, 'topics')
  const topic = state.topics.get(checked)
  const record = state.topicRecords.get(checked)
  if (!topic || !record) throw notFoundError(checked)
  return { topic, record }
}

export function snapshotOf(state: PubsubState, name: unknown): Snapshot {
  const snapshot = state.snapshots.get(checkName(name, 'snapshots'))
  if (!snapshot) throw notFoundError(name as string)
  return snapshot
}

/** The schema of that name, without a revision. */
export function schemaOf(state: PubsubState, name: unknown): SchemaRecord {
  const record = state.schemaRecords.get(checkName(name, 'schemas'))
  if (!record) throw notFoundError(name as string)
  return record
}

/** The revision of `projects/p/schemas/s@revision`; without one, the latest. */
export function revisionOf(
  state: PubsubState,
  name: string | undefined,
): { readonly record: SchemaRecord; readonly revision: SchemaRevision } {
  const [schema, id] = (name ?? '').split('@')
  const record = schemaOf(state, schema)
  const revision = id === undefined ? record.revisions.at(-1) : record.revisions.find((one) => one.id === id)
  if (!revision) throw notFoundError(name!)
  return { record, revision }
}
