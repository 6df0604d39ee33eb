/** Streams on Firestore: a document each, an append is one commit under a precondition on its update time. */

import { documentId, textOfId } from '../base/ids.ts'
import type { Lifetimes } from '../service/lifetimes.ts'
import {
  creating,
  type FirestoreClient,
  type FirestoreTransaction,
  type Precondition,
  type ReadDocument,
  replacing,
} from './firestore-client.ts'
import { available, isLostRace, unavailable } from './firestore-errors.ts'
import { type Fields, toFields, toValue, type Write } from './firestore-values.ts'
import {
  areRecentFull,
  type Commit,
  companionFields,
  companionOf,
  type DocumentWrite,
  lastSequence,
  type ReadDocument as StreamDocument,
  type StoredStream,
  type StreamStore,
  type Transaction,
} from '../messaging/stream-store.ts'

const STREAMS = 'streams'
const CHUNKS = 'chunks'

/** Commits are JSON texts, in a stored field named `entries`: a tenth of the work of Firestore's own maps, and appending one sends only that one. */
interface Head {
  readonly version: number
  readonly entries: readonly string[]
  /** The number of chunks with the earlier commits. */
  readonly chunks?: number
  /** The last sequence in the chunks. */
  readonly sequence?: number
}

interface Chunk {
  readonly entries: readonly string[]
  /** Of its commits: they are looked up by an array-contains query. */
  readonly causes: readonly string[]
}

/** A chunk that was written before there were snapshots, with its causes. */
interface FormerChunk {
  readonly path: string
  readonly causes: readonly string[]
}

interface ConcurrencyToken {
  /** Absent: there is no stream. */
  readonly unchanged: Precondition | undefined
  readonly head: Head
  readonly formerChunks?: readonly FormerChunk[]
  readonly companion?: ReadDocument | undefined
}

type GetAll = FirestoreClient['getAll']
type NameOf = FirestoreClient['nameOf']

export function firestoreStreams(firestore: () => Promise<FirestoreClient>, lifetimes: Lifetimes): StreamStore {
  const load: StreamStore['load'] = async (id, companion) => {
    const client = await firestore()
    const paths = [pathOf(id), ...(companion === undefined ? [] : [companion.path])]
    const [document, beside] = await available(() => client.getAll(paths))
    const readAll = () => available(() => read(id, document, client.getAll))
    if (companion === undefined) return readAll()
    const found = companionOf(companion, lifetimes.written(beside?.fields), headOf(document).version)
    const stored = (found.isSnapshot && found.value ? recentOf(id, document) : undefined) ?? (await readAll())
    const concurrencyToken: ConcurrencyToken = {
      ...(stored.concurrencyToken as ConcurrencyToken),
      companion: beside,
    }
    return { ...stored, concurrencyToken, companion: found }
  }

  return {
    load,
    async loadNew(id, path) {
      const fresh = storedOf(id, undefined, { texts: [] })
      if (path === undefined) return fresh
      const client = await firestore()
      const [beside] = await available(() => client.getAll([path]))
      const companion = companionOf({ path, isSnapshot: false }, lifetimes.written(beside?.fields), 0)
      const concurrencyToken: ConcurrencyToken = { ...(fresh.concurrencyToken as ConcurrencyToken), companion: beside }
      return { ...fresh, concurrencyToken, companion }
    },
    recall: (id, isNew) => (isNew ? storedOf(id, undefined, { texts: [] }) : undefined),
    recallDocument: () => undefined,
    async readDocuments(paths) {
      const client = await firestore()
      const documents = await available(() => client.getAll(paths))
      return documents.map((document, index) => ({
        path: paths[index]!,
        value: lifetimes.written(document?.fields),
        concurrencyToken: document?.unchanged,
      }))
    },
    async list({ after, limit }) {
      const client = await firestore()
      const field = { fieldPath: '__name__' }
      const found = await available(() =>
        client.query('', {
          from: [{ collectionId: STREAMS }],
          orderBy: [{ field, direction: 'ASCENDING' }],
          ...(after === undefined
            ? {}
            : { startAt: { values: [{ referenceValue: client.nameOf(pathOf(after)) }], before: false } }),
          limit: { value: limit },
        }),
      )
      return Promise.all(found.map((document) => available(() => read(textOfId(document.id), document, client.getAll))))
    },
    async earlierCommit({ id }, cause) {
      const client = await firestore()
      const [chunk] = await available(() =>
        client.query(pathOf(id), {
          from: [{ collectionId: CHUNKS }],
          where: { fieldFilter: { field: { fieldPath: 'causes' }, op: 'ARRAY_CONTAINS', value: toValue(cause) } },
          limit: { value: 1 },
        }),
      )
      return chunk && commitsIn(chunkOf(chunk).entries).find((commit) => commit.cause === cause)
    },
    async append(stream, commit, { companion, documents = [], further = [] } = {}) {
      const client = await firestore()
      const appended = appending(client.nameOf, stream, [commit, ...further])
      const beside = [
        ...(companion ? [companionWrite(client.nameOf, stream, lifetimes, companion)] : []),
        ...documents.map((document) => documentWrite(client.nameOf, lifetimes, document)),
      ]
      try {
        const unchanged = await client.commit([...beside, ...appended.writes])
        const from = companion ? 1 : 0
        const written = documents.map(({ path, value }, index): StreamDocument => {
          return value
            ? { path, value: asStored(value), concurrencyToken: unchanged[from + index] }
            : { path, concurrencyToken: undefined }
        })
        return { ...appended.after(unchanged.at(-1)!), written }
      } catch (error) {
        if (isLostRace(error)) return undefined
        throw unavailable(error)
      }
    },
    async transact(id, work) {
      const client = await firestore()
      return available(() =>
        client.transact(async (transaction) => {
          const [document] = await transaction.getAll([pathOf(id)])
          const stored = await read(id, document, transaction.getAll)
          return work(stored, transactionOf(client.nameOf, transaction, lifetimes))
        }),
      )
    },
  }
}

