/** Messages that wait in pull subscriptions for somebody to decide: looked at under a lease, and put back unless they are done with. */

import type { v1 } from '@google-cloud/pubsub'
import type { Target } from './target.ts'

/** Of one subscription, in one look: more than somebody reads, and a bound on what is held. */
const MOST_MESSAGES = 1_000
const MESSAGES_PER_PULL = 100
/** An empty answer may only mean that this server had none at hand. */
const EMPTY_ANSWERS = 3

export interface Waiting {
  readonly subscription: string
  readonly messageId: string
  readonly data: Buffer
  readonly attributes: Readonly<Record<string, string>>
  /** When it was put there. */
  readonly sinceMs: number
  readonly ackId: string
}

export interface Shelf {
  look(subscription: string): Promise<Waiting[]>
  /** It will not be seen again. */
  take(message: Waiting): Promise<void>
  /** Whatever was looked at and not taken is there for the next who looks. */
  close(): Promise<void>
}

export async function openShelf({ projectId, clientOptions }: Target): Promise<Shelf> {
  const { v1 } = await import('@google-cloud/pubsub')
  const client: v1.SubscriberClient = new v1.SubscriberClient(await clientOptions())
  const held = new Map<string, Waiting>()
  const pathOf = (subscription: string): string => client.subscriptionPath(projectId, subscription)

  return {
    async look(subscription) {
      const found: Waiting[] = []
      for (let empty = 0; empty < EMPTY_ANSWERS && found.length < MOST_MESSAGES;) {
        const [{ receivedMessages }] = await client.pull({
          subscription: pathOf(subscription),
          maxMessages: Math.min(MESSAGES_PER_PULL, MOST_MESSAGES - found.length),
          returnImmediately: true,
        })
        if (!receivedMessages?.length) empty += 1
        for (const { ackId, message } of receivedMessages ?? []) {
          const waiting: Waiting = {
            subscription,
            messageId: message!.messageId!,
            data: Buffer.from(message!.data as Uint8Array),
            attributes: message!.attributes ?? {},
            sinceMs: Number(message!.publishTime!.seconds) * 1000,
            ackId: ackId!,
          }
          held.set(waiting.ackId, waiting)
          found.push(waiting)
        }
      }
      return found.toSorted((a, b) => a.sinceMs - b.sinceMs)
    },
    async take({ subscription, ackId }) {
      await client.acknowledge({ subscription: pathOf(subscription), ackIds: [ackId] })
      held.delete(ackId)
    },
    async close() {
      for (const [subscription, waiting] of Map.groupBy(held.values(), (one) => one.subscription)) {
        const ackIds = waiting.map(({ ackId }) => ackId)
        await client.modifyAckDeadline({ subscription: pathOf(subscription), ackIds, ackDeadlineSeconds: 0 })
      }
      await client.close()
    },
  }
}
