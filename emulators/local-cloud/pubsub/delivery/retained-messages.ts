/** Acknowledged messages that a subscription retains for a seek. They are acknowledged in any order, and expire by age. */

import { DueQueue } from '../../core/due-queue.ts'
import type { Message, MessageStore } from './message-store.ts'

export class RetainedMessages {
  readonly #store: MessageStore
  readonly #byId = new Map<string, Message>()
  readonly #byAge = new DueQueue<Message>((message) => this.#byId.get(message.record.id) === message)

  constructor(store: MessageStore) {
    this.#store = store
  }

  /** When the oldest was published. */
  get oldestMs(): number | undefined {
    return this.#byAge.first()?.atMs
  }

  values(): Iterable<Message> {
    return this.#byId.values()
  }

  add(message: Message): void {
    this.#byId.set(message.record.id, message)
    this.#byAge.add(message, message.record.publishMs)
    this.#store.keep(message)
  }

  /** Releases the messages that were published at that time or before. */
  releaseUntil(untilMs: number): void {
    for (let oldest = this.#byAge.take(untilMs); oldest; oldest = this.#byAge.take(untilMs)) this.#release(oldest)
  }

  releaseWhere(matches: (message: Message) => boolean): void {
    for (const message of this.#byId.values()) if (matches(message)) this.#release(message)
  }

  #release(message: Message): void {
    this.#byId.delete(message.record.id)
    this.#store.release(message)
  }
}
