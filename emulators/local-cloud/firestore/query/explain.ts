/** Query Explain: the indexes that serve a query, and what it cost to run. */
// https://firebase.google.com/docs/firestore/reference/query-explain-report-reference

import { type CompositeIndex, describeFields } from './index-plan.ts'

export interface WireExplain {
  readonly analyze?: boolean
}

interface Executed {
  readonly startedNs: bigint
  readonly results: number
  readonly documents: number
  readonly indexEntries: number
  readonly reads: number
  /** Whether index entries are billed, as those of an aggregation are; otherwise documents are. */
  readonly billsEntries: boolean
}

/** @param executed absent: the query was planned only. */
export function explained(indexes: readonly CompositeIndex[], executed?: Executed): object {
  const indexesUsed = indexes.map((index) =>
    struct({
      query_scope: text(index.scope === 'COLLECTION' ? 'Collection' : 'Collection group'),
      properties: text(`(${describeFields(index).join(', ')})`),
    }),
  )
  return {
    explainMetrics: { planSummary: { indexesUsed }, ...(executed && { executionStats: statsOf(executed) }) },
  }
}

function statsOf({ startedNs, results, documents, indexEntries, reads, billsEntries }: Executed): object {
  const durationNs = process.hrtime.bigint() - startedNs
  const billed = billsEntries ? indexEntries : documents
  return {
    resultsReturned: String(results),
    executionDuration: { seconds: String(durationNs / 1_000_000_000n), nanos: Number(durationNs % 1_000_000_000n) },
    readOperations: String(reads),
    debugStats: struct({
      documents_scanned: text(documents),
      index_entries_scanned: text(indexEntries),
      billing_details: {
        structValue: struct({
          documents_billable: text(billsEntries ? 0 : documents),
          index_entries_billable: text(billsEntries ? indexEntries : 0),
          small_ops: text(0),
          min_query_cost: text(billed === 0 ? 1 : 0),
        }),
      },
    }),
  }
}

const struct = (fields: object): object => ({ fields })
const text = (value: string | number): object => ({ stringValue: String(value) })
