/** Acknowledged messages that a subscription retains for a seek. They are acknowledged in any order, and expire by age. */

import { Heap } from './heap.ts'
import type { Message, MessageStore } from './message-store.ts'

export class RetainedMessages {
  readonly #store: MessageStore
  readonly #byId = new Map<string, Message>()
  readonly #byAge = new Heap<{ readonly atMs: number; readonly message: Message }>()

  constructor(store: MessageStore) {
    this.#store = store
  }

  /** When the oldest was published. */
  get oldestMs(): number | undefined {
    return this.#byAge.peek()?.atMs
  }

  values(): Iterable<Message> {
    return this.#byId.values()
  }

  add(message: Message): void {
    this.#byId.set(message.record.id, message)
    this.#byAge.push({ atMs: message.record.publishMs, message })
    this.#store.keep(message)
  }

  /** Releases what was published at that time or before. */
  releaseUntil(untilMs: number): void {
    for (let oldest = this.#byAge.peek(); oldest && oldest.atMs <= untilMs; oldest = this.#byAge.peek()) {
      this.#byAge.pop()
      this.#release(oldest.message)
    }
  }

  releaseWhere(matches: (message: Message) => boolean): void {
    for (const message of this.#byId.values()) if (matches(message)) this.#release(message)
    this.#byAge.keep(({ message }) => this.#byId.has(message.record.id))
  }

  #release(message: Message): void {
    this.#byId.delete(message.record.id)
    this.#store.release(message)
  }
}
