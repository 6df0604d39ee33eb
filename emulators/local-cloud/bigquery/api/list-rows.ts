/** tabledata.list: https://cloud.google.com/bigquery/docs/reference/rest/v2/tabledata/list */

import { invalidArgument } from '../../core/status.ts'
import type { BigQueryCore } from '../core.ts'
import { pageOfRows, type Paging } from '../jobs.ts'
import { quote } from '../sql/reader.ts'
import { bigqueryError } from '../values/errors.ts'
import type { FieldSchema } from '../values/records.ts'

/** @param selectedFields names with commas between them, `a,b.c`; undefined for all. */
export async function listRows(
  { catalog, engine }: BigQueryCore,
  { dataset, table }: { readonly dataset: string; readonly table: string },
  paging: Paging,
  selectedFields: string | undefined,
): Promise<object> {
  const resource = catalog.table(dataset, table)
  if (resource.view) throw invalidArgument(`Cannot list a table of type ${resource.type}.`)
  const fields = selected(resource.schema?.fields ?? [], selectedFields)
  const totalRows = await catalog.countRows(dataset, table)
  const answer = { kind: 'bigquery#tableDataList', etag: resource.etag, totalRows: String(totalRows) }
  if (fields.length === 0) return answer
  const columns = fields.map((field) => `${valueOf(field, quote(field.name))} AS ${quote(field.name)}`)
  const result = await engine.query({
    sql: `SELECT ${columns.join(', ')} FROM ${quote(dataset)}.${quote(table)} ORDER BY rowid LIMIT ${paging.size} OFFSET ${paging.start}`,
    parameters: [],
    isSelect: true,
  })
  const { rows } = pageOfRows({ ...result, resultBytes: result.bytes }, { ...paging, start: 0 })
  const end = paging.start + rows.length
  return { ...answer, rows, ...(end < totalRows && rows.length > 0 ? { pageToken: String(end) } : {}) }
}

/** The fields in the order of the schema. */
function selected(fields: readonly FieldSchema[], list: string | undefined): FieldSchema[] {
  if (list === undefined || list === '') return [...fields]
  const byField = new Map<FieldSchema, string[]>()
  for (const path of list.split(',')) {
    const [name = '', ...inside] = path.trim().split('.')
    const field = fields.find((one) => one.name.toLowerCase() === name.toLowerCase())
    if (!field || (inside.length > 0 && !field.fields))
      throw bigqueryError('invalid', `Invalid field: ${path.trim()} is not in the schema of the table.`, {
        location: 'selectedFields',
      })
    byField.set(field, [...(byField.get(field) ?? []), inside.join('.')])
  }
  return fields.flatMap((field) => {
    const inside = byField.get(field)
    if (!inside) return []
    const isWhole = inside.includes('')
    return [isWhole || !field.fields ? field : { ...field, fields: selected(field.fields, inside.join(',')) }]
  })
}

/** A record with the selected fields only. */
function valueOf(field: FieldSchema, value: string, depth = 0): string {
  if (!field.fields) return value
  const made = (one: string): string => {
    const inside = field.fields!.map(
      (inner) => `${quote(inner.name)} := ${valueOf(inner, `${one}.${quote(inner.name)}`, depth + 1)}`,
    )
    return `CASE WHEN ${one} IS NOT NULL THEN struct_pack(${inside.join(', ')}) END`
  }
  const element = `element_${depth}`
  return field.mode?.toUpperCase() === 'REPEATED'
    ? `list_transform(${value}, lambda ${element}: ${made(element)})`
    : made(value)
}
