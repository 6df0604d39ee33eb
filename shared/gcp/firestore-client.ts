/**
 * Firestore by its generated client, of whose calls each takes a third of the processor time of the same call by
 * `@google-cloud/firestore`, which is built on it: https://cloud.google.com/firestore/docs/reference/rpc/google.firestore.v1
 */

import type { protos } from '@google-cloud/firestore-api'
import { type Answer, createBatches } from '../base/batches.ts'
import { makeFirestoreClient } from './clients.ts'
import { combined } from './combined-writes.ts'
import { isBusy, isInvalid, isNotFound, isPassing } from './firestore-errors.ts'
import { type Fields, fromFields, sizeOf, toFields, type Write } from './firestore-values.ts'

type Messages = typeof protos.google.firestore.v1
export type StructuredQuery = Parameters<Messages['StructuredQuery']['create']>[0] & object
export type Precondition = Parameters<Messages['Precondition']['create']>[0] & object
type Document = Parameters<Messages['Document']['create']>[0] & object
type TransactionId = NonNullable<protos.google.firestore.v1.ICommitRequest['transaction']>

/** Whether a read belongs to a transaction, or begins one. */
type Consistency = Pick<protos.google.firestore.v1.IBatchGetDocumentsRequest, 'transaction' | 'newTransaction'>

/** All tries of one call: well within a request's own timeout, after which the delivery comes again. The client's default is ten minutes. */
export const FIRESTORE_TIMEOUT_MS = 10_000
/** Of a transaction that loses a race, or is broken off. */
const MAX_ATTEMPTS = 5
/** Of a batch: of writes of one document each, and of documents that are read. A request has 10 MiB at most. */
const BATCH = { writes: 100, bytes: 4_000_000, documents: 50 } as const

type Documents = readonly (ReadDocument | undefined)[]

export interface ReadDocument {
  /** Its last segment. */
  readonly id: string
  readonly fields: Fields
  /** The precondition of a write that no other write may precede. */
  readonly unchanged: Precondition
}

export interface FirestoreClient {
  /**
   * The documents in the order of their paths; undefined in place of one that does not exist. Reads that come while another is
   * under way go together.
   */
  getAll(paths: readonly string[]): Promise<readonly (ReadDocument | undefined)[]>
  /**
   * All or nothing: for each write, what says that its document is unchanged since. Single writes that come while another is under way
   * go together, each with its own precondition and answer; merges of one document as one write.
   */
  commit(writes: readonly Write[]): Promise<readonly Precondition[]>
  /** @param parent the path of a document, or the empty one: whose collections the query names */
  query(parent: string, query: StructuredQuery): Promise<readonly ReadDocument[]>
  /** Runs the work again when it loses a race. Its writes are committed together, under the locks of its reads. */
  transact<Result>(work: (transaction: FirestoreTransaction) => Promise<Result>): Promise<Result>
  /** The full name of a document. */
  nameOf(path: string): string
  close(): Promise<void>
}

export interface FirestoreTransaction {
  getAll(paths: readonly string[]): Promise<readonly (ReadDocument | undefined)[]>
  write(write: Write): void
}

interface ConnectOptions {
  readonly projectId: string
  readonly databaseId: string
  /** `host:port`: Google's, or that of an emulator. */
  readonly address: string
  /** Waits before a transaction that lost a race is run again. */
  readonly backoff: (attempt: number) => Promise<void>
}

