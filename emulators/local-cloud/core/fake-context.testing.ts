/** A plugin's context for tests of its core: a virtual clock, the real journal, recorders in place of other plugins. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { type Access, makeAccess } from './access/access.ts'
import { type VirtualClock, virtualClock } from './clock.ts'
import { createFaults } from './access/faults.ts'
import { openJournal, type Journal } from './journal.ts'
import type { CloudContext, RequestLogEntry } from './plugin.ts'
import { seededRandom } from './random.ts'
import { secretRemedy } from './run-secret.ts'
import type { Send } from './send.ts'

export interface FakeContext {
  readonly context: CloudContext
  readonly clock: VirtualClock
  readonly journal: Journal
  readonly counts: Map<string, number>
  readonly requests: RequestLogEntry[]
  /** Absent: the journal is in memory. */
  readonly directory: string | undefined
  /** The context of the next process, with the written journal and the same time. @throws Error without `onDisk` */
  restarted(): FakeContext
}

export interface FakeContextOptions {
  /** Keeps the journal in a temporary directory of this test, so that it can be restarted (default: in memory). */
  readonly onDisk?: boolean
  readonly fetch?: Send
  readonly peers?: Readonly<Record<string, unknown>>
  /** The answer of IAM (default: yes). */
  readonly allows?: Access['allows']
}

interface Process {
  readonly clock: VirtualClock
  readonly directory: string | undefined
  /** Each process has ids of its own, as seeds are drawn at random outside of tests. */
  readonly seed: number
}

export function fakeContext(options: FakeContextOptions = {}): FakeContext {
  return startProcess(options, {
    clock: virtualClock(),
    directory: options.onDisk ? temporaryDirectory() : undefined,
    seed: 1,
  })
}

function startProcess(options: FakeContextOptions, { clock, directory, seed }: Process): FakeContext {
  const journal = openJournal(directory === undefined ? {} : { directory })
  if (directory !== undefined) onTestFinished(() => journal.close())
  const counts = new Map<string, number>()
  const requests: RequestLogEntry[] = []
  const random = seededRandom(seed)
  const context: CloudContext = {
    project: { id: 'p', number: '1', region: 'europe-west1' },
    access: { ...makeAccess('off', () => undefined), ...(options.allows ? { allows: options.allows } : {}) },
    clock,
    journal,
    newId: random.id,
    random: random.next,
    count: (counter, amount = 1) => void counts.set(counter, (counts.get(counter) ?? 0) + amount),
    logRequest: (entry) => void requests.push(entry),
    mintIdToken: ({ email, audience }) => Promise.resolve(`token-of-${email}-for-${audience}`),
    iamFacts: [],
    resourceExists: () => undefined,
    faults: createFaults({
      clock,
      newId: random.id,
      random: random.next,
      signal: () => Promise.resolve(undefined),
    }),
    fetch: options.fetch ?? (() => Promise.reject(new Error('nothing is to be fetched'))),
    openAddress: () => () => {},
    ownerUrl: () => 'http://127.0.0.1:4100',
    secretRemedy: secretRemedy(),
    peer: <Core>(name: string): Core => {
      const peer = options.peers?.[name]
      if (peer === undefined) throw new Error(`no peer ${name}`)
      return peer as Core
    },
  }
  const restarted = (): FakeContext => {
    if (directory === undefined) throw new Error('A restart needs a journal on disk: fakeContext({ onDisk: true }).')
    // The transport flushes before each answer, so every answered change is written.
    journal.close()
    return startProcess(options, { clock, directory, seed: seed + 1 })
  }
  return { context, clock, journal, counts, requests, directory, restarted }
}

function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'fake-context-'))
  onTestFinished(() => rmSync(directory, { recursive: true }))
  return directory
}
