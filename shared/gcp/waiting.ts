/** Messages that wait in a pull subscription for an operator's decision: pulled under a lease, then acknowledged or released. */

import type { v1 } from '@google-cloud/pubsub-api'

/** The maximum of messages that one call of `leased` leases. */
const MAX_MESSAGES = 1_000
/** A message has at most 10 MB, so a pull holds at most 200 MB in memory. */
const MESSAGES_PER_PULL = 20
/** The number of empty answers after which a subscription counts as empty: one alone may come from a Pub/Sub server without messages. */
const EMPTY_ANSWERS = 3

export interface Waiting {
  readonly messageId: string
  readonly data: Buffer
  readonly attributes: Readonly<Record<string, string>>
  /** When it was published there, in milliseconds since the epoch. */
  readonly sinceMs: number
  readonly ackId: string
}

/** Leases the messages of a subscription in batches, for its ack deadline. @param subscription the full name */
export async function* leased(client: v1.SubscriberClient, subscription: string): AsyncGenerator<readonly Waiting[]> {
  let found = 0
  for (let empty = 0; empty < EMPTY_ANSWERS && found < MAX_MESSAGES;) {
    const [{ receivedMessages }] = await client.pull({
      subscription,
      maxMessages: Math.min(MESSAGES_PER_PULL, MAX_MESSAGES - found),
      returnImmediately: true,
    })
    if (!receivedMessages?.length) empty += 1
    found += receivedMessages?.length ?? 0
    yield (receivedMessages ?? []).map(({ ackId, message }) => ({
      messageId: message!.messageId!,
      data: Buffer.from(message!.data as Uint8Array),
      attributes: message!.attributes ?? {},
      sinceMs: Number(message!.publishTime!.seconds) * 1_000,
      ackId: ackId!,
    }))
  }
}

/** Extends the lease of messages; the time is in seconds from now. */
export async function extend(
  client: v1.SubscriberClient,
  subscription: string,
  { ackIds, seconds }: { readonly ackIds: readonly string[]; readonly seconds: number },
): Promise<void> {
  await client.modifyAckDeadline({ subscription, ackIds: [...ackIds], ackDeadlineSeconds: seconds })
}

/** Nacks messages, so that they are available at once to the next reader. */
export async function release(
  client: v1.SubscriberClient,
  subscription: string,
  ackIds: readonly string[],
): Promise<void> {
  if (ackIds.length > 0) await extend(client, subscription, { ackIds, seconds: 0 })
}

/**
 * The type of a dead letter. If Pub/Sub dead-lettered it, the type is part of the subscription's name; if the service did, it
 * is an attribute.
 */
export function typeOf(consumer: string, { attributes }: Pick<Waiting, 'attributes'>): string {
  const subscription = attributes['CloudPubSubDeadLetterSourceSubscription']
  return subscription?.startsWith(`${consumer}.`)
    ? subscription.slice(consumer.length + 1)
    : (attributes['type'] ?? 'unknown')
}
