/** Brings one subscription's messages to its consumers, until each is acknowledged, dead-lettered or too old. */

import type { Clock } from '../../core/clock.ts'
import type { Table } from '../../core/journal.ts'
import type { StatusError } from '../../core/status.ts'
import { Dispatch } from './dispatch.ts'
import { makeEntry, type Consumer, type OutstandingMessage, OrderingKeyQueue } from './outstanding-message.ts'
import { limits } from '../values/limits.ts'
import type { Message, MessageStore } from './message-store.ts'
import type { SubscriptionRecord } from '../values/records.ts'
import { RetainedMessages } from './retained-messages.ts'
import { Schedule } from './schedule.ts'

export interface DeliveryHost {
  readonly clock: Clock
  readonly store: MessageStore
  /** Failures of messages under a dead-letter policy, by `<serial>/<message id>`: a restart must not start the count anew. */
  readonly failures: Table<number>
  /** Starts every ack id of this process: those of an earlier one are stale. */
  readonly ackPrefix: string
  count(counter: string, amount?: number): void
  /** Publishes the copy; false when the dead-letter topic is gone, then the message stays. */
  deadLetter(subscription: SubscriptionRecord, message: Message, failures: number): boolean
  /** The expiration policy's time without activity is over. */
  expire(subscription: SubscriptionRecord): void
}

export class Delivery {
  readonly #host: DeliveryHost
  readonly #dispatch = new Dispatch()
  readonly #schedule: Schedule
  /** Everything not completed, in the order of publication. */
  readonly #backlog = new Map<string, OutstandingMessage>()
  readonly #acked: RetainedMessages
  readonly #byAckId = new Map<string, OutstandingMessage>()
  readonly #keyQueues = new Map<string, OrderingKeyQueue>()
  #record: SubscriptionRecord
  #ackCount = 0
  #outstanding = 0
  #activeMs: number
  #pumping = false
  #closed = false

  constructor(record: SubscriptionRecord, host: DeliveryHost) {
    this.#record = record
    this.#host = host
    this.#activeMs = host.clock.now()
    this.#acked = new RetainedMessages(host.store)
    this.#schedule = new Schedule(host.clock, () => this.#wake())
    this.#rearm()
  }

  get record(): SubscriptionRecord {
    return this.#record
  }

  /** New settings: they count from the next delivery on. */
  set record(record: SubscriptionRecord) {
    this.#record = record
    if (!record.retainAckedMessages) this.#acked.releaseWhere(() => true)
    this.#rearm()
  }

  get backlogSize(): number {
    return this.#backlog.size
  }

  get outstandingSize(): number {
    return this.#outstanding
  }

  /** Everything that is not acknowledged, in the order of publication. */
  get outstandingMessages(): Iterable<OutstandingMessage> {
    return this.#backlog.values()
  }

  get oldest(): Message | undefined {
    return this.#backlog.values().next().value?.message
  }

  /** Adds a message; `pump` sends it. */
  add(message: Message): void {
    const { serial, enableMessageOrdering } = this.#record
    const keyQueue =
      enableMessageOrdering && message.record.orderingKey ? this.#keyQueue(message.record.orderingKey) : undefined
    const { failures } = this.#host
    const failed = failures.size > 0 ? (failures.get(`${serial}/${message.record.id}`) ?? 0) : 0
    const entry = makeEntry(message, keyQueue, failed)
    this.#backlog.set(message.record.id, entry)
    keyQueue?.push(entry)
    this.#dispatch.offer(entry)
    this.#schedule.wakeAt(message.record.publishMs + this.#record.retentionMs)
  }

  attach(consumer: Consumer): void {
    this.touch()
    this.#dispatch.attach(consumer)
    this.pump()
  }

  detach(consumer: Consumer): void {
    this.touch()
    this.#dispatch.detach(consumer)
    this.pump()
  }

  /** Any use of the subscription starts its expiration anew. */
  touch(): void {
    this.#activeMs = this.#host.clock.now()
  }

