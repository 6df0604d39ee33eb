/** Unary pull: takes the messages that are ready, or waits for the first one until the caller gives up. */

import type { RequestContext } from '../../core/service.ts'
import { failedPrecondition, invalidArgument, type StatusError } from '../../core/status.ts'
import type { Delivery } from '../delivery/delivery.ts'
import type { Consumer, OutstandingMessage } from '../delivery/outstanding-message.ts'
import { BILLED_BYTES_MIN, limits } from '../values/limits.ts'
import { idOf } from '../values/names.ts'
import { receivedMessage, type ReceivedMessage } from './received-message.ts'
import { deliveryOf, type PubsubState } from '../state.ts'
import { notForPull } from './subscriptions.ts'

export interface PullRequest {
  readonly subscription?: string
  readonly maxMessages?: number
  readonly returnImmediately?: boolean
}

export async function pull(
  state: PubsubState,
  request: PullRequest,
  { signal }: Pick<RequestContext, 'signal'>,
): Promise<{ receivedMessages: ReceivedMessage[] }> {
  const delivery = pullable(deliveryOf(state, request.subscription))
  const maxMessages = request.maxMessages ?? 0
  if (maxMessages <= 0)
    throw invalidArgument('You have passed an invalid argument to the service (argument=max_messages).')
  const entries = await takeMessages(state, delivery, { maxMessages, signal, wait: !request.returnImmediately })
  // Shaped at once: a later delivery of the same entry would carry another ack id.
  const bytes = entries.reduce((sum, { message }) => sum + message.bytes, 0)
  state.context.count('pubsub.pullRequests')
  state.context.count('pubsub.deliveryBytes', Math.max(BILLED_BYTES_MIN, bytes))
  if (entries.length > 0) state.context.count('pubsub.messages.delivered', entries.length)
  return { receivedMessages: entries.map((entry) => receivedMessage(entry, delivery.record)) }
}

/** Refuses subscriptions that can't be pulled: push, BigQuery, detached. */
export function pullable(delivery: Delivery): Delivery {
  const { name, pushConfig, bigqueryConfig, detached } = delivery.record
  if (detached) throw failedPrecondition(`The subscription ${idOf(name)} is detached from its topic.`)
  if (pushConfig || bigqueryConfig) throw notForPull()
  return delivery
}

interface PullOptions {
  readonly maxMessages: number
  readonly signal: AbortSignal
  readonly wait: boolean
}

async function takeMessages(
  state: PubsubState,
  delivery: Delivery,
  { maxMessages, signal, wait }: PullOptions,
): Promise<OutstandingMessage[]> {
  const puller = new Puller(Math.min(maxMessages, limits.pullMessages))
  delivery.attach(puller)
  if (puller.entries.length > 0 || !wait || signal.aborted) {
    delivery.detach(puller)
    return puller.entries
  }
  const { clock } = state.context
  const timer = clock.at(clock.now() + limits.pullWaitMs, puller.done)
  signal.addEventListener('abort', puller.done, { once: true })
  try {
    await puller.filled
  } finally {
    timer.cancel()
    signal.removeEventListener('abort', puller.done)
    delivery.detach(puller)
  }
  return puller.entries
}

class Puller implements Consumer {
  readonly pipelinesKeys = true
  readonly keepsAlive = true
  readonly entries: OutstandingMessage[] = []
  readonly filled: Promise<void>
  readonly done: () => void
  readonly fail: (error: StatusError) => void
  readonly #maxMessages: number
  #bytes = 0

  constructor(maxMessages: number) {
    this.#maxMessages = maxMessages
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.filled = promise
    this.done = resolve
    this.fail = reject
  }

  hasRoom(): boolean {
    return this.entries.length < this.#maxMessages && this.#bytes < limits.pullBytes
  }

  take(entry: OutstandingMessage): void {
    this.entries.push(entry)
    this.#bytes += entry.message.bytes
  }

  flush(): void {
    this.done()
  }

  released(): void {
    // The answer is sent: later acknowledgements do not concern this request.
  }
}
