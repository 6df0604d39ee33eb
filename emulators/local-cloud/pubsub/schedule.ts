/** What a subscription waits for, behind one timer: ack deadlines, backoffs, retention, expiry. */

import type { Clock, Timer } from '../core/clock.ts'
import type { Entry } from './entry.ts'
import { Heap } from './heap.ts'
import type { Lane } from './lane.ts'

interface Deadline {
  readonly atMs: number
  readonly entry: Entry
  readonly ackId: string
}

interface Backoff {
  readonly atMs: number
  readonly waits: Entry | Lane
}

/** Extended and acknowledged deadlines stay in the heap; above this many it is cleaned when most are stale. */
const STALE_AT = 1000

const counts = ({ entry, ackId, atMs }: Deadline): boolean =>
  entry.state === 'out' && entry.ackId === ackId && entry.deadlineMs === atMs

export class Schedule {
  readonly #clock: Clock
  readonly #wake: () => void
  readonly #deadlines = new Heap<Deadline>()
  readonly #backoffs = new Heap<Backoff>()
  #timer: Timer | undefined
  #timerMs = Infinity
  #staleAt = STALE_AT

  constructor(clock: Clock, wake: () => void) {
    this.#clock = clock
    this.#wake = wake
  }

  deadline(entry: Entry): void {
    this.#deadlines.push({ atMs: entry.deadlineMs, entry, ackId: entry.ackId })
    if (this.#deadlines.size > this.#staleAt) {
      this.#deadlines.keep(counts)
      this.#staleAt = Math.max(STALE_AT, this.#deadlines.size * 2)
    }
    this.wakeAt(entry.deadlineMs)
  }

  backoff(waits: Entry | Lane, atMs: number): void {
    this.#backoffs.push({ atMs, waits })
    this.wakeAt(atMs)
  }

  /** The next entry whose ack deadline passed. */
  expired(): Entry | undefined {
    for (let top = this.#deadlines.peek(); top && top.atMs <= this.#clock.now(); top = this.#deadlines.peek()) {
      this.#deadlines.pop()
      if (counts(top)) return top.entry
    }
    return undefined
  }

  /** The next entry or lane whose backoff is over, if it still is the one that it waited for. */
  due(): Backoff | undefined {
    const top = this.#backoffs.peek()
    return top && top.atMs <= this.#clock.now() ? this.#backoffs.pop() : undefined
  }

  wakeAt(atMs: number): void {
    if (this.#timerMs <= atMs) return
    this.#timer?.cancel()
    this.#timerMs = atMs
    this.#timer = this.#clock.at(atMs, () => {
      this.#timer = undefined
      this.#timerMs = Infinity
      this.#wake()
    })
  }

  /** Sets the timer for what is left; callers add what only they know. */
  rearm(): void {
    for (let top = this.#deadlines.peek(); top && !counts(top); top = this.#deadlines.peek()) this.#deadlines.pop()
    const nextMs = Math.min(this.#deadlines.peek()?.atMs ?? Infinity, this.#backoffs.peek()?.atMs ?? Infinity)
    if (nextMs < Infinity) this.wakeAt(nextMs)
  }

  clear(): void {
    this.#deadlines.clear()
    this.#backoffs.clear()
    this.#timer?.cancel()
    this.#timer = undefined
    this.#timerMs = Infinity
  }
}