function transactionOf(nameOf: NameOf, transaction: FirestoreTransaction, lifetimes: Lifetimes): Transaction {
  return {
    async getAll(paths) {
      const documents = await transaction.getAll(paths)
      return documents.map((document) => lifetimes.written(document?.fields))
    },
    set: (path, value) => transaction.write(replacing(nameOf(path), lifetimes.stored(path, value))),
    delete: (path) => transaction.write({ delete: nameOf(path) }),
    append(stream, commit) {
      for (const write of appending(nameOf, stream, [commit]).writes) transaction.write(write)
    },
  }
}

function companionWrite(nameOf: NameOf, stream: StoredStream, lifetimes: Lifetimes, fields: Fields): Write {
  if (!stream.companion) throw new Error('A companion is written only to a stream that was read with it.')
  const { path } = stream.companion
  const next = lifetimes.stored(path, companionFields(stream, fields))
  const current = (stream.concurrencyToken as ConcurrencyToken).companion
  return current ? replacing(nameOf(path), next, current.unchanged) : creating(nameOf(path), next)
}

function documentWrite(nameOf: NameOf, lifetimes: Lifetimes, { path, value, read }: DocumentWrite): Write {
  const unchanged = read && ((read.concurrencyToken as Precondition | undefined) ?? { exists: false })
  return value
    ? replacing(nameOf(path), lifetimes.stored(path, value), unchanged)
    : { delete: nameOf(path), ...(unchanged ? { currentDocument: unchanged } : {}) }
}

interface Appending {
  /** For which the stream must be as it was read. The last one is of its document. */
  readonly writes: readonly Write[]
  /** The stream after them. */
  after(unchanged: Precondition): StoredStream
}

