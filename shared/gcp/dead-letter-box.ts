/** A service's own dead letters, by the official Pub/Sub client: messages that Pub/Sub or the service has dead-lettered. */

import type { v1 } from '@google-cloud/pubsub-api'
import { addressesOf, type Config } from '../base/config.ts'
import { Unavailable } from '../base/errors.ts'
import { deadLetterName } from '../base/names.ts'
import { makeSubscriber } from './clients.ts'
import { leased, release, type Waiting } from './waiting.ts'

export interface DeadLetterBox {
  /** Leases for a minute those of these messages that are available; the others keep their state. @throws Unavailable */
  lease(messageIds: readonly string[]): Promise<readonly Waiting[]>
  /** Removes the letter. @throws Unavailable */
  acknowledge(letter: Waiting): Promise<void>
  /** Ends the leases: the letters can be pulled again. @throws Unavailable */
  release(letters: readonly Waiting[]): Promise<void>
  close(): Promise<void>
}

export function createDeadLetterBox(service: string, config: Config): DeadLetterBox {
  let connected: Promise<v1.SubscriberClient> | undefined
  const subscription = `projects/${config.GOOGLE_CLOUD_PROJECT}/subscriptions/${deadLetterName(service)}`
  const withClient = async <T>(work: (client: v1.SubscriberClient) => Promise<T>): Promise<T> => {
    try {
      return await work(await (connected ??= makeSubscriber(addressesOf(config).pubsub)))
    } catch (error) {
      throw new Unavailable(`The dead letters of ${service} can not be had.`, { cause: error })
    }
  }
  return {
    lease: (messageIds) =>
      withClient(async (client) => {
        const wanted = new Set(messageIds)
        const found: Waiting[] = []
        const others: string[] = []
        for await (const batch of leased(client, subscription)) {
          for (const one of batch) {
            if (wanted.delete(one.messageId)) found.push(one)
            else others.push(one.ackId)
          }
          if (wanted.size === 0) break
        }
        await release(client, subscription, others)
        return found
      }),
    acknowledge: ({ ackId }) =>
      withClient(async (client) => void (await client.acknowledge({ subscription, ackIds: [ackId] }))),
    release: (letters) =>
      withClient((client) =>
        release(
          client,
          subscription,
          letters.map(({ ackId }) => ackId),
        ),
      ),
    async close() {
      await (await connected)?.close()
    },
  }
}
