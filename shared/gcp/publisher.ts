/** Publishes events by the official Pub/Sub client: a topic per type, awaited, so that nothing is acknowledged before it is safe. */

import type { PubSub, Topic } from '@google-cloud/pubsub'
import type { Envelope } from '../contracts/envelope.ts'
import { Unavailable } from '../base/errors.ts'
import { deadLetterName, topicName } from '../base/names.ts'

/** Messages of one topic within this time share a request, because at least 1,000 bytes are billed for each. */
const BATCH_MS = 2
const BATCH_MESSAGES = 100
/** All tries together: well within a request's own timeout, after which the delivery comes again. The client's default is ten minutes. */
const PUBLISH_TIMEOUT_MS = 10_000
const TRY_FOR_MS = 5_000
/** CANCELLED, UNKNOWN, DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED, ABORTED, INTERNAL, UNAVAILABLE */
const retryCodes = [1, 2, 4, 8, 10, 13, 14]
const retry = {
  retryCodes,
  backoffSettings: {
    initialRetryDelayMillis: 100,
    retryDelayMultiplier: 2,
    maxRetryDelayMillis: 2_000,
    initialRpcTimeoutMillis: TRY_FOR_MS,
    rpcTimeoutMultiplier: 1,
    maxRpcTimeoutMillis: TRY_FOR_MS,
    totalTimeoutMillis: PUBLISH_TIMEOUT_MS,
  },
}

export interface Publisher {
  publish(events: readonly Envelope[]): Promise<void>
  /** Publishes an invalid message, unchanged, to the dead-letter topic, with the reason. */
  deadLetter(service: string, data: Buffer, attributes: Readonly<Record<string, string>>): Promise<void>
  close(): Promise<void>
}

export function createPublisher(pubsub: () => Promise<PubSub>): Publisher {
  const topics = new Map<string, Topic>()
  const topic = async (name: string): Promise<Topic> => {
    const known = topics.get(name)
    if (known) return known
    const made = (await pubsub()).topic(name, {
      batching: { maxMilliseconds: BATCH_MS, maxMessages: BATCH_MESSAGES },
      gaxOpts: { retry },
    })
    topics.set(name, made)
    return made
  }
  const send = async (name: string, data: Buffer, attributes: Readonly<Record<string, string>>): Promise<void> => {
    try {
      await (await topic(name)).publishMessage({ data, attributes })
    } catch (error) {
      throw new Unavailable(`${name} could not be published to.`, { cause: error })
    }
  }
  return {
    async publish(events) {
      await Promise.all(
        events.map((event) =>
          send(topicName(event.type), Buffer.from(JSON.stringify(event)), {
            type: event.type,
            traceparent: event.traceparent,
          }),
        ),
      )
    },
    deadLetter: (service, data, attributes) => send(deadLetterName(service), data, attributes),
    async close() {
      if (topics.size > 0) await (await pubsub()).close()
    },
  }
}
