/** A running snapshot: the messages that its subscription had not acknowledged, and those that its topic gets later. */

import type { Clock, Timer } from '../../core/clock.ts'
import type { Message, MessageStore } from './message-store.ts'
import type { SnapshotRecord } from '../values/records.ts'

export class Snapshot {
  readonly #clock: Clock
  readonly #store: MessageStore
  readonly #expire: () => void
  readonly #messages = new Map<string, Message>()
  #record: SnapshotRecord
  #timer: Timer | undefined

  constructor(record: SnapshotRecord, { clock, store, expire }: { clock: Clock; store: MessageStore; expire(): void }) {
    this.#record = record
    this.#clock = clock
    this.#store = store
    this.#expire = expire
    this.#arm()
  }

  get record(): SnapshotRecord {
    return this.#record
  }

  set record(record: SnapshotRecord) {
    this.#record = record
    this.#arm()
  }

  get messages(): Iterable<Message> {
    return this.#messages.values()
  }

  /** Whether it held that message before the process was restarted. */
  covers({ record: { id, topic } }: Message): boolean {
    return this.#record.backlog.includes(id) || (topic === this.#record.topic && Number(id) >= this.#record.fromId)
  }

  /** Holds a message that was stored with one `kept` for this snapshot. */
  hold(message: Message): void {
    this.#messages.set(message.record.id, message)
  }

  /** Stops the timer and keeps the messages: the process ends. */
  stop(): void {
    this.#timer?.cancel()
  }

  close(): void {
    this.stop()
    for (const message of this.#messages.values()) this.#store.release(message)
    this.#messages.clear()
  }

  #arm(): void {
    this.stop()
    this.#timer = this.#clock.at(this.#record.expireMs, this.#expire)
  }
}
