/** Streams and documents in memory, under the same preconditions as Firestore's. */

import { setImmediate } from 'node:timers/promises'
import { Unavailable } from '../base/errors.ts'
import { documentId } from '../base/ids.ts'
import { type DocumentQuery, type IndexedValue, pageOf } from '../service/document-query.ts'
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

/** JSON, as Firestore stores it. Nothing is copied when it is read: a caller that changes what it has read gets an error. */
const frozen = <T>(value: T): T => freeze(JSON.parse(JSON.stringify(value)) as T)

function freeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value
  for (const one of Object.values(value)) freeze(one)
  return Object.freeze(value)
}

const texts = new WeakMap<Commit, string>()
function textOf(commit: Commit): string {
  const known = texts.get(commit)
  if (known !== undefined) return known
  const text = JSON.stringify(commit)
  texts.set(commit, text)
  return text
}

export function memory(interleave: Interleave = yieldToOtherTasks): Memory {
  const byPath = new Map<string, Stored>()
  const streams = new Map<string, readonly Commit[]>()
  /** Of each stream, where recent commits became earlier ones: each time Firestore has one more document. */
  const splits = new Map<string, readonly number[]>()
  const billed = { reads: 0, writes: 0 }
  let stamps = 0

  const recentFrom = (id: string): number => splits.get(id)?.at(-1) ?? 0
  const load = (id: string, companion?: CompanionRequest): StoredStream => {
    billed.reads += 1
    return readWith(id, streams.get(id)?.length ?? 0, companion)
  }
  const readWith = (id: string, version: number, companion: CompanionRequest | undefined): StoredStream => {
    const found = companion && get(companion.path)
    const read = companion && companionOf(companion, found?.fields, version)
    const isRecent = read?.isSnapshot && read.value !== undefined
    const concurrencyToken: ConcurrencyToken = { commits: version, companion: found?.stamp }
    const commits = version === 0 ? whole([]) : partOf(id, isRecent)
    return { id, version, ...commits, concurrencyToken, ...(read ? { companion: read } : {}) }
  }
  const partOf = (id: string, isRecent = false): Pick<StoredStream, 'commits' | 'size' | 'earlier'> => {
    const commits = streams.get(id) ?? []
    const from = recentFrom(id)
    if (isRecent && from > 0)
      return {
        ...whole(commits.slice(from)),
        earlier: { sequence: lastSequence({ commits: commits.slice(0, from) }) },
      }
    billed.reads += splits.get(id)?.length ?? 0
    return whole(commits)
  }
  const isCurrent = ({ id, concurrencyToken }: StoredStream): boolean =>
    (streams.get(id)?.length ?? 0) === (concurrencyToken as ConcurrencyToken).commits
  const isCompanionCurrent = ({ concurrencyToken, companion }: StoredStream): boolean =>
    byPath.get(companion!.path)?.stamp === (concurrencyToken as ConcurrencyToken).companion
  const append = (stream: StoredStream, commits: readonly Commit[]): void => {
    billed.writes += 1
    const before = streams.get(stream.id) ?? []
    const stored = commits.map(frozen)
    if (areRecentFull(stream, [...before.slice(recentFrom(stream.id)), ...stored].map(textOf))) {
      billed.writes += 1
      splits.set(stream.id, [...(splits.get(stream.id) ?? []), before.length])
    }
    streams.set(stream.id, [...before, ...stored])
  }
  const put = (path: string, fields: Fields): void => {
    billed.writes += 1
    byPath.set(path, { fields: frozen(fields), stamp: (stamps += 1) })
  }
  const get = (path: string): Stored | undefined => {
    billed.reads += 1
    return byPath.get(path)
  }

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
          return found?.fields
        })
      },
      set: (path, value) => void writes.push(() => put(path, value)),
      delete: (path) => void writes.push(() => byPath.delete(path)),
      append: (appendTo, commit) => void writes.push(() => append(appendTo, [commit])),
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
      async loadNew(id, path) {
        await interleave('load')
        return readWith(id, 0, path === undefined ? undefined : { path, isSnapshot: false })
      },
      recall: (id, isNew) =>
        isNew
          ? { id, version: 0, ...whole([]), concurrencyToken: { commits: 0 } satisfies ConcurrencyToken }
          : undefined,
      recallDocument: () => undefined,
      async readDocuments(paths) {
        await interleave('read')
        return paths.map((path) => ({ path, ...asRead(get(path)) }))
      },
      async list({ after, limit }) {
        await interleave('read')
        const ids = [...streams.keys()].toSorted((one, other) => compared(documentId(one), documentId(other)))
        const from = after === undefined ? ids : ids.filter((id) => compared(documentId(id), documentId(after)) > 0)
        return from.slice(0, limit).map((id) => load(id))
      },
      async earlierCommit({ id }, cause) {
        await interleave('read')
        billed.reads += 1
        return (streams.get(id) ?? []).slice(0, recentFrom(id)).find((commit) => commit.cause === cause)
      },
      async append(stream, commit, { companion, documents = [], further = [] } = {}) {
        await interleave('commit')
        if (companion && !stream.companion)
          throw new Error('A companion is written only to a stream that was read with it.')
        if (!isCurrent(stream) || (companion && !isCompanionCurrent(stream))) return undefined
        if (documents.some(({ path, read }) => read && byPath.get(path)?.stamp !== read.concurrencyToken))
          return undefined
        append(stream, [commit, ...further])
        for (const { path, value } of documents)
          if (value) put(path, value)
          else byPath.delete(path)
        if (companion) put(stream.companion!.path, companionFields(stream, companion))
        const { id } = stream
        const commits = streams.get(id)!
        const version = commits.length
        const written = documents.map(({ path }) => ({ path, ...asRead(byPath.get(path)) }))
        await interleave('committed')
        return { id, version, ...whole(commits), written, concurrencyToken: { commits: version } }
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
        return get(path)?.fields
      },
      async getAll(paths) {
        await interleave('read')
        return paths.map((path) => get(path)?.fields)
      },
      async update(path, change) {
        for (;;) {
          const before = get(path)
          await interleave('commit')
          const next = change(before?.fields)
          if (next === undefined) return
          if (byPath.get(path)?.stamp !== before?.stamp) continue
          put(path, next)
          return interleave('committed')
        }
      },
      async merge(path, fields, { raise = {} } = {}) {
        await interleave('commit')
        const before = byPath.get(path)?.fields ?? {}
        const raised = Object.entries(raise).map(([name, least]) => {
          const present = before[name]
          return [name, typeof present === 'number' ? Math.max(present, least) : least] as const
        })
        put(path, { ...merged(before, fields), ...Object.fromEntries(raised) })
        return interleave('committed')
      },
      async create(path, fields) {
        await interleave('commit')
        if (byPath.has(path)) return false
        put(path, fields)
        await interleave('committed')
        return true
      },
      async delete(path) {
        await interleave('commit')
        billed.writes += 1
        byPath.delete(path)
        return interleave('committed')
      },
      async query(query) {
        await interleave('read')
        const found = queried(byPath, query)
        billed.reads += Math.max(1, found.length)
        return pageOf(query, found)
      },
    },
  }
}

