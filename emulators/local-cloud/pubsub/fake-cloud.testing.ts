/** Pub/Sub without a transport, for tests: virtual clock, a journal that can be reopened, recorders for counts, log entries and pushes. */

import { expect } from 'vitest'
import { fakeContext, type FakeContext, type FakeContextOptions } from '../core/fake-context.testing.ts'
import { makeCore, type PubsubCore } from './core.ts'

export interface FakeCloud extends Omit<FakeContext, 'restarted'> {
  readonly core: PubsubCore
  /** Kills the process and starts it again with the journal. */
  killed(): FakeCloud
}

export const fakeCloud = (options: FakeContextOptions = {}): FakeCloud => startCloud(fakeContext(options))

function startCloud({ restarted, ...fake }: FakeContext): FakeCloud {
  const core = makeCore(fake.context)
  core.start()
  const killed = (): FakeCloud => {
    core.stop()
    return startCloud(restarted())
  }
  return { ...fake, core, killed }
}

export const TOPIC = 'projects/p/topics/seat.sold'
export const SUBSCRIPTION = 'projects/p/subscriptions/hall.seat.sold'
export const NO_SIGNAL = { signal: new AbortController().signal }

/** Matches an error with this code, whose message contains this text. */
export const refusal = (code: string, message: string): unknown =>
  expect.objectContaining({ code, message: expect.stringContaining(message) as string })

/** A topic with one subscription with these settings. */
export function withSubscription(cloud: FakeCloud, settings: object = {}): FakeCloud {
  cloud.core.publisher.createTopic({ name: TOPIC })
  cloud.core.subscriber.createSubscription({ name: SUBSCRIPTION, topic: TOPIC, ...settings })
  return cloud
}

export function publishText(cloud: FakeCloud, text: string, more: object = {}): string {
  const { messageIds } = cloud.core.publisher.publish({
    topic: TOPIC,
    messages: [{ data: Buffer.from(text), ...more }],
  })
  return messageIds[0]!
}

/** Pulls the messages that are ready now. */
export async function pullNow(cloud: FakeCloud, maxMessages = 1000, subscription = SUBSCRIPTION) {
  const request = { subscription, maxMessages, returnImmediately: true }
  const { receivedMessages } = await cloud.core.subscriber.pull(request, NO_SIGNAL)
  return receivedMessages.map(({ ackId, message, deliveryAttempt }) => ({
    ackId,
    deliveryAttempt,
    text: message.data.toString(),
    attributes: message.attributes,
    id: message.messageId,
  }))
}

/** A duration as the transport shapes it. */
export const seconds = (count: number): { seconds: string; nanos: number } => ({ seconds: String(count), nanos: 0 })
