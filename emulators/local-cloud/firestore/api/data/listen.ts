/** google.firestore.v1.Firestore.Listen: many targets on one stream, updated at each commit. */

import { type Database, type FirestoreCore, readsOfQuery } from '../../database.ts'
import type { RequestContext } from '../../../core/service.ts'
import { type Bytes, bytesOf, microsOf, type ProtoTime, protoTimeOfMicros } from '../../../core/proto-values.ts'
import { StatusError, invalidArgument } from '../../../core/status.ts'
import { encodeDocument } from './documents.ts'
import { pointReadUnits } from '../../query/enterprise-units.ts'
import { limits } from '../../values/limits.ts'
import { type Delta, type ListenTarget, type Selection, createTarget } from './listen-target.ts'
import { databaseNameOf, parseDatabaseName, parseDocumentName, parseParent } from '../../values/paths.ts'
import { type WireQuery, parseQuery } from '../../query/query.ts'
import type { Change } from '../../documents/store.ts'

interface WireTarget {
  readonly query?: { readonly parent?: string; readonly structuredQuery?: WireQuery } | null
  readonly documents?: { readonly documents?: readonly string[] } | null
  readonly resumeToken?: Bytes
  readonly readTime?: ProtoTime | null
  readonly targetId?: number
  readonly once?: boolean
}

interface ListenRequest {
  readonly database?: string
  readonly addTarget?: WireTarget | null
  readonly removeTarget?: number
}

type Respond = (response: object) => void

interface Listener {
  add(target: WireTarget): void
  remove(targetId: number): void
  close(): void
}

export async function listen(
  core: FirestoreCore,
  requests: AsyncIterable<ListenRequest>,
  write: Respond,
  { signal }: RequestContext,
): Promise<void> {
  let listener: Listener | undefined
  try {
    for await (const request of untilAborted(requests, signal)) {
      listener ??= createListener(core.database(parseDatabaseName(request.database ?? '')), write)
      if (request.addTarget) listener.add(request.addTarget)
      else if (request.removeTarget) listener.remove(request.removeTarget)
    }
  } catch (error) {
    // Google's Node client takes a stream that ends with an error for a broken connection, and opens it anew for ever: it
    // reports only the cause of a removed target. No target id means all of them.
    if (error instanceof StatusError) write({ targetChange: removed([], error) })
    throw error
  } finally {
    listener?.close()
  }
}

async function* untilAborted<Item>(items: AsyncIterable<Item>, signal: AbortSignal): AsyncIterable<Item> {
  const iterator = items[Symbol.asyncIterator]()
  const aborted = new Promise<IteratorResult<Item>>((resolve) => {
    signal.addEventListener('abort', () => resolve({ done: true, value: undefined }))
  })
  for (;;) {
    const next = await Promise.race([iterator.next(), aborted])
    if (next.done) return
    yield next.value
  }
}

const removed = (targetIds: readonly number[], { grpcCode, message }: StatusError): object => ({
  targetChangeType: 'REMOVE',
  targetIds,
  cause: { code: grpcCode, message },
})

