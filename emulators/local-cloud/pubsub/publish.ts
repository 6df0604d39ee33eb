/** Publish: checks a request as Google does, stores each message once, and hands it to the subscriptions that match. */

import { bytesOf } from '../core/proto-values.ts'
import { invalidArgument } from '../core/status.ts'
import type { Delivery } from './delivery.ts'
import { BILLED_BYTES_MIN, limits } from './limits.ts'
import { billedBytes } from './message-store.ts'
import { checkRange, idOf } from './names.ts'
import type { MessageRecord } from './records.ts'
import { topicOf, type PubsubState } from './state.ts'

export type Draft = Pick<MessageRecord, 'data' | 'attributes' | 'orderingKey'>

export interface PublishRequest {
  readonly topic?: string
  readonly messages?: readonly PublishMessage[]
}

interface PublishMessage {
  readonly data?: Uint8Array | null
  readonly attributes?: Readonly<Record<string, string>> | null
  readonly orderingKey?: string | null
}

export function publish(state: PubsubState, request: PublishRequest): { messageIds: string[] } {
  const { record } = topicOf(state, request.topic)
  const messages = request.messages ?? []
  checkRange('message_count', messages.length, { min: 1, max: limits.publishMessages })
  const drafts = messages.map(draft)
  const bytes = drafts.reduce((sum, one) => sum + billedBytes(one), 0)
  checkRange('request_size', bytes, { min: 0, max: limits.publishBytes })
  state.context.count('pubsub.publishRequests')
  state.context.count('pubsub.publishBytes', Math.max(BILLED_BYTES_MIN, bytes))
  return { messageIds: publishNow(state, record.name, drafts) }
}

/** Publishes checked messages to a topic that exists; returns their ids. */
export function publishNow(state: PubsubState, name: string, drafts: readonly Draft[]): string[] {
  const { topic } = topicOf(state, name)
  const { store, context } = state
  const publishMs = context.clock.now()
  const touched = new Set<Delivery>()
  const ids = drafts.map((one) => {
    const id = String(store.newId())
    const { matching, filtered } = topic.targets(one.attributes)
    const to = matching.map(({ record }) => record.serial)
    const message = store.add({ id, topic: name, ...one, publishMs, to }, topic.keeps ? 1 : 0)
    if (topic.keeps) topic.hold(message)
    // What a filter drops is billed as delivered all the same: https://cloud.google.com/pubsub/pricing.
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

function draft(message: PublishMessage): Draft {
  const data = bytesOf(message.data).toString('base64')
  const attributes = { ...message.attributes }
  const orderingKey = message.orderingKey ?? ''
  const keys = Object.keys(attributes)
  if (data === '' && keys.length === 0) {
    throw invalidArgument(
      'One or more messages in the publish request is empty. Each message must contain either non-empty data, or at least one attribute.',
    )
  }
  checkRange('attribute_count', keys.length, { min: 0, max: limits.attributes })
  for (const key of keys) checkAttribute(key, attributes[key]!)
  checkRange('ordering_key_size', Buffer.byteLength(orderingKey), { min: 0, max: limits.orderingKeyBytes })
  return { data, attributes, orderingKey }
}

function checkAttribute(key: string, value: string): void {
  if (key === '')
    throw invalidArgument('One or more messages in the publish request has an attribute with an empty key.')
  if (key.toLowerCase().startsWith('goog')) {
    throw invalidArgument(`The attribute key "${key}" is reserved: attribute keys must not begin with 'goog'.`)
  }
  checkRange('attribute_key_size', Buffer.byteLength(key), { min: 1, max: limits.attributeKeyBytes })
  checkRange('attribute_value_size', Buffer.byteLength(value), { min: 0, max: limits.attributeValueBytes })
}
