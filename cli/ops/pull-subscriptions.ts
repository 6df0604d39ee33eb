/** Pulls messages under a lease, for an operator's decision. Messages that are not acknowledged are released. */

import type { v1 } from '@google-cloud/pubsub-api'
import { extend, type Waiting as Leased, leased, release } from '../../shared/gcp/waiting.ts'
import type { Target } from './target.ts'

export interface Waiting extends Leased {
  readonly subscription: string
}

export interface PullSubscriptions {
  pull(subscription: string): Promise<Waiting[]>
  /** Pub/Sub does not deliver the message again. */
  acknowledge(message: Waiting): Promise<void>
  /** Releases each message that was pulled and not acknowledged. */
  close(): Promise<void>
}

/** A lease lasts for the ack deadline of one minute; pulling and deciding may take longer. */
const LEASE_SECONDS = 60
const EXTEND_EVERY_MS = 20_000

/** Calls `run` at this interval until the returned function is called. */
export type Repeat = (everyMs: number, run: () => Promise<void>) => () => void

const repeat: Repeat = (everyMs, run) => {
  const timer = setInterval(() => void run(), everyMs)
  return () => clearInterval(timer)
}

export async function openPullSubscriptions(
  { projectId, clientOptions }: Pick<Target, 'projectId' | 'clientOptions'>,
  repeatedly = repeat,
): Promise<PullSubscriptions> {
  const { v1 } = (await import('@google-cloud/pubsub-api')).default
  const client: v1.SubscriberClient = new v1.SubscriberClient(await clientOptions())
  /** The latest lease of each message, by subscription and message id. */
  const held = new Map<string, Waiting>()
  const keyOf = ({ subscription, messageId }: Waiting): string => `${subscription}/${messageId}`
  const pathOf = (subscription: string): string => client.subscriptionPath(projectId, subscription)
  const heldIds = (): [path: string, ackIds: string[]][] =>
    [...Map.groupBy(held.values(), ({ subscription }) => subscription)].map(([subscription, waiting]) => [
      pathOf(subscription),
      waiting.map(({ ackId }) => ackId),
    ])
  const stopExtending = repeatedly(EXTEND_EVERY_MS, async () => {
    for (const [path, ackIds] of heldIds())
      // The request that needs the lease fails with the same error.
      await extend(client, path, { ackIds, seconds: LEASE_SECONDS }).catch(() => {})
  })

  return {
    async pull(subscription) {
      const found = new Map<string, Waiting>()
      for await (const batch of leased(client, pathOf(subscription))) {
        for (const one of batch) {
          const waiting = { ...one, subscription }
          held.set(keyOf(waiting), waiting)
          found.set(waiting.messageId, waiting)
        }
      }
      return [...found.values()].toSorted((a, b) => a.sinceMs - b.sinceMs)
    },
    async acknowledge(message) {
      const { ackId } = held.get(keyOf(message)) ?? message
      await client.acknowledge({ subscription: pathOf(message.subscription), ackIds: [ackId] })
      held.delete(keyOf(message))
    },
    async close() {
      stopExtending()
      for (const [path, ackIds] of heldIds()) await release(client, path, ackIds)
      await client.close()
    },
  }
}
