/** StreamingPull: messages flow within the stream's flow control; the requests acknowledge, extend and ping. */

import type { RequestContext } from '../../core/service.ts'
import type { CloudContext } from '../../core/plugin.ts'
import { invalidArgument, type StatusError } from '../../core/status.ts'
import { acknowledgeAll, checkAckIds, extendAll, type AckOutcome } from './acknowledge.ts'
import type { Delivery } from '../delivery/delivery.ts'
import type { Consumer, OutstandingMessage } from '../delivery/outstanding-message.ts'
import { BILLED_BYTES_MIN, limits } from '../values/limits.ts'
import { checkRange } from '../values/names.ts'
import { pullable } from './pull.ts'
import { receivedMessage, type ReceivedMessage } from './received-message.ts'
import { deliveryOf, type PubsubState } from '../state.ts'

export interface StreamingPullRequest {
  readonly subscription?: string
  readonly ackIds?: readonly string[]
  readonly modifyDeadlineSeconds?: readonly number[]
  readonly modifyDeadlineAckIds?: readonly string[]
  readonly streamAckDeadlineSeconds?: number
  readonly clientId?: string
  readonly maxOutstandingMessages?: string | number
  readonly maxOutstandingBytes?: string | number
  readonly protocolVersion?: string | number
}

/** Ends when the caller half-closes or hangs up; throws when the protocol is broken or the subscription goes away. */
export async function streamingPull(
  state: PubsubState,
  requests: AsyncIterable<StreamingPullRequest>,
  write: (response: unknown) => void,
  { signal }: Pick<RequestContext, 'signal'>,
): Promise<void> {
  let stream: Stream | undefined
  const { promise: ended, resolve, reject } = Promise.withResolvers<void>()
  const read = async (): Promise<void> => {
    for await (const request of requests) {
      if (signal.aborted) return
      if (stream) stream.handle(request)
      else stream = open(state, request, { write, fail: reject })
    }
  }
  signal.addEventListener('abort', () => resolve(), { once: true })
  read().then(resolve, reject)
  try {
    await ended
  } finally {
    stream?.close()
  }
}

interface Connection {
  write(response: unknown): void
  fail(error: StatusError): void
}

function open(state: PubsubState, first: StreamingPullRequest, connection: Connection): Stream {
  const delivery = pullable(deliveryOf(state, first.subscription))
  checkStreamDeadline(first.streamAckDeadlineSeconds ?? 0)
  const stream = new Stream(state.context, delivery, { first, connection })
  // Before it takes messages: a stream that ends with its first request was never attached.
  stream.handle({
    ...first,
    subscription: '',
    clientId: '',
    maxOutstandingMessages: 0,
    maxOutstandingBytes: 0,
    protocolVersion: 0,
  })
  delivery.attach(stream)
  return stream
}

class Stream implements Consumer {
  readonly pipelinesKeys = true
  readonly keepsAlive = true
  readonly #context: CloudContext
  readonly #delivery: Delivery
  readonly #connection: Connection
  readonly #maxMessages: number
  readonly #maxBytes: number
  #taken: OutstandingMessage[] = []
  #messages = 0
  #bytes = 0
  #closed = false
  #ackDeadlineSeconds: number

  constructor(
    context: CloudContext,
    delivery: Delivery,
    { first, connection }: { first: StreamingPullRequest; connection: Connection },
  ) {
    this.#context = context
    this.#delivery = delivery
    this.#connection = connection
    this.#ackDeadlineSeconds = first.streamAckDeadlineSeconds!
    this.#maxMessages = bound(first.maxOutstandingMessages, limits.streamOutstandingMessages)
    this.#maxBytes = bound(first.maxOutstandingBytes, limits.streamOutstandingBytes)
  }

  get ackDeadlineMs(): number {
    return this.#ackDeadlineSeconds * 1000
  }

  hasRoom(): boolean {
    return !this.#closed && this.#messages < this.#maxMessages && this.#bytes < this.#maxBytes
  }

  take(entry: OutstandingMessage): void {
    this.#messages++
    this.#bytes += entry.message.bytes
    this.#taken.push(entry)
  }

