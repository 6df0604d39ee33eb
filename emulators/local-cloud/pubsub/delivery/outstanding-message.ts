/** Outstanding messages of one subscription and their consumers: separate messages, and a queue for each ordering key. */

import type { StatusError } from '../../core/status.ts'
import type { Message } from './message-store.ts'

/** Below this many finished entries the array is not worth cutting. */
const CUT_AT = 256

/**
 * `ready` waits for a consumer, `delayed` for its backoff, `outstanding` for an acknowledgement; `acked` is acknowledged before an
 * earlier message of its ordering key, so it may still have to be delivered again; `removed` is in no index any more.
 */
export type EntryState = 'ready' | 'delayed' | 'outstanding' | 'acked' | 'removed'

export interface OutstandingMessage {
  readonly message: Message
  readonly keyQueue: OrderingKeyQueue | undefined
  state: EntryState
  /** Nacks and expirations so far; `delivery_attempt` is one more. */
  failures: number
  /** Why the last push failed. */
  lastError?: string
  deliveries: number
  /** The ack id of the last delivery; '' before the first. */
  ackId: string
  deadlineMs: number
  readyAtMs: number
  consumer: Consumer | undefined
}

export function makeEntry(
  message: Message,
  keyQueue: OrderingKeyQueue | undefined,
  failures: number,
): OutstandingMessage {
  return {
    message,
    keyQueue,
    failures,
    state: 'ready',
    deliveries: 0,
    ackId: '',
    deadlineMs: 0,
    readyAtMs: 0,
    consumer: undefined,
  }
}

/** The messages of one ordering key, in the order of publication. */
export class OrderingKeyQueue {
  readonly key: string
  /** The consumer of the outstanding messages, which also gets the later ones of the key until all are acknowledged. */
  consumer: Consumer | undefined
  outstanding = 0
  blockedUntilMs = 0
  /** Whether it waits in a queue of the dispatcher. */
  queued = false
  #entries: OutstandingMessage[] = []
  #head = 0
  #next = 0

  constructor(key: string) {
    this.key = key
  }

  get empty(): boolean {
    return this.#head >= this.#entries.length
  }

  push(entry: OutstandingMessage): void {
    this.#entries.push(entry)
  }

  /** The first entry that was not delivered. */
  next(): OutstandingMessage | undefined {
    for (; this.#next < this.#entries.length; this.#next++) {
      const entry = this.#entries[this.#next]!
      if (entry.state === 'ready') return entry
    }
    return undefined
  }

  markDelivered(consumer: Consumer): void {
    this.consumer = consumer
    this.outstanding++
    this.#next++
  }

  /** Takes finished entries off the front; returns the entries that are only now completely acknowledged. */
  compact(): OutstandingMessage[] {
    const completed: OutstandingMessage[] = []
    for (; this.#head < this.#entries.length; this.#head++) {
      const entry = this.#entries[this.#head]!
      if (entry.state === 'acked') completed.push(entry)
      else if (entry.state !== 'removed') break
    }
    this.#next = Math.max(this.#next, this.#head)
    this.#cut()
    return completed
  }

  /** Goes back to an entry: it and all later ones are to be delivered again. Returns the later ones that had been. */
  rewind(to: OutstandingMessage): OutstandingMessage[] {
    const from = this.#entries.indexOf(to, this.#head)
    if (from < 0) return []
    const again = this.#entries
      .slice(from + 1, this.#next)
      .filter(({ state }) => state === 'outstanding' || state === 'acked')
    this.#next = from
    return again
  }

  #cut(): void {
    if (this.#head < CUT_AT || this.#head * 2 < this.#entries.length) return
    this.#entries = this.#entries.slice(this.#head)
    this.#next -= this.#head
    this.#head = 0
  }
}

/** Where messages go: a stream, a waiting pull, the pusher, the BigQuery writer. */
export interface Consumer {
  /** Absent: that of the subscription. */
  readonly ackDeadlineMs?: number
  /** Whether later messages of an ordering key may follow while earlier ones are outstanding. */
  readonly pipelinesKeys: boolean
  /** An open connection keeps its subscription from expiring. */
  readonly keepsAlive: boolean
  hasRoom(): boolean
  /** Takes one message; sends nothing before `flush`. */
  take(entry: OutstandingMessage): void
  flush(): void
  /** An entry that it took is no longer outstanding. */
  released(entry: OutstandingMessage): void
  /** The subscription is gone, or no longer for such a consumer. */
  fail?(error: StatusError): void
}
