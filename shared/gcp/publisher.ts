/** Publishes events by Pub/Sub's generated client: a topic per type, awaited, so that nothing is acknowledged before it is safe. */

import type { Envelope } from '../contracts/envelope.ts'
import { Unavailable } from '../base/errors.ts'
import { deadLetterName, topicName } from '../base/names.ts'
import { once } from '../base/once.ts'
import { createBatches, sameForAll } from '../base/batches.ts'
import { makePublisher } from './clients.ts'

/** Messages of one topic share a request while another is under way, because at least 1,000 bytes are billed for each. */
const BATCH_MESSAGES = 100
/** A request holds 10 MB, and protobuf's framing. */
const BATCH_BYTES = 4_000_000
/** All tries together: well within a request's own timeout, after which the delivery comes again. The client's default is ten minutes. */
export const PUBLISH_TIMEOUT_MS = 10_000
const TRY_FOR_MS = 5_000
/** CANCELLED, UNKNOWN, DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED, ABORTED, INTERNAL, UNAVAILABLE */
const retryCodes = [1, 2, 4, 8, 10, 13, 14]
/** INVALID_ARGUMENT: one message may be the reason. */
const INVALID = 3
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

interface Message {
  readonly data: Buffer
  readonly attributes: Readonly<Record<string, string>>
}

/** @param address `host:port`: Google's, or that of an emulator */
export function createPublisher({
  projectId,
  address,
}: {
  readonly projectId: string
  readonly address: string
}): Publisher {
  const client = once(() => makePublisher(address))
  const topics = new Map<string, (message: Message, bytes: number) => Promise<void>>()
  const topic = (name: string) => {
    const known = topics.get(name)
    if (known) return known
    const made = createBatches<Message, void>(
      async (messages) => {
        const publisher = await client()
        await publisher.publish({ topic: `projects/${projectId}/topics/${name}`, messages: [...messages] }, { retry })
        return sameForAll(messages, undefined)
      },
      {
        maxItems: BATCH_MESSAGES,
        maxSize: BATCH_BYTES,
        isOfOneItem: (error) => (error as { code?: number }).code === INVALID,
      },
    )
    topics.set(name, made)
    return made
  }
  const send = async (name: string, message: Message): Promise<void> => {
    try {
      await topic(name)(message, message.data.length)
    } catch (error) {
      throw new Unavailable(`${name} could not be published to.`, { cause: error })
    }
  }
  return {
    async publish(events) {
      await Promise.all(
        events.map((event) =>
          send(topicName(event.type), {
            data: Buffer.from(JSON.stringify(event)),
            attributes: { type: event.type, traceparent: event.traceparent },
          }),
        ),
      )
    },
    deadLetter: (service, data, attributes) => send(deadLetterName(service), { data, attributes }),
    async close() {
      if (client.started()) await (await client()).close()
    },
  }
}
