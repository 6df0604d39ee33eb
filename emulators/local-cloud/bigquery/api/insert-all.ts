/** tabledata.insertAll: https://cloud.google.com/bigquery/docs/reference/rest/v2/tabledata/insertAll */

import type { CloudContext } from '../../core/plugin.ts'
import { invalidArgument, StatusError } from '../../core/status.ts'
import { rowFault } from '../appends.ts'
import type { BigQueryCore } from '../core.ts'

interface InsertAll {
  readonly rows?: readonly { readonly json?: Readonly<Record<string, unknown>> | undefined }[]
  readonly skipInvalidRows?: boolean | undefined
  readonly ignoreUnknownValues?: boolean | undefined
}

/** Each row is billed with at least so much: https://cloud.google.com/bigquery/pricing#data_ingestion_pricing */
const LEAST_ROW_BYTES = 1024

/** Answers 200 with the faults of each row; with a fault no row is written, unless invalid rows are skipped. */
export async function insertAll(
  core: BigQueryCore,
  context: CloudContext,
  { dataset, table }: { readonly dataset: string; readonly table: string },
  { rows = [], skipInvalidRows = false, ignoreUnknownValues = false }: InsertAll,
): Promise<object> {
  const fields = core.catalog.table(dataset, table).schema?.fields ?? []
  const names = new Set(fields.map(({ name }) => name))
  const given = rows.map(({ json }, index) => {
    if (typeof json !== 'object' || json === null) throw invalidArgument(`rows[${index}].json is required.`)
    return ignoreUnknownValues ? Object.fromEntries(Object.entries(json).filter(([name]) => names.has(name))) : json
  })
  const reference = { projectId: context.project.id, datasetId: dataset, tableId: table }
  let faults: readonly (string | undefined)[] = []
  try {
    await core.appendRows(reference, given)
  } catch (error) {
    if (!(error instanceof StatusError) || error.code !== 'INVALID_ARGUMENT') throw error
    faults = await Promise.all(given.map((row) => rowFault(core.engine, fields, row)))
    const good = given.filter((_, index) => faults[index] === undefined)
    if (skipInvalidRows && good.length > 0) await core.appendRows(reference, good)
  }
  const bytes = given.map((row) => Math.max(LEAST_ROW_BYTES, Buffer.byteLength(JSON.stringify(row))))
  context.count(
    'bigquery.insertAllBytes',
    bytes.reduce((sum, one) => sum + one, 0),
  )
  const insertErrors = faults.flatMap((fault, index) => {
    if (fault !== undefined) return [rowError(index, 'invalid', fault)]
    return skipInvalidRows ? [] : [rowError(index, 'stopped', '')]
  })
  return { kind: 'bigquery#tableDataInsertAllResponse', ...(insertErrors.length > 0 ? { insertErrors } : {}) }
}

function rowError(index: number, reason: string, message: string): object {
  const field = /^no such field: (\w+)\.$/.exec(message)?.[1] ?? ''
  return { index, errors: [{ reason, location: field, debugInfo: '', message }] }
}
