/** google.firestore.v1.Firestore: transactions, commits and batches of writes. */

import type { Database, FirestoreCore } from '../../database.ts'
import type { RequestContext } from '../../../core/service.ts'
import { type Bytes, bytesOf, protoTimeOfMicros } from '../../../core/proto-values.ts'
import { StatusError, invalidArgument } from '../../../core/status.ts'
import { commitTransaction, commitWrites } from '../../writes/commit.ts'
import { parseDatabaseName } from '../../values/paths.ts'
import { type WireConsistency, beginTransaction } from './consistent-reads.ts'
import { encodeValue } from '../../values/proto-codec.ts'
import { type WireWrite, type WriteResult, parseWrite } from '../../writes/writes.ts'

interface BeginRequest {
  readonly database?: string
  readonly options?: WireConsistency['newTransaction']
}

function begin(core: FirestoreCore, request: BeginRequest): object {
  const database = core.database(parseDatabaseName(request.database ?? ''))
  return { transaction: beginTransaction(database, request.options ?? {}).id }
}

interface CommitRequest {
  readonly database?: string
  readonly writes?: readonly WireWrite[]
  readonly transaction?: Bytes
}

async function commit(core: FirestoreCore, request: CommitRequest, caller: RequestContext): Promise<object> {
  const database = core.database(parseDatabaseName(request.database ?? ''))
  const id = bytesOf(request.transaction)
  const transaction = id.length > 0 ? database.transactions.use(id) : undefined
  const { commitMicros, results } = await (async () => {
    try {
      const writes = (request.writes ?? []).map((write) => parseWrite(write, database.name))
      if (!transaction) return await commitWrites(database, writes, caller)
      return await commitTransaction(database, transaction, writes, caller)
    } finally {
      if (transaction) database.transactions.end(transaction)
    }
  })()
  return { writeResults: results.map(encodeResult), commitTime: protoTimeOfMicros(commitMicros) }
}

function rollback(core: FirestoreCore, request: CommitRequest): object {
  const { transactions } = core.database(parseDatabaseName(request.database ?? ''))
  transactions.end(transactions.use(bytesOf(request.transaction)))
  return {}
}

/** Applies each write separately: some may fail, and their order is not promised. */
async function batchWrite(core: FirestoreCore, request: CommitRequest, context: RequestContext): Promise<object> {
  const database = core.database(parseDatabaseName(request.database ?? ''))
  const writes = (request.writes ?? []).map((write) => parseWrite(write, database.name))
  if (new Set(writes.map(({ path }) => path)).size < writes.length) {
    throw invalidArgument('the same document cannot be written more than once in a single request')
  }
  const outcomes = await Promise.all(writes.map((write) => writeAlone(database, write, context)))
  return { writeResults: outcomes.map(({ result }) => result), status: outcomes.map(({ status }) => status) }
}

async function writeAlone(
  database: Database,
  write: ReturnType<typeof parseWrite>,
  caller: RequestContext,
): Promise<{ result: object; status: object }> {
  try {
    const { results } = await commitWrites(database, [write], caller)
    return { result: encodeResult(results[0] as WriteResult), status: { code: 0 } }
  } catch (error) {
    if (!(error instanceof StatusError)) throw error
    return { result: {}, status: { code: error.grpcCode, message: error.message } }
  }
}

const encodeResult = ({ updateMicros, transformResults }: WriteResult): object => ({
  ...(updateMicros !== undefined && { updateTime: protoTimeOfMicros(updateMicros) }),
  transformResults: transformResults.map(encodeValue),
})

/** By their names in the API. */
export const commitMethods = { beginTransaction: begin, commit, rollback, batchWrite }
