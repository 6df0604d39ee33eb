/** Streams and documents in memory, under the same preconditions as Firestore's. */

import { setImmediate } from 'node:timers/promises'
import { Unavailable } from '../base/errors.ts'
import type { DocumentStore } from '../service/platform.ts'
import {
  areRecentFull,
  type Commit,
  companionFields,
  companionOf,
  type CompanionRequest,
  lastSequence,
  type StoredStream,
  type StreamStore,
} from './stream-store.ts'

type Fields = Readonly<Record<string, unknown>>

/** The versions of a stream and its companion when they were read. */
interface ConcurrencyToken {
  readonly commits: number
  readonly companion?: number | undefined
}

interface Stored {
  readonly fields: Fields
  /** Stands for Firestore's update time. */
  readonly stamp: number
}

/** A transaction fails after so many conflicts, as in Firestore's client. */
const MAX_ATTEMPTS = 5

export interface Memory {
  readonly store: StreamStore
  readonly documents: DocumentStore<string>
  /** Every document by path, without the streams. */
  storedDocuments(): ReadonlyMap<string, Fields>
  /** Every stream's commits by id. */
  streams(): ReadonlyMap<string, readonly Commit[]>
  /** The operations that Firestore would have billed. */
  readonly billed: { reads: number; writes: number }
}

/** Called before and after each operation of the store, where another task may run first; a simulation decides which. */
export type Interleave = (what: string) => Promise<void>
/** Only a simulation stops after a commit, where no other task can interfere. */
const yieldToOtherTasks: Interleave = async (what) => {
  if (what !== 'committed') await setImmediate()
}

