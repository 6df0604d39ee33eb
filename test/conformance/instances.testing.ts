/** An instance of a service with one kind of event: it keeps streams, and its reads and commits are counted. */

import { z } from 'zod'
import { defineContracts } from '../../shared/contracts/contract.ts'
import type { Envelope } from '../../shared/contracts/envelope.ts'
import type { Message } from '../../shared/contracts/message.ts'
import { keepStreams } from '../../shared/messaging/kept-streams.ts'
import { addressing } from '../../shared/messaging/outgoing.ts'
import type { StreamStore } from '../../shared/messaging/stream-store.ts'
import { createStreams } from '../../shared/messaging/streams.ts'
import { message } from '../../shared/runtime/deliver.testing.ts'
import type { Decision, Stream } from '../../shared/service/platform.ts'

const contracts = defineContracts({
  service: 'tests',
  events: {
    'thing.counted': { version: 1, data: z.object({ to: z.int(), pad: z.string().optional() }), example: { to: 1 } },
  },
  commands: {},
})

export const count = ({ events }: Stream): number => events.length
export const oneMore = (stream: Stream): Decision<Message> => ({
  events: [{ type: 'thing.counted', data: { to: count(stream) + 1, pad: undefined } }],
  commands: [],
})
export const command = (key: string | number): Envelope => message('Count', {}, { key, correlationId: 'c-1' })

/** Reads and commits, in the order in which they were made. */
function counted(store: StreamStore, done: string[]): StreamStore {
  return {
    ...store,
    load: (...read) => (done.push('read'), store.load(...read)),
    loadNew: (...read) => (done.push('read companion'), store.loadNew(...read)),
    append: (...appended) => (done.push('commit'), store.append(...appended)),
    readDocuments: (paths) => (done.push(`read ${paths.length}`), store.readDocuments(paths)),
    transact: (id, work) => (done.push('transaction'), store.transact(id, work)),
  }
}

export function instanceOf(store: StreamStore, nowMs = Date.parse('2026-01-01T00:00:00.000Z')) {
  const published: Envelope[] = []
  const done: string[] = []
  /** The version before each commit, as telemetry gets it. */
  const committed: number[] = []
  const kept = keepStreams(counted(store, done))
  const streams = createStreams({
    service: 'tests',
    contracts,
    uses: [],
    address: addressing({ name: 'tests', contracts, uses: [], sends: [], requestsRepublishFrom: [] }),
    store: kept,
    now: () => nowMs,
    publish: async (events) => void published.push(...events),
    send: async () => {},
    committed: (_commit, { version }) => void committed.push(version),
    backoff: async () => {},
  })
  return { ...streams, published, done, committed, kept }
}