function appending(nameOf: NameOf, stream: StoredStream, commits: readonly Commit[]): Appending {
  const { unchanged, head, formerChunks = [] } = stream.concurrencyToken as ConcurrencyToken
  const path = pathOf(stream.id)
  const name = nameOf(path)
  const texts = commits.map((commit) => JSON.stringify(commit))
  const version = head.version + texts.length
  const appended = (next: Head, writes: readonly Write[]): Appending => ({
    writes,
    after: (now) => ({
      id: stream.id,
      version,
      // Parsed from the stored text: without undefined fields, and not shared with the decision.
      commits: [...stream.commits, ...commitsIn(texts)],
      size: stream.size + sizeOf(texts),
      ...(stream.earlier ? { earlier: stream.earlier } : {}),
      concurrencyToken: { unchanged: now, head: next } satisfies ConcurrencyToken,
    }),
  })
  const longer: Head = { ...head, version, entries: [...head.entries, ...texts] }
  if (!unchanged) return appended(longer, [creating(name, { ...longer })])
  // Once a commit has written the snapshot, chunks are no longer read: each has its causes from then on.
  const causesOfFormer = formerChunks.map((former) => ({
    update: { name: nameOf(former.path), fields: toFields({ causes: former.causes }) },
    updateMask: { fieldPaths: ['causes'] },
    currentDocument: { exists: true },
  }))
  if (!areRecentFull(stream, longer.entries))
    return appended(longer, [
      ...causesOfFormer,
      {
        update: { name, fields: toFields({ version }) },
        updateMask: { fieldPaths: ['version'] },
        updateTransforms: [{ fieldPath: 'entries', appendMissingElements: { values: texts.map(toValue) } }],
        currentDocument: unchanged,
      },
    ])
  const chunks = head.chunks ?? 0
  const causes = stream.commits.slice(-head.entries.length).map(({ cause }) => cause)
  const next: Head = { version, entries: texts, chunks: chunks + 1, sequence: lastSequence(stream) }
  return appended(next, [
    ...causesOfFormer,
    replacing(nameOf(chunkPath(path, chunks)), { entries: head.entries, causes } satisfies Chunk),
    replacing(name, { ...next }, unchanged),
  ])
}

/** The commits in the head, without those in chunks; undefined while the head holds all. */
function recentOf(id: string, document: ReadDocument | undefined): StoredStream | undefined {
  const head = headOf(document)
  if (head.sequence === undefined) return undefined
  const { version, entries, sequence } = head
  const concurrencyToken: ConcurrencyToken = { unchanged: document?.unchanged, head }
  return { id, version, commits: commitsIn(entries), size: sizeOf(entries), earlier: { sequence }, concurrencyToken }
}

async function read(id: string, document: ReadDocument | undefined, getAll: GetAll): Promise<StoredStream> {
  const head = headOf(document)
  const paths = Array.from({ length: head.chunks ?? 0 }, (_, index) => chunkPath(pathOf(id), index))
  const chunks = (await getAll(paths)).map((chunk) => chunkOf(chunk!))
  const texts = [...chunks.flatMap(({ entries }) => entries), ...head.entries]
  const formerChunks = chunks.flatMap(({ entries, causes }, index): FormerChunk[] =>
    causes ? [] : [{ path: paths[index]!, causes: commitsIn(entries).map(({ cause }) => cause) }],
  )
  return storedOf(id, document, { texts, formerChunks })
}

interface ReadTexts {
  readonly texts: readonly string[]
  readonly formerChunks?: readonly FormerChunk[]
}

function storedOf(
  id: string,
  document: ReadDocument | undefined,
  { texts, formerChunks = [] }: ReadTexts,
): StoredStream {
  const head = headOf(document)
  const concurrencyToken: ConcurrencyToken = { unchanged: document?.unchanged, head, formerChunks }
  return { id, version: head.version, commits: commitsIn(texts), size: sizeOf(texts), concurrencyToken }
}

const headOf = (document: ReadDocument | undefined): Head =>
  (document?.fields as Head | undefined) ?? { version: 0, entries: [] }
const chunkOf = ({ fields }: ReadDocument): Pick<Chunk, 'entries'> & Partial<Chunk> => fields as unknown as Chunk
const pathOf = (id: string): string => `${STREAMS}/${documentId(id)}`
const chunkPath = (stream: string, index: number): string => `${stream}/${CHUNKS}/${index}`
/** As a read would return it: without undefined fields, and not shared with the decision. */
const asStored = (fields: Fields): Fields => JSON.parse(JSON.stringify(fields)) as Fields
const sizeOf = (texts: readonly string[]): number => texts.reduce((sum, text) => sum + text.length, 0)
const commitsIn = (texts: readonly string[]): Commit[] => texts.map((text) => JSON.parse(text) as Commit)
