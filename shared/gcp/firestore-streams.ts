/** Streams on Firestore: a document each, an append is one commit under a precondition on its update time. */

import type {
  CollectionReference,
  DocumentReference,
  DocumentSnapshot,
  Firestore,
  Timestamp,
  Transaction as FirestoreTransaction,
  WriteBatch,
} from '@google-cloud/firestore'
import { documentId } from '../base/ids.ts'
import type { Lifetimes } from '../service/lifetimes.ts'
import { available, isLostRace, unavailable } from './firestore-errors.ts'
import { replacement } from './firestore-documents.ts'
import {
  areRecentFull,
  type Commit,
  companionFields,
  companionOf,
  lastSequence,
  type StoredStream,
  type StreamStore,
  type Transaction,
} from '../messaging/stream-store.ts'

const STREAMS = 'streams'

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
  readonly reference: DocumentReference
  readonly causes: readonly string[]
}

interface ConcurrencyToken {
  readonly updateTime: Timestamp | undefined
  readonly head: Head
  readonly formerChunks?: readonly FormerChunk[]
  readonly companion?: DocumentSnapshot | undefined
}

/** An update that adds one text to a list. */
type Union = (text: string) => unknown

const unionOf = async (): Promise<Union> => {
  const { FieldValue } = await import('@google-cloud/firestore')
  return (text) => FieldValue.arrayUnion(text)
}

export function firestoreStreams(firestore: () => Promise<Firestore>, lifetimes: Lifetimes): StreamStore {
  const load: StreamStore['load'] = async (id, companion) => {
    const db = await firestore()
    const references = [streamDocument(db, id), ...(companion === undefined ? [] : [db.doc(companion.path)])]
    const [snapshot, beside] = await available(() => db.getAll(...references))
    const readAll = () =>
      read(id, snapshot!, (chunks) => available(() => Promise.all(chunks.map((chunk) => chunk.get()))))
    if (companion === undefined) return readAll()
    const version = (snapshot!.data() as Head | undefined)?.version ?? 0
    const found = companionOf(companion, lifetimes.written(beside!.data()), version)
    const stored = (found.isSnapshot && found.value ? recentOf(id, snapshot!) : undefined) ?? (await readAll())
    const concurrencyToken: ConcurrencyToken = {
      ...(stored.concurrencyToken as ConcurrencyToken),
      companion: beside,
    }
    return { ...stored, concurrencyToken, companion: found }
  }

  return {
    load,
    async earlierCommit({ id }, cause) {
      const chunks = chunksOf(streamDocument(await firestore(), id))
      const { docs } = await available(() => chunks.where('causes', 'array-contains', cause).limit(1).get())
      return docs
        .flatMap((chunk) => commitsIn((chunk.data() as Chunk).entries))
        .find((commit) => commit.cause === cause)
    },
    async append(stream, commit, companion) {
      const db = await firestore()
      const batch = db.batch()
      if (companion) await writeCompanion({ db, batch, lifetimes }, stream, companion)
      write(streamDocument(db, stream.id), stream, commit, {
        union: await unionOf(),
        create: (reference, head) => void batch.create(reference, head),
        update: (reference, change, updateTime) => void batch.update(reference, change, { lastUpdateTime: updateTime }),
        set: (reference, value) => void batch.set(reference, value),
        setCauses: (reference, causes) => void batch.update(reference, { causes }),
      })
      try {
        await batch.commit()
        return true
      } catch (error) {
        if (isLostRace(error)) return false
        throw unavailable(error)
      }
    },
    async transact(id, work) {
      const db = await firestore()
      const union = await unionOf()
      return available(() =>
        db.runTransaction(async (transaction) => {
          const reference = streamDocument(db, id)
          const snapshot = await transaction.get(reference)
          const stored = await read(id, snapshot, (chunks) => transaction.getAll(...chunks))
          return work(stored, transactionOf(db, transaction, { union, lifetimes }))
        }),
      )
    },
  }
}

function transactionOf(
  db: Firestore,
  transaction: FirestoreTransaction,
  { union, lifetimes }: { readonly union: Union; readonly lifetimes: Lifetimes },
): Transaction {
  return {
    async getAll(paths) {
      if (paths.length === 0) return []
      const snapshots = await transaction.getAll(...paths.map((path) => db.doc(path)))
      return snapshots.map((snapshot) => lifetimes.written(snapshot.data()))
    },
    set: (path, value) => void transaction.set(db.doc(path), lifetimes.stored(path, value)),
    delete: (path) => void transaction.delete(db.doc(path)),
    append(stream, commit) {
      write(streamDocument(db, stream.id), stream, commit, {
        union,
        create: (reference, head) => void transaction.create(reference, head),
        // The transaction's lock replaces the precondition.
        update: (reference, change) => void transaction.update(reference, change),
        set: (reference, value) => void transaction.set(reference, value),
        setCauses: (reference, causes) => void transaction.update(reference, { causes }),
      })
    },
  }
}