export function memory(interleave: Interleave = yieldToOtherTasks): Memory {
  const byPath = new Map<string, Stored>()
  const streams = new Map<string, readonly Commit[]>()
  /** Of each stream, where recent commits became earlier ones: each time Firestore has one more document. */
  const splits = new Map<string, readonly number[]>()
  const billed = { reads: 0, writes: 0 }
  let stamps = 0

  const plain = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T
  const recentFrom = (id: string): number => splits.get(id)?.at(-1) ?? 0
  const load = (id: string, companion?: CompanionRequest): StoredStream => {
    billed.reads += 1
    const commits = streams.get(id) ?? []
    const version = commits.length
    const found = companion && get(companion.path)
    const read = companion && companionOf(companion, found && plain(found.fields), version)
    const isRecent = read?.isSnapshot && read.value !== undefined
    const concurrencyToken: ConcurrencyToken = { commits: version, companion: found?.stamp }
    return { id, version, ...partOf(id, isRecent), concurrencyToken, ...(read ? { companion: read } : {}) }
  }
  const partOf = (id: string, isRecent = false): Pick<StoredStream, 'commits' | 'earlier'> => {
    const commits = streams.get(id) ?? []
    const from = recentFrom(id)
    if (isRecent && from > 0)
      return {
        commits: plain(commits.slice(from)),
        earlier: { sequence: lastSequence({ commits: commits.slice(0, from) }) },
      }
    billed.reads += splits.get(id)?.length ?? 0
    return { commits: plain(commits) }
  }
  const isCurrent = ({ id, concurrencyToken }: StoredStream): boolean =>
    (streams.get(id)?.length ?? 0) === (concurrencyToken as ConcurrencyToken).commits
  const isCompanionCurrent = ({ concurrencyToken, companion }: StoredStream): boolean =>
    byPath.get(companion!.path)?.stamp === (concurrencyToken as ConcurrencyToken).companion
  const append = (stream: StoredStream, commit: Commit): void => {
    billed.writes += 1
    const before = streams.get(stream.id) ?? []
    const texts = [...before.slice(recentFrom(stream.id)), commit].map((one) => JSON.stringify(one))
    if (areRecentFull(stream, texts)) {
      billed.writes += 1
      splits.set(stream.id, [...(splits.get(stream.id) ?? []), before.length])
    }
    streams.set(stream.id, [...before, plain(commit)])
  }
  const put = (path: string, fields: Fields): void => {
    billed.writes += 1
    byPath.set(path, { fields: plain(fields), stamp: (stamps += 1) })
  }
  const get = (path: string): Stored | undefined => {
    billed.reads += 1
    return byPath.get(path)
  }
  const copy = (stored: Stored | undefined): Fields | undefined => stored && plain(stored.fields)

  /** Runs once; undefined if a concurrent write changed a document that it had read. */
  const runOnce = async <R>(
    id: string,
    work: Parameters<StreamStore['transact']>[1],
  ): Promise<{ readonly result: R } | undefined> => {
    await interleave('load')
    const stream = load(id)
    const seen = new Map<string, number | undefined>()
    const writes: (() => void)[] = []
    const result = await work(stream, {
      async getAll(paths) {
        await interleave('read')
        if (writes.length > 0)
          throw new Error('Firestore transactions require all reads to be executed before all writes.')
        return paths.map((path) => {
          const found = get(path)
          seen.set(path, found?.stamp)
          return copy(found)
        })
      },
      set: (path, value) => void writes.push(() => put(path, value)),
      delete: (path) => void writes.push(() => byPath.delete(path)),
      append: (appendTo, commit) => void writes.push(() => append(appendTo, commit)),
    })
    await interleave('commit')
    const lost = !isCurrent(stream) || [...seen].some(([path, stamp]) => byPath.get(path)?.stamp !== stamp)
    if (lost) return undefined
    for (const write of writes) write()
    await interleave('committed')
    return { result: result as R }
  }

  return {
    billed,
    storedDocuments: () => new Map([...byPath].map(([path, { fields }]) => [path, fields])),
    streams: () => streams,
    store: {
      async load(id, companion) {
        await interleave('load')
        return load(id, companion)
      },
      async earlierCommit({ id }, cause) {
        await interleave('read')
        billed.reads += 1
        return (streams.get(id) ?? []).slice(0, recentFrom(id)).find((commit) => commit.cause === cause)
      },
      async append(stream, commit, companion) {
        await interleave('commit')
        if (companion && !stream.companion)
          throw new Error('A companion is written only to a stream that was read with it.')
        if (!isCurrent(stream) || (companion && !isCompanionCurrent(stream))) return false
        append(stream, commit)
        if (companion) put(stream.companion!.path, companionFields(stream, companion))
        await interleave('committed')
        return true
      },
      async transact<R>(
        id: string,
        work: (...inside: Parameters<Parameters<StreamStore['transact']>[1]>) => Promise<R>,
      ) {
        for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
          const done = await runOnce<R>(id, work)
          if (done) return done.result
        }
        throw new Unavailable(`The transaction on ${id} lost ${MAX_ATTEMPTS} races.`)
      },
    },
    documents: {
      async get(path) {
        await interleave('read')
        return copy(get(path))
      },
      async getAll(paths) {
        await interleave('read')
        return paths.map((path) => copy(get(path)))
      },
      async update(path, change) {
        for (;;) {
          const before = get(path)
          await interleave('commit')
          const next = change(copy(before))
          if (next === undefined) return
          if (byPath.get(path)?.stamp !== before?.stamp) continue
          put(path, next)
          return interleave('committed')
        }
      },
      async merge(path, fields) {
        await interleave('commit')
        put(path, merged(byPath.get(path)?.fields ?? {}, fields))
        return interleave('committed')
      },
      async create(path, fields) {
        await interleave('commit')
        if (byPath.has(path)) return false
        put(path, fields)
        await interleave('committed')
        return true
      },
    },
  }
}

const isMap = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length > 0

const merged = (before: Fields, fields: Fields): Fields => ({
  ...before,
  ...Object.fromEntries(
    Object.entries(fields).map(([name, value]) => {
      const there = before[name]
      return [name, isMap(value) ? merged(isMap(there) ? there : {}, value) : value]
    }),
  ),
})
