/** Publish: checks a request as Google does, and hands its messages on. */

import { bytesOf } from '../../core/proto-values.ts'
import { invalidArgument } from '../../core/status.ts'
import { type Draft, publishNow } from '../fan-out.ts'
import { BILLED_BYTES_MIN, limits } from '../values/limits.ts'
import { billedBytes } from '../delivery/message-store.ts'
import { messageCheck } from '../schemas/check-message.ts'
import { checkRange } from '../values/names.ts'
import { topicOf, type PubsubState } from '../state.ts'

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
  const checked = messages.map(draft)
  const attributesOf = record.schemaSettings ? messageCheck(state, record.schemaSettings) : undefined
  // One message that does not fit refuses the request, as at Google.
  const drafts = checked.map((one) =>
    attributesOf
      ? { ...one, attributes: { ...one.attributes, ...attributesOf(Buffer.from(one.data, 'base64')) } }
      : one,
  )
  const bytes = drafts.reduce((sum, one) => sum + billedBytes(one), 0)
  checkRange('request_size', bytes, { min: 0, max: limits.publishBytes })
  state.context.count('pubsub.publishRequests')
  state.context.count('pubsub.publishBytes', Math.max(BILLED_BYTES_MIN, bytes))
  return { messageIds: publishNow(state, record.name, drafts) }
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
