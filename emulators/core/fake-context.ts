/** A plugin's context for tests of its core: a virtual clock, a journal in memory, recorders in place of everything outside. */

import { makeAccess } from './access.ts'
import { type VirtualClock, virtualClock } from './clock.ts'
import { createFaults } from './faults.ts'
import { openJournal, type Journal } from './journal.ts'
import type { CloudContext, RequestLogEntry } from './plugin.ts'
import { seededRandom } from './random.ts'
import type { Send } from './send.ts'

export interface FakeContext {
  readonly context: CloudContext
  readonly clock: VirtualClock
  readonly journal: Journal
  readonly counts: Map<string, number>
  readonly notes: RequestLogEntry[]
}

export interface FakeContextOptions {
  readonly clock?: VirtualClock
  readonly journal?: Journal
  readonly fetch?: Send
  readonly peers?: Readonly<Record<string, unknown>>
}

export function fakeContext(options: FakeContextOptions = {}): FakeContext {
  const clock = options.clock ?? virtualClock()
  const journal = options.journal ?? openJournal()
  const counts = new Map<string, number>()
  const notes: RequestLogEntry[] = []
  const random = seededRandom(1)
  const context: CloudContext = {
    project: { id: 'p', number: '1', region: 'europe-west1' },
    access: makeAccess('off', () => undefined),
    clock,
    journal,
    newId: random.id,
    random: random.next,
    count: (counter, amount = 1) => void counts.set(counter, (counts.get(counter) ?? 0) + amount),
    note: (entry) => void notes.push(entry),
    mintIdToken: ({ email, audience }) => Promise.resolve(`token-of-${email}-for-${audience}`),
    resourceExists: () => undefined,
    faults: createFaults({
      clock,
      newId: random.id,
      random: random.next,
      signal: () => Promise.resolve(undefined),
    }),
    fetch: options.fetch ?? (() => Promise.reject(new Error('nothing is to be fetched'))),
    peer: <Core>(name: string): Core => {
      const peer = options.peers?.[name]
      if (peer === undefined) throw new Error(`no peer ${name}`)
      return peer as Core
    },
  }
  return { context, clock, journal, counts, notes }
}
