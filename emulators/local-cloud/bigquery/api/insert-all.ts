/** tabledata.insertAll: https://cloud.google.com/bigquery/docs/reference/rest/v2/tabledata/insertAll */

import type { CloudContext } from '../../core/plugin.ts'
import { invalidArgument } from '../../core/status.ts'
import type { BigQueryCore } from '../core.ts'
import { rowFault, type RowFault, withoutUnknown } from '../values/row-check.ts'

interface InsertAll {
  readonly rows?: readonly { readonly json?: Readonly<Record<string, unknown>> | undefined }[]
  readonly skipInvalidRows?: boolean | undefined
  readonly ignoreUnknownValues?: boolean | undefined
}

/** Each row is billed with at least so much: https://cloud.google.com/bigquery/pricing#data_ingestion_pricing */
const MIN_ROW_BYTES = 1024

/** Answers 200 with the faults of each row; with a fault no row is written, unless invalid rows are skipped. */
export async function insertAll(
  core: BigQueryCore,
  context: CloudContext,
  { dataset, table }: { readonly dataset: string; readonly table: string },
  { rows = [], skipInvalidRows = false, ignoreUnknownValues = false }: InsertAll,
): Promise<object> {
  const fields = core.catalog.table(dataset, table).schema?.fields ?? []
  const given = rows.map(({ json }, index) => {
    if (typeof json !== 'object' || json === null) throw invalidArgument(`rows[${index}].json is required.`)
    return ignoreUnknownValues ? withoutUnknown(json, fields) : json
  })
  const reference = { projectId: context.project.id, datasetId: dataset, tableId: table }
  const faults = given.map((row) => rowFault(row, fields))
  const good = given.filter((_, index) => faults[index] === undefined)
  if (good.length === given.length || (skipInvalidRows && good.length > 0)) await core.appendRows(reference, good)
  const bytes = given.map((row) => Math.max(MIN_ROW_BYTES, Buffer.byteLength(JSON.stringify(row))))
  context.count(
    'bigquery.insertAllBytes',
    bytes.reduce((sum, one) => sum + one, 0),
  )
  const insertErrors = faults.flatMap((fault, index) => {
    if (fault) return [rowError(index, 'invalid', fault)]
    return skipInvalidRows || good.length === given.length
      ? []
      : [rowError(index, 'stopped', { message: '', location: '' })]
  })
  return { kind: 'bigquery#tableDataInsertAllResponse', ...(insertErrors.length > 0 ? { insertErrors } : {}) }
}

const rowError = (index: number, reason: string, { message, location }: RowFault): object => ({
  index,
  errors: [{ reason, location, debugInfo: '', message }],
})