const asRead = (found: Stored | undefined) => ({ value: found?.fields, concurrencyToken: found?.stamp })

const whole = (commits: readonly Commit[]): Pick<StoredStream, 'commits' | 'size'> => ({
  commits,
  size: commits.reduce((sum, commit) => sum + textOf(commit).length, 0),
})

/** The documents of one page, in Firestore's order: texts by their code points, and the id between equal values. */
function queried(byPath: ReadonlyMap<string, Stored>, query: DocumentQuery): { id: string; fields: Fields }[] {
  const { from, where, order, atLeast, below, limit, after, fields: selected } = query
  const sign = order?.descending ? -1 : 1
  const valueOf = (fields: Fields): IndexedValue => (order ? (fields[order.field] as IndexedValue) : '')
  const all = [...byPath]
    .filter(([path]) => path.startsWith(`${from}/`))
    .map(([path, { fields }]) => ({ id: path.slice(from.length + 1), fields }))
    .filter(({ fields }) => Object.entries(where).every(([name, value]) => fields[name] === value))
    .filter(({ fields }) => !order || fields[order.field] !== undefined)
    .filter(({ fields }) => atLeast === undefined || compared(valueOf(fields), atLeast) >= 0)
    .filter(({ fields }) => below === undefined || compared(valueOf(fields), below) < 0)
    .toSorted((a, b) => sign * (compared(valueOf(a.fields), valueOf(b.fields)) || compared(a.id, b.id)))
  const isAfter = (one: { readonly id: string; readonly fields: Fields }): boolean =>
    !after || sign * (compared(valueOf(one.fields), after.value ?? '') || compared(one.id, after.id)) > 0
  const read = (fields: Fields): Fields =>
    selected
      ? Object.fromEntries(Object.entries(fields).filter(([name]) => selected.includes(name) || name === order?.field))
      : fields
  return all
    .filter(isAfter)
    .slice(0, limit)
    .map(({ id, fields }) => ({ id, fields: read(fields) }))
}

const compared = (a: IndexedValue, b: IndexedValue): number =>
  typeof a === 'string' && typeof b === 'string'
    ? Buffer.compare(Buffer.from(a), Buffer.from(b))
    : a < b
      ? -1
      : a > b
        ? 1
        : 0

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