  flush(): void {
    let batch: ReceivedMessage[] = []
    let bytes = 0
    for (const entry of this.#taken.splice(0)) {
      batch.push(receivedMessage(entry, this.#delivery.record))
      bytes += entry.message.bytes
      if (batch.length < limits.streamResponseMessages && bytes < limits.streamResponseBytes) continue
      this.#deliver(batch, bytes)
      batch = []
      bytes = 0
    }
    if (batch.length > 0) this.#deliver(batch, bytes)
  }

  released(entry: OutstandingMessage): void {
    this.#messages--
    this.#bytes -= entry.message.bytes
  }

  fail(error: StatusError): void {
    this.#closed = true
    this.#connection.fail(error)
  }

  close(): void {
    this.#closed = true
    this.#delivery.detach(this)
  }

  handle(request: StreamingPullRequest): void {
    refuseLaterSettings(request)
    const extensions = pairs(request)
    const { ackIds = [], streamAckDeadlineSeconds = 0 } = request
    if (streamAckDeadlineSeconds !== 0) {
      checkStreamDeadline(streamAckDeadlineSeconds)
      this.#ackDeadlineSeconds = streamAckDeadlineSeconds
    }
    const acknowledged = ackIds.length > 0 ? acknowledgeAll(this.#delivery, checkAckIds(ackIds)) : undefined
    const extended = extensions.length > 0 ? extendAll(this.#delivery, extensions) : undefined
    if (!acknowledged && !extended) {
      // A ping, which wants an answer although there is nothing to say.
      this.#respond({})
    } else if (this.#delivery.record.enableExactlyOnceDelivery) {
      this.#respond({
        ...(acknowledged && { acknowledgeConfirmation: { ...confirmation(acknowledged), unorderedAckIds: [] } }),
        ...(extended && { modifyAckDeadlineConfirmation: confirmation(extended) }),
      })
    }
  }

  #deliver(receivedMessages: ReceivedMessage[], bytes: number): void {
    this.#context.count('pubsub.pullRequests')
    this.#context.count('pubsub.messages.delivered', receivedMessages.length)
    this.#context.count('pubsub.deliveryBytes', Math.max(BILLED_BYTES_MIN, bytes))
    this.#respond({ receivedMessages })
  }

  #respond(response: object): void {
    if (this.#closed) return
    const { enableExactlyOnceDelivery, enableMessageOrdering } = this.#delivery.record
    this.#connection.write({
      ...response,
      subscriptionProperties: {
        exactlyOnceDeliveryEnabled: enableExactlyOnceDelivery,
        messageOrderingEnabled: enableMessageOrdering,
      },
    })
  }
}

const confirmation = ({ valid, invalid }: AckOutcome): object => ({
  ackIds: valid,
  invalidAckIds: invalid,
  temporaryFailedAckIds: [],
})

/** 0 and less mean no limit of the caller's own; the emulator's stays. */
function bound(requested: string | number | undefined, max: number): number {
  const wanted = Number(requested ?? 0)
  return wanted > 0 ? Math.min(wanted, max) : max
}

function checkStreamDeadline(seconds: number): void {
  checkRange('stream_ack_deadline_seconds', seconds, {
    min: limits.ackDeadlineMinSeconds,
    max: limits.ackDeadlineMaxSeconds,
  })
}

function refuseLaterSettings(request: StreamingPullRequest): void {
  const late = Object.entries({
    subscription: request.subscription,
    client_id: request.clientId,
    max_outstanding_messages: Number(request.maxOutstandingMessages ?? 0),
    max_outstanding_bytes: Number(request.maxOutstandingBytes ?? 0),
    protocol_version: Number(request.protocolVersion ?? 0),
  }).find(([, value]) => value)
  if (late) throw invalidArgument(`The field ${late[0]} must only be set in the first request of the stream.`)
}

function pairs(request: StreamingPullRequest): { ackId: string; seconds: number }[] {
  const { modifyDeadlineAckIds: ackIds = [], modifyDeadlineSeconds: seconds = [] } = request
  if (ackIds.length !== seconds.length) {
    throw invalidArgument(
      'The number of modify_deadline_ack_ids must be equal to the number of modify_deadline_seconds ' +
        `(${ackIds.length} and ${seconds.length} were given).`,
    )
  }
  if (ackIds.length > 0) checkAckIds(ackIds)
  return ackIds.map((ackId, at) => ({ ackId, seconds: seconds[at]! }))
}
