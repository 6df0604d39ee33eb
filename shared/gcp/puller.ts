/**
 * Takes the messages of subscriptions by streaming pull: those that come within a short time are handled at once, so that they are
 * written together. A message is acknowledged when its handling has ended well, and else given back alone.
 * https://cloud.google.com/pubsub/docs/reference/rpc/google.pubsub.v1#google.pubsub.v1.Subscriber.StreamingPull
 */

import type { protos, v1 } from '@google-cloud/pubsub-api'

/** Of each subscription: Pub/Sub sends no more until some are acknowledged or given back. */
const MAX_MESSAGES = 200
/** Of all subscriptions: what is parsed and handled takes several times as much of a worker's memory. */
const MAX_BYTES = 40_000_000
/**
 * The lease of a message, which is extended while it is handled: after it Pub/Sub delivers the message again. So do the messages of a
 * worker that was killed come again.
 */
const ACK_DEADLINE_SECONDS = 15
const EXTEND_MS = 5_000
/** The time limit of handling, that of a push: from then on the lease is not extended. */
const HANDLING_TIMEOUT_MS = 60_000
/** Pub/Sub ends each stream after some minutes, so that a new one is ordinary; only one that fails again waits longer. */
const REOPEN_MS = { first: 100, longest: 10_000 } as const
/** The last acknowledgements are on their way by then. */
const CLOSE_TIMEOUT_MS = 2_000

export interface PulledMessage {
  readonly messageId: string
  readonly data: Buffer
  readonly attributes: Readonly<Record<string, string>>
  /** Counts from 1; there because every subscription has a dead-letter policy. */
  readonly attempt: number
}

export interface PullOptions {
  readonly client: v1.SubscriberClient
  /** Full names. */
  readonly subscriptions: readonly string[]
  /** The time after a message in which others are taken with it, in milliseconds. */
  readonly gatherMs: number
  /** The time between two extensions of the leases, in milliseconds (default: 5 seconds). */
  readonly extendMs?: number
  /** Of messages that are not settled, shared equally by the subscriptions (default: 40 MB). */
  readonly maxBytes?: number
  /** Resolves with true when all that follows from the message is stored, and with false when it is to come again. */
  handle(subscription: string, message: PulledMessage): Promise<boolean>
  /** The handling of a message rejected with this error: the message comes again. */
  failed(subscription: string, error: unknown): void
  /** A stream ended with this error, and is opened again. */
  interrupted(subscription: string, error: Error): void
}

export interface Puller {
  /** Takes no more messages, and resolves when those that it has are handled and acknowledged. */
  stop(): Promise<void>
}

type Response = protos.google.pubsub.v1.IStreamingPullResponse
type Taken = readonly [ackId: string, message: PulledMessage]

export function startPulling(options: PullOptions): Puller {
  const { client, subscriptions, gatherMs, extendMs = EXTEND_MS, handle, failed, interrupted } = options
  const maxBytes = Math.ceil((options.maxBytes ?? MAX_BYTES) / Math.max(1, subscriptions.length))
  const waiting: (() => Promise<void>)[] = []
  const handling = new Set<Promise<void>>()
  let gathering: NodeJS.Timeout | undefined

  const handleWaiting = (): void => {
    clearTimeout(gathering)
    gathering = undefined
    for (const begin of waiting.splice(0)) {
      const work = begin().finally(() => handling.delete(work))
      handling.add(work)
    }
  }
  /** One that rejects ends neither the process nor the handling of others. */
  const isHandled = async (subscription: string, message: PulledMessage): Promise<boolean> => {
    try {
      return await handle(subscription, message)
    } catch (error) {
      failed(subscription, error)
      return false
    }
  }
  const streams = subscriptions.map((subscription) => {
    const stream = openStream({
      client,
      subscription,
      extendMs,
      maxBytes,
      interrupted,
      take([ackId, message]) {
        waiting.push(async () => stream.settle(ackId, await isHandled(subscription, message)))
        gathering ??= setTimeout(handleWaiting, gatherMs)
      },
    })
    return stream
  })
  return {
    async stop() {
      for (const stream of streams) stream.takeNoMore()
      handleWaiting()
      await Promise.all(handling)
      await Promise.all(streams.map((stream) => stream.close()))
    },
  }
}

