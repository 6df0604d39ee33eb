/** google.firestore.v1.Firestore: queries and aggregations. */

import { type Database, type FirestoreCore, readsOfAggregation, readsOfQuery } from '../../database.ts'
import type { RequestContext } from '../../../core/service.ts'
import { protoTimeOfMicros } from '../../../core/proto-values.ts'
import { StatusError, invalidArgument } from '../../../core/status.ts'
import { type WireAggregation, aggregate, aggregatedFields, parseAggregations } from '../../query/aggregation.ts'
import { encodeDocument } from './documents.ts'
import { countUnits } from '../../query/enterprise-units.ts'
import { type WireExplain, explained } from '../../query/explain.ts'
import type { CompositeIndex } from '../../query/index-plan.ts'
import { parseParent } from '../../values/paths.ts'
import { type Found, type Query, type WireQuery, parseQuery, selected } from '../../query/query.ts'
import { type WireConsistency, countQueryReads, readQuery, viewOf, within } from './consistent-reads.ts'
import { encodeFields } from '../../values/proto-codec.ts'

interface QueryRequest extends WireConsistency {
  readonly parent?: string
  readonly structuredQuery?: WireQuery | null
  readonly explainOptions?: WireExplain | null
}

type Respond = (response: unknown) => void

async function runQueryRequest(
  core: FirestoreCore,
  request: QueryRequest,
  write: Respond,
  caller: RequestContext,
): Promise<void> {
  const { explainOptions } = request
  const { database, query } = queryOf(core, request.parent, request.structuredQuery)
  const indexes = database.checkIndex(query, [])
  if (explainOptions && !explainOptions.analyze) return writePlan(database, indexes, write)
  const startedNs = process.hrtime.bigint()
  const view = viewOf(database, request)
  if (view.isNew && view.transaction) write({ transaction: view.transaction.id })
  const found = await within(database, view, () => readQuery(database, view, query, caller))
  countQueryReads(database, found)
  const readTime = protoTimeOfMicros(view.atMicros ?? database.store.readTime())
  // The number of skipped results is sent even when no result follows.
  const responses: object[] =
    found.skipped > 0 || found.documents.length === 0 ? [{ skippedResults: found.skipped }] : []
  for (const document of found.documents) {
    responses.push({ document: encodeDocument(database, { ...document, f: selected(query, document.f) }) })
  }
  const last = explainOptions && explained(indexes, costOf(found, startedNs))
  for (const [at, response] of responses.entries()) {
    write({ ...response, readTime, ...(at === responses.length - 1 && last) })
    const read = caller.drained?.()
    if (read) await read
  }
}

function costOf(
  { documents: { length: results }, skipped }: Found,
  startedNs: bigint,
): Parameters<typeof explained>[1] {
  const documents = results + skipped
  const reads = readsOfQuery(documents)
  return { startedNs, results, documents, indexEntries: documents, reads, billsEntries: false }
}

/** A plan without the query costs one read. */
function writePlan(database: Database, indexes: readonly CompositeIndex[], write: Respond): void {
  database.count('documentReads', 1)
  database.count('readUnits', 1)
  write(explained(indexes))
}

interface AggregationRequest extends WireConsistency {
  readonly parent?: string
  readonly structuredAggregationQuery?: {
    readonly structuredQuery?: WireQuery | null
    readonly aggregations?: readonly WireAggregation[]
  } | null
  readonly explainOptions?: WireExplain | null
}

async function runAggregationQuery(
  core: FirestoreCore,
  request: AggregationRequest,
  write: Respond,
  caller: RequestContext,
): Promise<void> {
  const aggregations = parseAggregations(request.structuredAggregationQuery?.aggregations ?? [])
  const { database, query } = queryOf(core, request.parent, request.structuredAggregationQuery?.structuredQuery)
  if (query.nearest)
    throw new StatusError('UNIMPLEMENTED', 'Aggregations over StructuredQuery.findNearest are not implemented.')
  const indexes = database.checkIndex(query, aggregatedFields(aggregations))
  if (request.explainOptions && !request.explainOptions.analyze) return writePlan(database, indexes, write)
  const startedNs = process.hrtime.bigint()
  const view = viewOf(database, request)
  const found = await within(database, view, () => readQuery(database, view, query, caller))
  const result = aggregate(aggregations, found.documents)
  const entries = found.documents.length + found.skipped
  const reads = readsOfAggregation(entries)
  database.count('documentReads', reads)
  database.count('readUnits', countUnits(entries))
  const cost = { documents: 0, indexEntries: entries, reads, billsEntries: true }
  write({
    ...(view.isNew && view.transaction && { transaction: view.transaction.id }),
    result: { aggregateFields: encodeFields(result) },
    readTime: protoTimeOfMicros(view.atMicros ?? database.store.readTime()),
    ...(request.explainOptions && explained(indexes, { startedNs, results: 1, ...cost })),
  })
}

function queryOf(
  core: FirestoreCore,
  parent: string | undefined,
  wire: WireQuery | null | undefined,
): { database: Database; query: Query } {
  if (!wire) throw invalidArgument('The query is missing: only structuredQuery is supported.')
  const name = parseParent(parent ?? '')
  const database = core.database(name)
  return { database, query: parseQuery(wire, name.path, database.prefix) }
}

/** By their names in the API. */
export const queryStreams = { runQuery: runQueryRequest, runAggregationQuery }