async function writeCompanion(
  { db, batch, lifetimes }: { readonly db: Firestore; readonly batch: WriteBatch; readonly lifetimes: Lifetimes },
  stream: StoredStream,
  fields: Readonly<Record<string, unknown>>,
): Promise<void> {
  if (!stream.companion) throw new Error('A companion is written only to a stream that was read with it.')
  const { path } = stream.companion
  const reference = db.doc(path)
  const next = lifetimes.stored(path, companionFields(stream, fields))
  const before = (stream.concurrencyToken as ConcurrencyToken).companion
  const current = before?.data()
  if (!current) return void batch.create(reference, next)
  const [field, value, ...rest] = await replacement(current, next)
  batch.update(reference, field, value, ...rest, { lastUpdateTime: before!.updateTime })
}

interface Writer {
  readonly union: Union
  create(reference: DocumentReference, head: Head): void
  update(reference: DocumentReference, change: { [field: string]: unknown }, updateTime: Timestamp): void
  set(reference: DocumentReference, value: Chunk): void
  setCauses(reference: DocumentReference, causes: readonly string[]): void
}

function write(reference: DocumentReference, stream: StoredStream, commit: Commit, writer: Writer): void {
  const { updateTime, head, formerChunks = [] } = stream.concurrencyToken as ConcurrencyToken
  const text = JSON.stringify(commit)
  if (!updateTime) return writer.create(reference, { version: 1, entries: [text] })
  const version = head.version + 1
  // Once a commit has written the snapshot, chunks are no longer read: each has its causes from then on.
  for (const former of formerChunks) writer.setCauses(former.reference, former.causes)
  if (!areRecentFull(stream, [...head.entries, text]))
    return writer.update(reference, { version, entries: writer.union(text) }, updateTime)
  const chunks = head.chunks ?? 0
  const causes = stream.commits.slice(-head.entries.length).map(({ cause }) => cause)
  writer.set(chunkDocument(reference, chunks), { entries: head.entries, causes })
  writer.update(reference, { version, entries: [text], chunks: chunks + 1, sequence: lastSequence(stream) }, updateTime)
}

/** The commits in the head, without those in chunks; undefined while the head holds all. */
function recentOf(id: string, snapshot: DocumentSnapshot): StoredStream | undefined {
  const head = snapshot.data() as Head | undefined
  if (head?.sequence === undefined) return undefined
  const { version, entries, sequence } = head
  const concurrencyToken: ConcurrencyToken = { updateTime: snapshot.updateTime, head }
  return { id, version, commits: commitsIn(entries), earlier: { sequence }, concurrencyToken }
}

async function read(
  id: string,
  snapshot: DocumentSnapshot,
  getAll: (chunks: DocumentReference[]) => Promise<DocumentSnapshot[]>,
): Promise<StoredStream> {
  const head = (snapshot.data() as Head | undefined) ?? { version: 0, entries: [] }
  const count = head.chunks ?? 0
  const chunks =
    count === 0 ? [] : await getAll(Array.from({ length: count }, (_, index) => chunkDocument(snapshot.ref, index)))
  const texts = [...chunks.flatMap((chunk) => (chunk.data() as Chunk).entries), ...head.entries]
  const formerChunks = chunks.flatMap((chunk): FormerChunk[] => {
    const { entries, causes } = chunk.data() as Pick<Chunk, 'entries'> & Partial<Chunk>
    return causes ? [] : [{ reference: chunk.ref, causes: commitsIn(entries).map(({ cause }) => cause) }]
  })
  const concurrencyToken: ConcurrencyToken = { updateTime: snapshot.updateTime, head, formerChunks }
  return { id, version: head.version, commits: commitsIn(texts), concurrencyToken }
}

const streamDocument = (db: Firestore, id: string): DocumentReference => db.collection(STREAMS).doc(documentId(id))
const chunksOf = (stream: DocumentReference): CollectionReference => stream.collection('chunks')
const chunkDocument = (stream: DocumentReference, index: number): DocumentReference =>
  chunksOf(stream).doc(String(index))
const commitsIn = (texts: readonly string[]): Commit[] => texts.map((text) => JSON.parse(text) as Commit)