interface StreamOptions extends Pick<PullOptions, 'client' | 'interrupted'> {
  readonly subscription: string
  readonly extendMs: number
  readonly maxBytes: number
  take(message: Taken): void
}

interface PullStream {
  /** Acknowledges the message, or gives it back. */
  settle(ackId: string, isDone: boolean): void
  /** From now on, messages are not handled, and given back when the stream closes. */
  takeNoMore(): void
  /** Resolves when the server has what was settled. */
  close(): Promise<void>
}

function openStream({ client, subscription, extendMs, maxBytes, take, interrupted }: StreamOptions): PullStream {
  let current: ReturnType<typeof client.streamingPull> | undefined
  let reopening: NodeJS.Timeout | undefined
  let pauseMs: number = REOPEN_MS.first
  let isStopping = false
  let isClosed = false
  /** Not sent yet. A stream may settle what another one delivered. */
  const settled = { done: [] as string[], again: [] as string[], isDue: false }
  /** Messages that are handled, by acknowledgement id, with the time at which they came. */
  const leased = new Map<string, number>()

  const send = (): void => {
    settled.isDue = false
    if (!current || settled.done.length + settled.again.length === 0) return
    const again = settled.again.splice(0)
    current.write({
      ackIds: settled.done.splice(0),
      modifyDeadlineAckIds: again,
      modifyDeadlineSeconds: again.map(() => 0),
    })
  }
  const extend = (): void => {
    const earliestMs = performance.now() - HANDLING_TIMEOUT_MS
    for (const [ackId, takenMs] of leased) if (takenMs < earliestMs) leased.delete(ackId)
    const ackIds = [...leased.keys()]
    if (!current || ackIds.length === 0) return
    current.write({ modifyDeadlineAckIds: ackIds, modifyDeadlineSeconds: ackIds.map(() => ACK_DEADLINE_SECONDS) })
  }
  const settle = (ackId: string, isDone: boolean): void => {
    leased.delete(ackId)
    ;(isDone ? settled.done : settled.again).push(ackId)
    if (settled.isDue) return
    settled.isDue = true
    // With those that end in this turn of the event loop.
    setImmediate(send)
  }
  const open = (): void => {
    const stream = client.streamingPull()
    current = stream
    let hasEnded = false
    const ended = (error?: Error): void => {
      if (hasEnded) return
      hasEnded = true
      if (current === stream) current = undefined
      if (isClosed) return
      if (error) interrupted(subscription, error)
      reopening = setTimeout(open, pauseMs)
      pauseMs = Math.min(2 * pauseMs, REOPEN_MS.longest)
    }
    stream.on('data', ({ receivedMessages }: Response) => {
      pauseMs = REOPEN_MS.first
      for (const received of receivedMessages ?? []) {
        const one = takenFrom(received)
        // Given back now, it would come again at once.
        if (isStopping) settled.again.push(one[0])
        else {
          leased.set(one[0], performance.now())
          take(one)
        }
      }
    })
    stream.on('error', ended)
    stream.on('end', () => ended())
    stream.on('close', () => ended())
    stream.write({
      subscription,
      streamAckDeadlineSeconds: ACK_DEADLINE_SECONDS,
      maxOutstandingMessages: MAX_MESSAGES,
      maxOutstandingBytes: maxBytes,
    })
    send()
  }
  open()
  const extending = setInterval(extend, extendMs)
  return {
    settle,
    takeNoMore() {
      isStopping = true
    },
    async close() {
      isClosed = true
      clearTimeout(reopening)
      clearInterval(extending)
      send()
      const stream = current
      if (!stream) return
      const gone = new Promise<void>((resolve) => {
        stream
          .once('end', resolve)
          .once('close', resolve)
          .once('error', () => resolve())
      })
      stream.end()
      const timeout = setTimeout(() => stream.cancel(), CLOSE_TIMEOUT_MS)
      await gone
      clearTimeout(timeout)
    },
  }
}

function takenFrom({ ackId, message, deliveryAttempt }: protos.google.pubsub.v1.IReceivedMessage): Taken {
  const { messageId, data, attributes } = message!
  return [
    ackId!,
    {
      messageId: messageId!,
      data: Buffer.from((data ?? '') as Uint8Array),
      attributes: attributes ?? {},
      attempt: deliveryAttempt || 1,
    },
  ]
}