export async function connectFirestore(options: ConnectOptions): Promise<FirestoreClient> {
  const { projectId, databaseId, backoff } = options
  const client = await makeFirestoreClient(options.address)
  const database = `projects/${projectId}/databases/${databaseId}`
  const root = `${database}/documents`
  const nameOf = (path: string): string => `${root}/${path}`
  const call = { timeout: FIRESTORE_TIMEOUT_MS }

  /** A stream whose answers come in any order. */
  const batchGet = async (paths: readonly string[], consistency: Consistency = {}) => {
    const names = paths.map(nameOf)
    const answers = await collect<protos.google.firestore.v1.IBatchGetDocumentsResponse>(
      client.batchGetDocuments({ database, documents: names, ...consistency }, call),
    )
    const found = new Map(answers.flatMap((answer) => (answer.found ? [[answer.found.name!, answer.found]] : [])))
    return {
      documents: names.map((name) => readDocument(found.get(name))),
      begun: answers.map((answer) => answer.transaction).find((id) => id != null && id.length > 0),
    }
  }
  /** One answer takes half of the time of a stream with one. */
  const getOne = async (path: string): Promise<ReadDocument | undefined> => {
    try {
      const [document] = await client.getDocument({ name: nameOf(path) }, call)
      return readDocument(document)
    } catch (error) {
      if (!isNotFound(error)) throw error
      // A database that does not exist has the same code, and its message is not documented: a stream tells them apart.
      if ((error as { details?: string }).details?.startsWith('Document ')) return undefined
      return (await batchGet([path])).documents[0]
    }
  }
  const commit = async (writes: readonly Write[], transaction?: TransactionId): Promise<readonly Precondition[]> => {
    const request = { database, writes: [...writes], ...(transaction ? { transaction } : {}) }
    const [{ writeResults }] = await client.commit(request, call)
    return writeResults!.map(({ updateTime }) => ({ updateTime: updateTime! }))
  }

  const write = createBatches<Write, Precondition>(
    async (writes) => {
      if (writes.length === 1) return [{ value: (await commit(writes))[0]! }]
      const [{ writeResults, status }] = await client.batchWrite({ database, writes: [...writes] }, call)
      return status!.map(({ code, message }, index) =>
        code ? { error: refusal(code, message) } : { value: { updateTime: writeResults![index]!.updateTime! } },
      )
    },
    {
      maxItems: BATCH.writes,
      maxSize: BATCH.bytes,
      isOfOneItem: isInvalid,
      // The client repeats a batch that fails so, and no write that fails so in a batch that succeeds.
      mayPassAlone: isBusy,
      keyOf: ({ update, delete: deleted }) => update?.name ?? deleted ?? '',
      combine: combined,
      // The deliveries that were taken together write in one turn.
      isGathered: true,
    },
  )
  const read = createBatches<readonly string[], Documents>(
    async (reads) => {
      const [only = []] = reads
      if (reads.length === 1)
        return [{ value: only.length === 1 ? [await getOne(only[0]!)] : (await batchGet(only)).documents }]
      const paths = [...new Set(reads.flat())]
      const { documents } = await batchGet(paths)
      const byPath = new Map(paths.map((path, index) => [path, documents[index]]))
      return reads.map((each): Answer<Documents> => ({ value: each.map((path) => byPath.get(path)) }))
    },
    { maxItems: BATCH.documents, maxSize: BATCH.documents, isOfOneItem: isInvalid },
  )

  const attempt = async <Result>(work: (transaction: FirestoreTransaction) => Promise<Result>): Promise<Result> => {
    let id: TransactionId | undefined
    const writes: Write[] = []
    try {
      const result = await work({
        async getAll(paths) {
          if (paths.length === 0) return []
          const { documents, begun } = await batchGet(
            paths,
            id ? { transaction: id } : { newTransaction: { readWrite: {} } },
          )
          id ??= begun!
          return documents
        },
        write: (write) => void writes.push(write),
      })
      await commit(writes, id)
      return result
    } catch (error) {
      // Its locks would otherwise be held until they time out.
      if (id) await client.rollback({ database, transaction: id }, call).catch(() => {})
      throw error
    }
  }

  return {
    nameOf,
    async getAll(paths) {
      return paths.length === 0 ? [] : read(paths, paths.length)
    },
    async commit(writes) {
      const [only] = writes
      if (writes.length !== 1) return commit(writes)
      return [await write(only!, sizeOf(only!))]
    },
    async query(parent, structuredQuery) {
      const answers = await collect<protos.google.firestore.v1.IRunQueryResponse>(
        client.runQuery({ parent: parent === '' ? root : nameOf(parent), structuredQuery }, call),
      )
      return answers.flatMap(({ document }) => readDocument(document) ?? [])
    },
    async transact(work) {
      for (let attempts = 1; ; attempts++) {
        try {
          return await attempt(work)
        } catch (error) {
          if (attempts === MAX_ATTEMPTS || !isPassing(error)) throw error
          await backoff(attempts)
        }
      }
    },
    close: () => client.close(),
  }
}

/** A write of all fields of a document: it replaces one that exists. */
export const replacing = (name: string, fields: Fields, currentDocument?: Precondition): Write => ({
  update: { name, fields: toFields(fields) },
  ...(currentDocument ? { currentDocument } : {}),
})

/** A write of a document that must not exist. */
export const creating = (name: string, fields: Fields): Write => replacing(name, fields, { exists: false })

/** A write's own status as the error that a call with this write alone would have. */
const refusal = (code: number, message?: string | null): Error => Object.assign(new Error(message ?? ''), { code })

function readDocument(document: Document | null | undefined): ReadDocument | undefined {
  if (!document) return undefined
  const { name, fields, updateTime } = document
  return {
    id: name!.slice(name!.lastIndexOf('/') + 1),
    fields: fromFields(fields),
    unchanged: { updateTime: updateTime! },
  }
}

function collect<T>(stream: NodeJS.ReadableStream): Promise<T[]> {
  return new Promise((resolve, reject) => {
    const all: T[] = []
    stream
      .on('data', (one: T) => all.push(one))
      .once('error', reject)
      .once('end', () => resolve(all))
  })
}
