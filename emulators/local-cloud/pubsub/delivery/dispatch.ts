/** Hands ready messages to consumers with capacity, in turn, and the messages of one ordering key to one consumer. */

import { DueQueue } from '../../core/due-queue.ts'
import { type Consumer, type OutstandingMessage, OrderingKeyQueue } from './outstanding-message.ts'

export class Dispatch {
  readonly #shared = new DueQueue<OutstandingMessage | OrderingKeyQueue>()
  /** Queues of ordering keys that are bound to a consumer wait for it alone. */
  readonly #bound = new Map<Consumer, DueQueue<OrderingKeyQueue>>()
  #consumers: Consumer[] = []
  #turn = 0
  #boundFirst = false

  get consumers(): readonly Consumer[] {
    return this.#consumers
  }

  attach(consumer: Consumer): void {
    this.#consumers.push(consumer)
    this.#bound.set(consumer, new DueQueue())
  }

  /** Lanes with outstanding messages stay bound to it until these are acknowledged or expire. */
  detach(consumer: Consumer): void {
    this.#consumers = this.#consumers.filter((one) => one !== consumer)
    const keyQueues = this.#bound.get(consumer)
    this.#bound.delete(consumer)
    for (let keyQueue = keyQueues?.take(); keyQueue; keyQueue = keyQueues?.take()) {
      keyQueue.queued = false
      this.offerKeyQueue(keyQueue)
    }
  }

  offer(entry: OutstandingMessage): void {
    if (entry.keyQueue) this.offerKeyQueue(entry.keyQueue)
    else this.#shared.add(entry)
  }

  /** Queues an ordering key where it can go on; does nothing while it must wait. */
  offerKeyQueue(keyQueue: OrderingKeyQueue): void {
    if (keyQueue.queued || keyQueue.blockedUntilMs > 0 || !keyQueue.next()) return
    if (keyQueue.outstanding === 0) {
      keyQueue.consumer = undefined
      this.#shared.add(keyQueue)
    } else {
      const queue = keyQueue.consumer?.pipelinesKeys ? this.#bound.get(keyQueue.consumer) : undefined
      if (!queue) return
      queue.add(keyQueue)
    }
    keyQueue.queued = true
  }

  /** Assigns all deliverable messages to consumers, then lets each consumer send its messages. */
  run(give: (entry: OutstandingMessage, consumer: Consumer) => void): void {
    const took = new Set<Consumer>()
    let idle = 0
    while (idle < this.#consumers.length) {
      const consumer = this.#consumers[this.#turn++ % this.#consumers.length]!
      const entry = consumer.hasRoom() ? this.#next(consumer) : undefined
      if (!entry) {
        idle++
        continue
      }
      idle = 0
      took.add(consumer)
      give(entry, consumer)
      if (entry.keyQueue) {
        entry.keyQueue.markDelivered(consumer)
        this.offerKeyQueue(entry.keyQueue)
      }
    }
    for (const consumer of took) consumer.flush()
  }

  clear(): void {
    this.#shared.clear()
    for (const queue of this.#bound.values()) queue.clear()
  }

  /** Takes turns, or a key with a long backlog would starve all others. */
  #next(consumer: Consumer): OutstandingMessage | undefined {
    this.#boundFirst = !this.#boundFirst
    return this.#boundFirst
      ? (this.#nextBound(consumer) ?? this.#nextShared())
      : (this.#nextShared() ?? this.#nextBound(consumer))
  }

  #nextBound(consumer: Consumer): OutstandingMessage | undefined {
    const keyQueues = this.#bound.get(consumer)
    for (let keyQueue = keyQueues?.take(); keyQueue; keyQueue = keyQueues?.take()) {
      const entry = this.#from(keyQueue)
      if (entry) return entry
    }
    return undefined
  }

  #nextShared(): OutstandingMessage | undefined {
    for (let item = this.#shared.take(); item; item = this.#shared.take()) {
      const entry = item instanceof OrderingKeyQueue ? this.#from(item) : item
      // It may have been acknowledged late, or dropped, while it waited in the queue.
      if (entry?.state === 'ready') return entry
    }
    return undefined
  }

  #from(keyQueue: OrderingKeyQueue): OutstandingMessage | undefined {
    keyQueue.queued = false
    return keyQueue.blockedUntilMs > 0 ? undefined : keyQueue.next()
  }
}