function createListener(database: Database, write: Respond): Listener {
  const targets = new Map<number, ListenTarget>()

  const sendDeltas = (targetId: number, deltas: readonly Delta[], micros: number): void => {
    for (const delta of deltas) write(encodeDelta(database, targetId, delta, micros))
    const changed = deltas.flatMap((delta) => (delta.kind === 'changed' ? [delta.document] : []))
    database.count('documentReads', changed.length)
    database.count('readUnits', pointReadUnits(changed))
  }
  const targetChange = (targetChangeType: string, targetIds: readonly number[], more: object = {}): void =>
    write({ targetChange: { targetChangeType, targetIds, ...more } })
  const consistentAt = (micros: number): object => ({
    readTime: protoTimeOfMicros(micros),
    resumeToken: tokenOf(micros),
  })

  function begin(targetId: number, wire: WireTarget): void {
    const target = createTarget(database, selectionOf(database, wire))
    targetChange('ADD', [targetId])
    const micros = database.store.readTime()
    const sinceMicros = resumeMicros(database, wire)
    const deltas = target.begin(sinceMicros)
    sendDeltas(targetId, deltas, micros)
    if (deltas.length === 0) {
      database.count('documentReads', readsOfQuery(0))
      database.count('readUnits', 1)
    }
    // By the number of documents the client finds out that some were deleted while it was not connected.
    if (sinceMicros !== undefined) write({ filter: { targetId, count: target.count } })
    targetChange('CURRENT', [targetId], consistentAt(micros))
    targetChange('NO_CHANGE', [], consistentAt(micros))
    if (wire.once) targetChange('REMOVE', [targetId])
    else targets.set(targetId, target)
  }

  const stop = database.store.onCommit((changes: readonly Change[], micros) => {
    let any = false
    for (const [targetId, target] of targets) {
      const deltas = target.follow(changes)
      sendDeltas(targetId, deltas, micros)
      any ||= deltas.length > 0
    }
    if (any) targetChange('NO_CHANGE', [], consistentAt(micros))
  })

  return {
    add(wire) {
      const targetId = wire.targetId || targets.size + 1
      if (targets.size >= limits.targetsPerStream) {
        throw invalidArgument(`A stream may have ${limits.targetsPerStream} targets: open another one.`)
      }
      try {
        begin(targetId, wire)
      } catch (error) {
        if (!(error instanceof StatusError)) throw error
        write({ targetChange: removed([targetId], error) })
      }
    },
    remove(targetId) {
      if (targets.delete(targetId)) targetChange('REMOVE', [targetId])
    },
    close: stop,
  }
}

function selectionOf(database: Database, { query, documents }: WireTarget): Selection {
  if (documents) {
    return { paths: [...new Set(documents.documents ?? [])].map((name) => pathIn(database, parseDocumentName(name))) }
  }
  if (!query?.structuredQuery)
    throw invalidArgument('Target has no type: use query with structuredQuery, or documents.')
  const parsed = parseQuery(query.structuredQuery, pathIn(database, parseParent(query.parent ?? '')), database.prefix)
  if (parsed.nearest) throw invalidArgument('A listener can not have a query with findNearest: run it by RunQuery.')
  database.checkIndex(parsed, [])
  return { query: parsed }
}

function pathIn({ name }: Database, parsed: ReturnType<typeof parseParent>): string {
  if (databaseNameOf(parsed) === databaseNameOf(name)) return parsed.path
  throw invalidArgument(`"${databaseNameOf(parsed)}" is not the database of this stream, "${databaseNameOf(name)}".`)
}

const TOKEN_BYTES = 8

function tokenOf(micros: number): Buffer {
  const token = Buffer.alloc(TOKEN_BYTES)
  token.writeBigInt64BE(BigInt(micros))
  return token
}

/** The time of the client's last result; undefined if it needs the whole result because it is new or its token is too old. */
function resumeMicros({ store }: Database, { resumeToken, readTime }: WireTarget): number | undefined {
  const token = bytesOf(resumeToken)
  if (token.length > 0 && token.length !== TOKEN_BYTES)
    throw invalidArgument('The resume token is not one of this service.')
  const micros = token.length > 0 ? Number(token.readBigInt64BE()) : readTime ? microsOf(readTime) : undefined
  if (micros !== undefined) store.checkReadTime(micros)
  return micros
}

function encodeDelta(database: Database, targetId: number, delta: Delta, micros: number): object {
  if (delta.kind === 'changed') {
    return { documentChange: { document: encodeDocument(database, delta.document), targetIds: [targetId] } }
  }
  const gone = {
    document: database.prefix + delta.path,
    removedTargetIds: [targetId],
    readTime: protoTimeOfMicros(micros),
  }
  return delta.exists ? { documentRemove: gone } : { documentDelete: gone }
}
