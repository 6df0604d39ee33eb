/** Publishes the copy of a message that failed too often to the dead-letter topic of its subscription. */
// https://cloud.google.com/pubsub/docs/handling-failures#dead_letter_topic

import { publishNow } from './fan-out.ts'
import { mayDeadLetter } from './permissions.ts'
import type { Message } from './delivery/message-store.ts'
import { idOf, projectOf } from './values/names.ts'
import type { SubscriptionRecord } from './values/records.ts'
import type { PubsubState } from './state.ts'

/** False when there is no such topic (any more), or Pub/Sub may not: the message then stays in its subscription, as at Google. */
export function forwardDeadLetter(
  state: PubsubState,
  subscription: SubscriptionRecord,
  { record }: Message,
  failures: number,
): boolean {
  const topic = subscription.deadLetterPolicy?.deadLetterTopic ?? ''
  if (!state.topics.has(topic) || !mayDeadLetter(state.context, subscription.name, topic)) return false
  const publishTime = new Date(record.publishMs).toISOString().replace('Z', '+00:00')
  publishNow(state, topic, [
    {
      data: record.data,
      orderingKey: record.orderingKey,
      attributes: {
        ...record.attributes,
        CloudPubSubDeadLetterSourceDeliveryCount: String(failures),
        CloudPubSubDeadLetterSourceSubscription: idOf(subscription.name),
        CloudPubSubDeadLetterSourceSubscriptionProject: projectOf(subscription.name),
        CloudPubSubDeadLetterSourceTopicPublishTime: publishTime,
      },
    },
  ])
  return true
}