  /** Gives ready messages to consumers with capacity. */
  pump(): void {
    // A consumer may acknowledge while it takes; the running pump sees that itself.
    if (this.#pumping || this.#closed) return
    this.#pumping = true
    try {
      this.#dispatch.run((entry, consumer) => this.#deliver(entry, consumer))
    } finally {
      this.#pumping = false
    }
  }

  /** Completes a delivery; false when the ack id is not the current one (or late, where exactly-once forbids it). */
  acknowledge(ackId: string): boolean {
    const entry = this.#current(ackId)
    if (!entry) return false
    this.#release(entry)
    if (entry.keyQueue && !this.#record.enableExactlyOnceDelivery) {
      entry.state = 'acked'
      this.#compact(entry.keyQueue)
    } else {
      this.#complete(entry)
    }
    return true
  }

  /** Moves the deadline to now + seconds; 0 is a nack. False as in `acknowledge`. */
  modifyDeadline(ackId: string, seconds: number): boolean {
    const entry = this.#current(ackId)
    if (entry?.state !== 'outstanding') return false
    if (seconds === 0) {
      this.#fail(entry)
      return true
    }
    entry.deadlineMs = this.#host.clock.now() + seconds * 1000
    this.#schedule.deadline(entry)
    return true
  }

  /** Marks everything before that time acknowledged and everything after it, as far as it is kept, not. */
  seek(timeMs: number, kept: Iterable<Message>): void {
    const messages = new Map<string, Message>()
    for (const message of kept) messages.set(message.record.id, message)
    for (const message of this.#acked.values()) messages.set(message.record.id, message)
    for (const [id, entry] of this.#backlog) messages.set(id, entry.message)
    this.redeliver([...messages.values()].filter(({ record }) => record.publishMs >= timeMs))
  }

  /** Makes exactly these messages the backlog. */
  redeliver(messages: readonly Message[]): void {
    const again = messages.toSorted((a, b) => Number(a.record.id) - Number(b.record.id))
    for (const message of again) this.#host.store.restore(message, this.#record.serial)
    const wanted = new Set(again)
    for (const entry of this.#backlog.values()) this.#forget(entry, !wanted.has(entry.message))
    this.#acked.releaseWhere((message) => wanted.has(message))
    this.#reset()
    for (const message of again) this.add(message)
    this.#rearm()
    this.pump()
  }

  /** Gives up every message, and ends every stream with that error: the subscription is deleted or detached. */
  close(error: StatusError): void {
    this.#closed = true
    this.disconnect(error)
    for (const entry of this.#backlog.values()) this.#forget(entry, true)
    this.#acked.releaseWhere(() => true)
    this.#reset()
    this.#schedule.end()
  }

  /** Ends the streams and waiting pulls. */
  disconnect(error: StatusError): void {
    for (const consumer of this.#dispatch.consumers) consumer.fail?.(error)
  }

  /** Stops the timers and keeps the messages: the process ends. */
  stop(): void {
    this.#closed = true
    this.#schedule.end()
  }

  keepAcked(message: Message): void {
    this.#acked.add(message)
    this.#schedule.wakeAt(message.record.publishMs + this.#record.retentionMs)
  }

  #deliver(entry: OutstandingMessage, consumer: Consumer): void {
    if (entry.ackId) this.#byAckId.delete(entry.ackId)
    if (entry.deliveries++ > 0) this.#host.count('pubsub.redeliveries')
    entry.state = 'outstanding'
    entry.ackId = `${this.#host.ackPrefix}.${this.#record.serial.toString(36)}.${(++this.#ackCount).toString(36)}`
    entry.consumer = consumer
    entry.deadlineMs = this.#host.clock.now() + (consumer.ackDeadlineMs ?? this.#record.ackDeadlineSeconds * 1000)
    this.#outstanding++
    this.#byAckId.set(entry.ackId, entry)
    this.#schedule.deadline(entry)
    consumer.take(entry)
  }

  /** A late acknowledgement still counts before the next delivery, except under exactly-once. */
  #current(ackId: string): OutstandingMessage | undefined {
    this.touch()
    const entry = this.#byAckId.get(ackId)
    if (!entry || !this.#record.enableExactlyOnceDelivery) return entry
    return entry.state === 'outstanding' && entry.deadlineMs > this.#host.clock.now() ? entry : undefined
  }

  #release(entry: OutstandingMessage): void {
    if (entry.state !== 'outstanding') return
    this.#outstanding--
    if (entry.keyQueue) entry.keyQueue.outstanding--
    entry.state = 'ready'
    entry.consumer?.released(entry)
    entry.consumer = undefined
  }

  /** A nack or an expired deadline. */
  #fail(entry: OutstandingMessage): void {
    this.#release(entry)
    entry.failures++
    const { deadLetterPolicy: policy, serial } = this.#record
    if (policy) {
      if (entry.failures >= policy.maxDeliveryAttempts && this.#deadLetter(entry)) return
      this.#host.failures.set(`${serial}/${entry.message.record.id}`, entry.failures)
    }
    const readyMs = this.#host.clock.now() + this.#backoffMs(entry.failures)
    if (entry.keyQueue) this.#rewind(entry, entry.keyQueue, readyMs)
    else if (readyMs > this.#host.clock.now()) {
      entry.state = 'delayed'
      entry.readyAtMs = readyMs
      this.#schedule.backoff(entry, readyMs)
    } else this.#dispatch.offer(entry)
  }

  #deadLetter(entry: OutstandingMessage): boolean {
    if (!this.#host.deadLetter(this.#record, entry.message, entry.failures)) return false
    this.#host.count('pubsub.deadLettered')
    this.#complete(entry)
    return true
  }

  /** Redelivery of one message of a key redelivers all later ones, acknowledged ones too. */
  #rewind(entry: OutstandingMessage, keyQueue: OrderingKeyQueue, readyMs: number): void {
    for (const later of keyQueue.rewind(entry)) {
      this.#release(later)
      later.state = 'ready'
    }
    if (readyMs > this.#host.clock.now()) {
      keyQueue.blockedUntilMs = readyMs
      this.#schedule.backoff(keyQueue, readyMs)
    } else this.#dispatch.offerKeyQueue(keyQueue)
  }

  #backoffMs(failures: number): number {
    const { retryPolicy, pushConfig, bigqueryConfig } = this.#record
    const pushed = pushConfig !== null || bigqueryConfig !== null
    if (!retryPolicy && !pushed) return 0
    const minMs = retryPolicy?.minimumMs ?? limits.pushBackoffMinMs
    const maxMs = retryPolicy?.maximumMs ?? limits.pushBackoffMaxMs
    return Math.min(maxMs, minMs * 2 ** Math.min(failures - 1, 30))
  }

  #complete(entry: OutstandingMessage): void {
    this.#forget(entry, true)
    if (entry.keyQueue) this.#compact(entry.keyQueue)
  }

  #compact(keyQueue: OrderingKeyQueue): void {
    for (const entry of keyQueue.compact()) this.#forget(entry, true)
    if (keyQueue.empty) this.#keyQueues.delete(keyQueue.key)
    else this.#dispatch.offerKeyQueue(keyQueue)
  }

