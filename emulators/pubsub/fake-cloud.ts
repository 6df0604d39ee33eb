/** A cloud context for tests: virtual clock, a journal that can be reopened, and recorders for counts, notes and pushes. */

import type { Access } from '../core/access.ts'
import { virtualClock, type VirtualClock } from '../core/clock.ts'
import { fakeContext } from '../core/fake-context.ts'
import type { Journal, Table } from '../core/journal.ts'
import type { CloudContext, RequestLogEntry } from '../core/plugin.ts'
import type { Send } from '../core/send.ts'
import { makeCore, type PubsubCore } from './core.ts'

export interface FakeCloud {
  readonly context: CloudContext
  readonly clock: VirtualClock
  readonly core: PubsubCore
  readonly counts: Map<string, number>
  readonly notes: RequestLogEntry[]
  /** Lines written to the journal so far. */
  journalLines(): number
  /** The process dies and starts again with what the journal holds. */
  killed(): FakeCloud
}

export interface FakeOptions {
  readonly fetch?: Send
  readonly peers?: Readonly<Record<string, unknown>>
  /** What IAM says (default: yes). */
  readonly allows?: Access['allows']
}

export function fakeCloud(options: FakeOptions = {}, log: string[] = [], clock = virtualClock()): FakeCloud {
  const counts = new Map<string, number>()
  const notes: RequestLogEntry[] = []
  let ids = log.length
  const context: CloudContext = {
    project: { id: 'p', number: '1', region: 'europe-west1' },
    resourceExists: () => undefined,
    faults: fakeContext().context.faults,
    access: { ...fakeContext().context.access, ...(options.allows ? { allows: options.allows } : {}) },
    clock,
    journal: replayed(log),
    newId: () => (++ids).toString(16).padStart(16, '0'),
    random: () => 0.5,
    count: (counter, amount = 1) => void counts.set(counter, (counts.get(counter) ?? 0) + amount),
    note: (entry) => void notes.push(entry),
    mintIdToken: async ({ email, audience }) => `token-of-${email}-for-${audience}`,
    fetch: options.fetch ?? (() => Promise.reject(new Error('nothing is to be fetched'))),
    peer: <Core>(name: string): Core => {
      const peer = options.peers?.[name]
      if (!peer) throw new Error(`no peer ${name}`)
      return peer as Core
    },
  }
  const core = makeCore(context)
  core.start()
  const killed = (): FakeCloud => {
    core.stop()
    return fakeCloud(options, [...log], clock)
  }
  return { context, clock, core, counts, notes, journalLines: () => log.length, killed }
}

/** What a journal is: a log of changes as JSON text, from which the tables are rebuilt. */
function replayed(log: string[]): Journal {
  const maps = new Map<string, Map<string, unknown>>()
  const mapOf = (name: string): Map<string, unknown> => {
    if (!maps.has(name)) maps.set(name, new Map())
    return maps.get(name)!
  }
  for (const line of log) {
    const [name, key, value] = JSON.parse(line) as [string, string, unknown]
    if (value === null) mapOf(name).delete(key)
    else mapOf(name).set(key, value)
  }
  const table = <Value>(name: string): Table<Value> => {
    const map = mapOf(name) as Map<string, Value>
    return {
      get: (key) => map.get(key),
      has: (key) => map.has(key),
      set(key, value) {
        map.set(key, value)
        log.push(JSON.stringify([name, key, value]))
      },
      delete(key) {
        log.push(JSON.stringify([name, key, null]))
        return map.delete(key)
      },
      keys: () => map.keys(),
      values: () => map.values(),
      entries: () => map.entries(),
      get size() {
        return map.size
      },
    }
  }
  return { table, flush: () => {}, close: () => {} }
}

export const TOPIC = 'projects/p/topics/order.placed'
export const SUBSCRIPTION = 'projects/p/subscriptions/inventory.order.placed'
export const NO_SIGNAL = { signal: new AbortController().signal }

/** A topic with one subscription of those settings. */
export function withSubscription(cloud: FakeCloud, settings: object = {}): FakeCloud {
  cloud.core.publisher.createTopic({ name: TOPIC })
  cloud.core.subscriber.createSubscription({ name: SUBSCRIPTION, topic: TOPIC, ...settings })
  return cloud
}

export function publishText(cloud: FakeCloud, text: string, more: object = {}): string {
  const { messageIds } = cloud.core.publisher.publish({
    topic: TOPIC,
    messages: [{ data: Buffer.from(text), ...more }],
  })
  return messageIds[0]!
}

/** Pulls what is ready now. */
export async function pullNow(cloud: FakeCloud, maxMessages = 1000, subscription = SUBSCRIPTION) {
  const request = { subscription, maxMessages, returnImmediately: true }
  const { receivedMessages } = await cloud.core.subscriber.pull(request, NO_SIGNAL)
  return receivedMessages.map(({ ackId, message, deliveryAttempt }) => ({
    ackId,
    deliveryAttempt,
    text: message.data.toString(),
    attributes: message.attributes,
    id: message.messageId,
  }))
}
