/** Opens and closes topics and subscriptions, and restores the emulator from the journal when it starts. */

import type { CloudContext } from '../core/plugin.ts'
import type { StatusError } from '../core/status.ts'
import { forwardDeadLetter } from './dead-letter.ts'
import { Delivery } from './delivery/delivery.ts'
import { connectEndpoint } from './endpoint.ts'
import { type Message, MessageStore } from './delivery/message-store.ts'
import { DELETED_TOPIC, notFoundError } from './values/names.ts'
import { Snapshot } from './delivery/snapshot.ts'
import type { SnapshotRecord, SubscriptionRecord, TopicRecord } from './values/records.ts'
import type { PubsubState } from './state.ts'
import { Topic } from './delivery/topic.ts'

export function makeState(context: CloudContext): PubsubState {
  const { clock, journal } = context
  const store = new MessageStore(journal, clock.now())
  const state: PubsubState = {
    context,
    topicRecords: journal.table('pubsub/topics'),
    subscriptionRecords: journal.table('pubsub/subscriptions'),
    snapshotRecords: journal.table('pubsub/snapshots'),
    schemaRecords: journal.table('pubsub/schemas'),
    topics: new Map(),
    snapshots: new Map(),
    deliveries: new Map(),
    endpoints: new Map(),
    store,
    started: false,
    host: {
      clock,
      store,
      failures: journal.table('pubsub/failures'),
      ackPrefix: context.newId(),
      count: (counter, amount) => context.count(counter, amount),
      deadLetter: (subscription, message, failures) => forwardDeadLetter(state, subscription, message, failures),
      expire: ({ name }) => closeSubscription(state, name, notFoundError(name)),
    },
  }
  load(state)
  return state
}

/** Starts pushing and writing. */
export function startState(state: PubsubState): void {
  state.started = true
  for (const delivery of state.deliveries.values()) connectEndpoint(state, delivery)
}

export function stopState(state: PubsubState): void {
  for (const delivery of state.deliveries.values()) delivery.stop()
  for (const topic of state.topics.values()) topic.stop()
  for (const snapshot of state.snapshots.values()) snapshot.stop()
}

export function openTopic(state: PubsubState, record: TopicRecord): void {
  state.topicRecords.set(record.name, record)
  state.topics.set(record.name, new Topic(state.context.clock, state.store, record.retentionMs))
}

/** Puts a subscription to work; its record is written by the caller's `set`. */
export function openSubscription(state: PubsubState, record: SubscriptionRecord): Delivery {
  const delivery = new Delivery(record, state.host)
  state.deliveries.set(record.name, delivery)
  if (!record.detached) state.topics.get(record.topic)?.listen(delivery)
  if (state.started) connectEndpoint(state, delivery)
  return delivery
}

export function closeSubscription(state: PubsubState, name: string, reason: StatusError): void {
  const delivery = state.deliveries.get(name)
  if (!delivery) return
  state.topics.get(delivery.record.topic)?.unlisten(name)
  delivery.close(reason)
  state.deliveries.delete(name)
  state.endpoints.delete(name)
  state.subscriptionRecords.delete(name)
}

/** Puts a snapshot to work; its record is written by the caller. */
export function openSnapshot(state: PubsubState, record: SnapshotRecord): Snapshot {
  const snapshot = new Snapshot(record, {
    clock: state.context.clock,
    store: state.store,
    expire: () => closeSnapshot(state, record.name),
  })
  state.snapshots.set(record.name, snapshot)
  return snapshot
}

export function closeSnapshot(state: PubsubState, name: string): void {
  state.snapshots.get(name)?.close()
  state.snapshots.delete(name)
  state.snapshotRecords.delete(name)
}

/** Rebuilds the state from the journal: outstanding messages are delivered again. */
function load(state: PubsubState): void {
  const { clock } = state.context
  for (const record of state.topicRecords.values()) {
    state.topics.set(record.name, new Topic(clock, state.store, record.retentionMs))
  }
  for (const record of state.snapshotRecords.values()) openSnapshot(state, record)
  const bySerial = new Map<number, Delivery>()
  for (const record of state.subscriptionRecords.values()) {
    bySerial.set(record.serial, openSubscription(state, record))
  }
  for (const message of state.store.load((serial) => bySerial.has(serial))) {
    takeUp(state, message, bySerial)
    state.store.dropUnneeded(message)
  }
}

function takeUp(state: PubsubState, message: Message, bySerial: ReadonlyMap<number, Delivery>): void {
  const { record } = message
  const topic = record.topic === DELETED_TOPIC ? undefined : state.topics.get(record.topic)
  if (topic?.keeps) {
    state.store.keep(message)
    topic.hold(message)
  }
  for (const snapshot of state.snapshots.values()) {
    if (!snapshot.covers(message)) continue
    state.store.keep(message)
    snapshot.hold(message)
  }
  for (const serial of message.waiting) bySerial.get(serial)?.add(message)
  for (const serial of record.to) {
    const delivery = message.waiting.includes(serial) ? undefined : bySerial.get(serial)
    if (delivery?.record.retainAckedMessages) delivery.keepAcked(message)
  }
}
