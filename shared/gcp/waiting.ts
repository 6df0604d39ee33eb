/** Messages that wait in a pull subscription for an operator's decision: pulled under a lease, then acknowledged or released. */

import type { v1 } from '@google-cloud/pubsub'

/** Of one subscription, in one look: a bound on what is leased. */
const MAX_MESSAGES = 1_000
/** A message has at most 10 MB: so many of them are held in memory at once. */
const MESSAGES_PER_PULL = 20
/** An empty answer may only mean that this server had none at hand. */
const EMPTY_ANSWERS = 3

export interface Waiting {
  readonly messageId: string
  readonly data: Buffer
  readonly attributes: Readonly<Record<string, string>>
  /** When it was put there. */
  readonly sinceMs: number
  readonly ackId: string
}

/** Leases what waits there, for the subscription's ack deadline, a batch at a time. `subscription`: its full name. */
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

/** The lease goes on for so long from now. */
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

/** The type of a dead letter: Pub/Sub's copy names the subscription that dead-lettered it, a service's copy its type. */
export function typeOf(listener: string, { attributes }: Pick<Waiting, 'attributes'>): string {
  const subscription = attributes['CloudPubSubDeadLetterSourceSubscription']
  return subscription?.startsWith(`${listener}.`)
    ? subscription.slice(listener.length + 1)
    : (attributes['type'] ?? 'unknown')
}
