/** Published messages with the subscriptions that still need them: one journal record per message, one more per acknowledgement. */

import type { Journal, Table } from '../../core/journal.ts'
import { BILLED_BYTES_PER_MESSAGE } from '../values/limits.ts'
import type { MessageRecord } from '../values/records.ts'

/** A message in memory. Only the store changes `waiting` and `kept`. */
export interface Message {
  readonly record: MessageRecord
  /** Billed bytes: data, attributes, ordering key and the fixed 20. */
  readonly bytes: number
  /** Serials of the subscriptions that have not completed it. */
  waiting: readonly number[]
  /** How many keep it although acknowledged, for a seek. */
  kept: number
}

/** Ids are handed out from blocks, so that a restart never gives one twice and only one in a block costs a record. */
const ID_BLOCK = 10_000

export class MessageStore {
  readonly #records: Table<MessageRecord>
  /** Only of messages that some but not all subscriptions have completed. */
  readonly #waiting: Table<readonly number[]>
  readonly #ids: Table<number>
  readonly #messages = new Map<string, Message>()
  #nextId: number
  #idsEnd: number

  constructor(journal: Journal, nowMs: number) {
    this.#records = journal.table('pubsub/messages')
    this.#waiting = journal.table('pubsub/waiting')
    this.#ids = journal.table('pubsub/ids')
    // Sixteen digits, as Google's; the clock as the start keeps ids of a wiped state apart from older ones.
    this.#nextId = this.#ids.get('next') ?? nowMs * 1000
    this.#idsEnd = this.#nextId
  }

  get size(): number {
    return this.#messages.size
  }

  /** A number never given before, for messages and subscriptions. */
  newId(): number {
    if (this.#nextId >= this.#idsEnd) {
      this.#idsEnd = this.#nextId + ID_BLOCK
      this.#ids.set('next', this.#idsEnd)
    }
    return this.#nextId++
  }

  /** Keeps a published message; a message without subscription and retention is never written. */
  add(record: MessageRecord, kept: number): Message {
    const message = { record, bytes: billedBytes(record), waiting: record.to, kept }
    if (record.to.length === 0 && kept === 0) return message
    this.#messages.set(record.id, message)
    this.#records.set(record.id, record)
    return message
  }

  /** Removes the message from that subscription (acknowledged, dead-lettered, expired, or subscription deleted). */
  complete(message: Message, serial: number): void {
    const waiting = message.waiting.filter((one) => one !== serial)
    if (waiting.length === message.waiting.length) return
    message.waiting = waiting
    if (waiting.length === 0 && message.kept === 0) this.#forget(message)
    else this.#waiting.set(message.record.id, waiting)
  }

  /** A seek gave it to that subscription again. */
  restore(message: Message, serial: number): void {
    if (message.waiting.includes(serial)) return
    message.waiting = [...message.waiting, serial]
    this.#waiting.set(message.record.id, message.waiting)
  }

  keep(message: Message): void {
    message.kept++
  }

  release(message: Message): void {
    message.kept--
    if (message.waiting.length === 0 && message.kept === 0) this.#forget(message)
  }

  /** The messages of the journal in the order of publication; `exists` is true for the remaining subscriptions. */
  load(exists: (serial: number) => boolean): Message[] {
    const records = [...this.#records.values()].toSorted((a, b) => Number(a.id) - Number(b.id))
    for (const record of records) {
      const waiting = (this.#waiting.get(record.id) ?? record.to).filter(exists)
      this.#messages.set(record.id, { record, bytes: billedBytes(record), waiting, kept: 0 })
    }
    return [...this.#messages.values()]
  }

  /** Drops a loaded message that no subscription or topic needs. */
  dropUnneeded(message: Message): void {
    if (message.waiting.length === 0 && message.kept === 0) this.#forget(message)
  }

  #forget(message: Message): void {
    const { id } = message.record
    if (!this.#messages.delete(id)) return
    this.#records.delete(id)
    if (this.#waiting.has(id)) this.#waiting.delete(id)
  }
}

/** https://cloud.google.com/pubsub/pricing: body, attributes, ordering key, and 20 B for id and timestamp. */
export function billedBytes(message: Pick<MessageRecord, 'data' | 'attributes' | 'orderingKey'>): number {
  let bytes =
    Buffer.byteLength(message.data, 'base64') + Buffer.byteLength(message.orderingKey) + BILLED_BYTES_PER_MESSAGE
  for (const [key, value] of Object.entries(message.attributes))
    bytes += Buffer.byteLength(key) + Buffer.byteLength(value)
  return bytes
}
