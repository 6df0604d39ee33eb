/** google.firestore.v1.Firestore: queries and aggregations. */

import { type Database, type FirestoreCore, readsOfAggregation } from '../../database.ts'
import type { RequestContext } from '../../../core/service.ts'
import { protoTimeOfMicros } from '../../../core/proto-values.ts'
import { StatusError, invalidArgument } from '../../../core/status.ts'
import { type WireAggregation, aggregate, aggregatedFields, parseAggregations } from '../../query/aggregation.ts'
import { encodeDocument } from './documents.ts'
import { countUnits } from '../../query/enterprise-units.ts'
import { parseParent } from '../../values/paths.ts'
import { type Query, type WireQuery, parseQuery, selected } from '../../query/query.ts'
import { type WireConsistency, countQueryReads, readQuery, viewOf, within } from './consistent-reads.ts'
import { encodeFields } from '../../values/proto-codec.ts'

interface QueryRequest extends WireConsistency {
  readonly parent?: string
  readonly structuredQuery?: WireQuery | null
  readonly explainOptions?: unknown
}

type Respond = (response: unknown) => void

async function runQueryRequest(
  core: FirestoreCore,
  request: QueryRequest,
  write: Respond,
  { signal }: RequestContext,
): Promise<void> {
  refuseExplain(request)
  const { database, query } = queryOf(core, request.parent, request.structuredQuery)
  database.checkIndex(query, [])
  const view = viewOf(database, request)
  if (view.isNew && view.transaction) write({ transaction: view.transaction.id })
  const found = await within(database, view, () => readQuery(database, view, query, signal))
  countQueryReads(database, found)
  const readTime = protoTimeOfMicros(view.atMicros ?? database.store.readTime())
  // The number of skipped results is sent even when no result follows.
  if (found.skipped > 0 || found.documents.length === 0) write({ readTime, skippedResults: found.skipped })
  for (const document of found.documents) {
    write({ document: encodeDocument(database, { ...document, f: selected(query, document.f) }), readTime })
  }
}

interface AggregationRequest extends WireConsistency {
  readonly parent?: string
  readonly structuredAggregationQuery?: {
    readonly structuredQuery?: WireQuery | null
    readonly aggregations?: readonly WireAggregation[]
  } | null
  readonly explainOptions?: unknown
}

async function runAggregationQuery(
  core: FirestoreCore,
  request: AggregationRequest,
  write: Respond,
  { signal }: RequestContext,
): Promise<void> {
  refuseExplain(request)
  const aggregations = parseAggregations(request.structuredAggregationQuery?.aggregations ?? [])
  const { database, query } = queryOf(core, request.parent, request.structuredAggregationQuery?.structuredQuery)
  database.checkIndex(query, aggregatedFields(aggregations))
  const view = viewOf(database, request)
  const found = await within(database, view, () => readQuery(database, view, query, signal))
  const result = aggregate(aggregations, found.documents)
  const entries = found.documents.length + found.skipped
  database.count('documentReads', readsOfAggregation(entries))
  database.count('readUnits', countUnits(entries))
  write({
    ...(view.isNew && view.transaction && { transaction: view.transaction.id }),
    result: { aggregateFields: encodeFields(result) },
    readTime: protoTimeOfMicros(view.atMicros ?? database.store.readTime()),
  })
}

function queryOf(
  core: FirestoreCore,
  parent: string | undefined,
  wire: WireQuery | null | undefined,
): { database: Database; query: Query } {
  if (!wire) throw invalidArgument('The query is missing: only structuredQuery is supported.')
  if (wire.findNearest) throw new StatusError('UNIMPLEMENTED', 'StructuredQuery.findNearest is not implemented.')
  const name = parseParent(parent ?? '')
  const database = core.database(name)
  return { database, query: parseQuery(wire, name.path, database.prefix) }
}

function refuseExplain({ explainOptions }: { readonly explainOptions?: unknown }): void {
  if (explainOptions) throw new StatusError('UNIMPLEMENTED', 'explainOptions is not implemented: leave it out.')
}

/** By their names in the API. */
export const queryStreams = { runQuery: runQueryRequest, runAggregationQuery }
