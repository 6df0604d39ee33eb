/** Messages that wait in pull subscriptions for somebody to decide: looked at under a lease, and put back unless they are done with. */

import type { v1 } from '@google-cloud/pubsub'
import { type Waiting as Leased, leased, release } from '../../shared/gcp/waiting.ts'
import type { Target } from './target.ts'

export interface Waiting extends Leased {
  readonly subscription: string
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
      for await (const batch of leased(client, pathOf(subscription))) {
        for (const one of batch) {
          const waiting = { ...one, subscription }
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
        await release(
          client,
          pathOf(subscription),
          waiting.map(({ ackId }) => ackId),
        )
      }
      await client.close()
    },
  }
}
