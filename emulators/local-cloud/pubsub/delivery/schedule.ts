/** The deadlines of a subscription, behind one timer: ack deadlines, backoffs, retention, expiry. */

import type { Clock, Timer } from '../../core/clock.ts'
import { DueQueue } from '../../core/due-queue.ts'
import { type OutstandingMessage, OrderingKeyQueue } from './outstanding-message.ts'

interface Deadline {
  readonly entry: OutstandingMessage
  readonly ackId: string
}

/** Extended and acknowledged deadlines stay in the queue until they are passed over. */
const isCurrent = ({ entry, ackId }: Deadline, atMs: number): boolean =>
  entry.state === 'outstanding' && entry.ackId === ackId && entry.deadlineMs === atMs

const stillWaits = (waits: OutstandingMessage | OrderingKeyQueue, untilMs: number): boolean =>
  waits instanceof OrderingKeyQueue
    ? waits.blockedUntilMs === untilMs
    : waits.state === 'delayed' && waits.readyAtMs === untilMs

export class Schedule {
  readonly #clock: Clock
  readonly #wake: () => void
  readonly #deadlines = new DueQueue<Deadline>(isCurrent)
  readonly #backoffs = new DueQueue<OutstandingMessage | OrderingKeyQueue>(stillWaits)
  #timer: Timer | undefined
  #timerMs = Infinity
  #ended = false

  constructor(clock: Clock, wake: () => void) {
    this.#clock = clock
    this.#wake = wake
  }

  deadline(entry: OutstandingMessage): void {
    this.#deadlines.add({ entry, ackId: entry.ackId }, entry.deadlineMs)
    this.wakeAt(entry.deadlineMs)
  }

  backoff(waits: OutstandingMessage | OrderingKeyQueue, atMs: number): void {
    this.#backoffs.add(waits, atMs)
    this.wakeAt(atMs)
  }

  /** The next entry whose ack deadline passed. */
  expired(): OutstandingMessage | undefined {
    return this.#deadlines.take(this.#clock.now())?.entry
  }

  /** The next entry or queue of an ordering key whose backoff is over. */
  due(): OutstandingMessage | OrderingKeyQueue | undefined {
    return this.#backoffs.take(this.#clock.now())
  }

  wakeAt(atMs: number): void {
    if (this.#ended || this.#timerMs <= atMs) return
    this.#timer?.cancel()
    this.#timerMs = atMs
    this.#timer = this.#clock.at(atMs, () => {
      this.#timer = undefined
      this.#timerMs = Infinity
      this.#wake()
    })
  }

  /** Sets the timer for the remaining deadlines; callers add their own with `wakeAt`. */
  rearm(): void {
    const nextMs = Math.min(this.#deadlines.first()?.atMs ?? Infinity, this.#backoffs.first()?.atMs ?? Infinity)
    if (nextMs < Infinity) this.wakeAt(nextMs)
  }

  /** Sets no further timer: messages that still arrive, and answers to pushes, would keep an ending process alive. */
  end(): void {
    this.#ended = true
    this.clear()
  }

  clear(): void {
    this.#deadlines.clear()
    this.#backoffs.clear()
    this.#timer?.cancel()
    this.#timer = undefined
    this.#timerMs = Infinity
  }
}
