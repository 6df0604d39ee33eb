/** A delivered message as pull and streaming pull answer with it. */

import type { OutstandingMessage } from '../delivery/outstanding-message.ts'
import type { SubscriptionRecord } from '../values/records.ts'
import { protoTime, type ProtoTime } from '../../core/proto-values.ts'

export interface ReceivedMessage {
  readonly ackId: string
  readonly message: {
    readonly data: Buffer
    readonly attributes: Readonly<Record<string, string>>
    readonly messageId: string
    readonly publishTime: ProtoTime
    readonly orderingKey: string
  }
  /** 0, which clients take as absent, without a dead-letter policy. */
  readonly deliveryAttempt: number
}

export function receivedMessage(
  { ackId, message, failures }: OutstandingMessage,
  subscription: SubscriptionRecord,
): ReceivedMessage {
  const { id, data, attributes, publishMs, orderingKey } = message.record
  return {
    ackId,
    message: {
      data: Buffer.from(data, 'base64'),
      attributes,
      messageId: id,
      publishTime: protoTime(publishMs),
      orderingKey,
    },
    deliveryAttempt: subscription.deadLetterPolicy ? failures + 1 : 0,
  }
}
