/** One message on its way to one subscription, and who may take it. */

import type { StatusError } from '../core/status.ts'
import type { Lane } from './lane.ts'
import type { Message } from './message-store.ts'

/**
 * `ready` waits for a consumer, `delayed` for its backoff, `out` for an acknowledgement; `acked` is acknowledged before an
 * earlier message of its ordering key, so it may still have to be delivered again; `gone` is done with.
 */
export type EntryState = 'ready' | 'delayed' | 'out' | 'acked' | 'gone'

export interface Entry {
  readonly message: Message
  readonly lane: Lane | undefined
  state: EntryState
  /** Nacks and expirations so far; `delivery_attempt` is one more. */
  failures: number
  deliveries: number
  /** Of the last delivery; '' before the first. */
  ackId: string
  deadlineMs: number
  readyAtMs: number
  consumer: Consumer | undefined
}

export function makeEntry(message: Message, lane: Lane | undefined, failures: number): Entry {
  return {
    message,
    lane,
    failures,
    state: 'ready',
    deliveries: 0,
    ackId: '',
    deadlineMs: 0,
    readyAtMs: 0,
    consumer: undefined,
  }
}

/** Where messages go: a stream, a waiting pull, the pusher, the BigQuery writer. */
export interface Consumer {
  readonly ackDeadlineMs: number
  /** Whether later messages of an ordering key may follow while earlier ones are outstanding. */
  readonly pipelinesKeys: boolean
  /** An open connection keeps its subscription from expiring. */
  readonly keepsAlive: boolean
  hasRoom(): boolean
  /** Takes one message; sends nothing before `flush`. */
  take(entry: Entry): void
  flush(): void
  /** An entry that it took is no longer outstanding. */
  released(entry: Entry): void
  /** The subscription is gone, or no longer for such a consumer. */
  fail?(error: StatusError): void
}
