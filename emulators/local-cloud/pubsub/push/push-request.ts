/** The content of a push request: Google's JSON wrapper, or the unwrapped data with metadata as headers. */

import type { OutstandingMessage } from '../delivery/outstanding-message.ts'
import type { PushConfig, SubscriptionRecord } from '../values/records.ts'

export interface PushRequest {
  readonly headers: Record<string, string>
  readonly body: string | Uint8Array<ArrayBuffer>
}

export function pushRequest(
  entry: OutstandingMessage,
  subscription: SubscriptionRecord,
  config: PushConfig,
): PushRequest {
  return config.noWrapper
    ? unwrapped(entry, subscription, config.noWrapper.writeMetadata)
    : { headers: { 'content-type': 'application/json', ...AGENT }, body: JSON.stringify(wrapper(entry, subscription)) }
}

const AGENT = { 'user-agent': 'CloudPubSub-Google', accept: 'application/json' }

/** https://cloud.google.com/pubsub/docs/push#receive_push: both spellings of id and time, empty fields left out. */
function wrapper({ message, failures }: OutstandingMessage, subscription: SubscriptionRecord): object {
  const { id, data, attributes, orderingKey, publishMs } = message.record
  const publishTime = new Date(publishMs).toISOString()
  return {
    message: {
      ...(Object.keys(attributes).length > 0 && { attributes }),
      ...(data && { data }),
      messageId: id,
      message_id: id,
      ...(orderingKey && { orderingKey }),
      publishTime,
      publish_time: publishTime,
    },
    subscription: subscription.name,
    ...(subscription.deadLetterPolicy && { deliveryAttempt: failures + 1 }),
  }
}

/** https://cloud.google.com/pubsub/docs/payload-unwrapping */
function unwrapped(
  { message, failures }: OutstandingMessage,
  subscription: SubscriptionRecord,
  writeMetadata: boolean,
): PushRequest {
  const { id, data, attributes, orderingKey, publishMs } = message.record
  const headers: Record<string, string> = { ...AGENT }
  if (writeMetadata) {
    for (const [key, value] of Object.entries(attributes)) {
      if (HEADER_NAME.test(key) && HEADER_VALUE.test(value)) headers[key.toLowerCase()] = value
    }
    headers['x-goog-pubsub-subscription-name'] = subscription.name
    headers['x-goog-pubsub-message-id'] = id
    headers['x-goog-pubsub-publish-time'] = new Date(publishMs).toISOString()
    if (orderingKey) headers['x-goog-pubsub-ordering-key'] = orderingKey
    if (subscription.deadLetterPolicy) headers['x-goog-pubsub-delivery-attempt'] = String(failures + 1)
  }
  return { headers, body: Uint8Array.from(Buffer.from(data, 'base64')) }
}

/** An attribute that can't be an HTTP header is left out: otherwise the message could never be pushed. */
const HEADER_NAME = /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/
const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/
