/** Stores a message once, and hands it to the subscriptions of its topic that match. */

import type { Delivery } from './delivery/delivery.ts'
import { idOf } from './values/names.ts'
import type { MessageRecord } from './values/records.ts'
import { topicOf, type PubsubState } from './state.ts'

export type Draft = Pick<MessageRecord, 'data' | 'attributes' | 'orderingKey'>

/** Publishes checked messages to a topic that exists; returns their ids. */
export function publishNow(state: PubsubState, name: string, drafts: readonly Draft[]): string[] {
  const { topic } = topicOf(state, name)
  const { store, context } = state
  const publishMs = context.clock.now()
  const snapshots = [...state.snapshots.values()].filter(({ record }) => record.topic === name)
  const keptBy = [...(topic.keeps ? [topic] : []), ...snapshots]
  const touched = new Set<Delivery>()
  const ids = drafts.map((one) => {
    const id = String(store.newId())
    const { matching, filtered } = topic.targets(one.attributes)
    const to = matching.map(({ record }) => record.serial)
    const message = store.add({ id, topic: name, ...one, publishMs, to }, keptBy.length)
    for (const keeper of keptBy) keeper.hold(message)
    // Messages that a filter drops are billed like delivered ones: https://cloud.google.com/pubsub/pricing.
    if (filtered > 0) context.count('pubsub.deliveryBytes', filtered * message.bytes)
    for (const delivery of matching) {
      delivery.add(message)
      touched.add(delivery)
    }
    return id
  })
  context.count('pubsub.messages.published', drafts.length)
  context.count(`pubsub.messages.published.${idOf(name)}`, drafts.length)
  for (const delivery of touched) delivery.pump()
  return ids
}
