/** A running topic: its subscriptions, and the messages that it retains for a seek. */

import type { Clock, Timer } from '../../core/clock.ts'
import type { Delivery } from './delivery.ts'
import { parseFilter, type Attributes, type Filter } from '../values/filter.ts'
import type { Message, MessageStore } from './message-store.ts'

interface Listener {
  readonly delivery: Delivery
  readonly filter: Filter
}

export interface Targets {
  readonly matching: readonly Delivery[]
  /** How many subscriptions the message was filtered out of. */
  readonly filtered: number
}

export class Topic {
  readonly #clock: Clock
  readonly #store: MessageStore
  readonly #listeners = new Map<string, Listener>()
  readonly #kept = new Map<string, Message>()
  #retentionMs: number | null
  #timer: Timer | undefined
  #stopped = false

  constructor(clock: Clock, store: MessageStore, retentionMs: number | null) {
    this.#clock = clock
    this.#store = store
    this.#retentionMs = retentionMs
  }

  get keeps(): boolean {
    return this.#retentionMs !== null
  }

  get kept(): Iterable<Message> {
    return this.#kept.values()
  }

  get subscriptions(): string[] {
    return [...this.#listeners.keys()]
  }

  set retentionMs(retentionMs: number | null) {
    this.#retentionMs = retentionMs
    this.#dropOld()
  }

  listen(delivery: Delivery): void {
    this.#listeners.set(delivery.record.name, { delivery, filter: parseFilter(delivery.record.filter) })
  }

  unlisten(subscription: string): void {
    this.#listeners.delete(subscription)
  }

  targets(attributes: Attributes): Targets {
    const matching: Delivery[] = []
    for (const { delivery, filter } of this.#listeners.values()) if (filter(attributes)) matching.push(delivery)
    return { matching, filtered: this.#listeners.size - matching.length }
  }

  /** Retains a stored message for a seek: its `kept` already counts this topic. */
  hold(message: Message): void {
    this.#kept.set(message.record.id, message)
    this.#arm()
  }

  /** Stops the timer for good and keeps the messages: the process ends. */
  stop(): void {
    this.#stopped = true
    this.#disarm()
  }

  #disarm(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #dropOld(): void {
    this.#disarm()
    const untilMs = this.#retentionMs === null ? Infinity : this.#clock.now() - this.#retentionMs
    for (const [id, message] of this.#kept) {
      if (message.record.publishMs > untilMs) break
      this.#kept.delete(id)
      this.#store.release(message)
    }
    this.#arm()
  }

  #arm(): void {
    const oldest = this.#kept.values().next().value
    if (this.#stopped || this.#timer || !oldest || this.#retentionMs === null) return
    this.#timer = this.#clock.at(oldest.record.publishMs + this.#retentionMs, () => this.#dropOld())
  }
}