  /** Takes an entry out of every index; `done` also completes its message. */
  #forget(entry: OutstandingMessage, done: boolean): void {
    this.#release(entry)
    entry.state = 'removed'
    const { message } = entry
    const { serial } = this.#record
    this.#backlog.delete(message.record.id)
    this.#byAckId.delete(entry.ackId)
    if (entry.failures > 0) this.#host.failures.delete(`${serial}/${message.record.id}`)
    if (!done) return
    if (this.#record.retainAckedMessages && !this.#closed) this.keepAcked(message)
    this.#host.store.complete(message, serial)
  }

  #reset(): void {
    this.#dispatch.clear()
    this.#schedule.clear()
    this.#keyQueues.clear()
    this.#byAckId.clear()
  }

  #keyQueue(key: string): OrderingKeyQueue {
    const known = this.#keyQueues.get(key)
    if (known) return known
    const keyQueue = new OrderingKeyQueue(key)
    this.#keyQueues.set(key, keyQueue)
    return keyQueue
  }

  #wake(): void {
    if (this.#closed) return
    for (let entry = this.#schedule.expired(); entry; entry = this.#schedule.expired()) this.#fail(entry)
    for (let due = this.#schedule.due(); due; due = this.#schedule.due()) this.#ready(due)
    this.#dropOld()
    if (this.#expireUnused()) return
    this.#rearm()
    this.pump()
  }

  #ready(waits: OutstandingMessage | OrderingKeyQueue): void {
    if (waits instanceof OrderingKeyQueue) {
      waits.blockedUntilMs = 0
      this.#dispatch.offerKeyQueue(waits)
    } else {
      waits.state = 'ready'
      this.#dispatch.offer(waits)
    }
  }

  #dropOld(): void {
    const untilMs = this.#host.clock.now() - this.#record.retentionMs
    for (const entry of this.#backlog.values()) {
      if (entry.message.record.publishMs > untilMs) break
      this.#complete(entry)
    }
    this.#acked.releaseUntil(untilMs)
  }

  #expireUnused(): boolean {
    const { expirationMs } = this.#record
    if (expirationMs === null) return false
    if (this.#dispatch.consumers.some(({ keepsAlive }) => keepsAlive)) this.touch()
    if (this.#activeMs + expirationMs > this.#host.clock.now()) return false
    this.#host.expire(this.#record)
    return true
  }

  #rearm(): void {
    this.#schedule.rearm()
    const { retentionMs, expirationMs } = this.#record
    const oldest = this.oldest?.record.publishMs
    const oldestAcked = this.#acked.oldestMs
    if (oldest !== undefined) this.#schedule.wakeAt(oldest + retentionMs)
    if (oldestAcked !== undefined) this.#schedule.wakeAt(oldestAcked + retentionMs)
    if (expirationMs !== null) this.#schedule.wakeAt(this.#activeMs + expirationMs)
  }
}
