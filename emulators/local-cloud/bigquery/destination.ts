/** The table that a query's rows are written to: made, replaced or appended to, as its dispositions say. */
// https://cloud.google.com/bigquery/docs/reference/rest/v2/Job#JobConfigurationQuery

import type { CloudContext } from '../core/plugin.ts'
import { alreadyExists, invalidArgument, notFound } from '../core/status.ts'
import type { Catalog } from './catalog.ts'
import type { Query } from './engine/engine-work.ts'
import { guardOf } from './guards.ts'
import { quote } from './sql/reader.ts'
import type { QueryConfiguration } from './values/configuration.ts'
import { bigqueryError } from './values/errors.ts'
import type { FieldSchema, TableResource } from './values/records.ts'
import { typeName } from './values/type-parameters.ts'

interface Destination {
  /** The statements that the engine runs in place of the query. */
  readonly work: Pick<Query, 'sql' | 'before' | 'after'>
  /** Records the table, when the engine has written it. */
  written(): void
}

/** The options of a destination that are kept with its table. */
const ofTable = ['clustering', 'timePartitioning', 'rangePartitioning'] as const

export function makeDestinations(
  { project }: CloudContext,
  catalog: Catalog,
): (query: QueryConfiguration, sql: string, schema: readonly FieldSchema[]) => Promise<Destination> {
  return async (query, sql, schema) => {
    const { datasetId, tableId, projectId } = query.destinationTable!
    const { createDisposition = 'CREATE_IF_NEEDED', writeDisposition = 'WRITE_EMPTY' } = query
    checkValue('createDisposition', createDisposition, ['CREATE_IF_NEEDED', 'CREATE_NEVER'])
    checkValue('writeDisposition', writeDisposition, ['WRITE_EMPTY', 'WRITE_APPEND', 'WRITE_TRUNCATE'])
    if (projectId && projectId !== project.id)
      throw invalidArgument(`Access Denied: Project ${projectId}: the local cloud is the project ${project.id}.`)
    if (tableId.includes('$'))
      throw bigqueryError('invalid', `The local cloud does not write into one partition of a table: ${tableId}.`, {
        location: 'configuration.query.destinationTable.tableId',
      })
    catalog.dataset(datasetId)
    const name = `${project.id}:${datasetId}.${tableId}`
    const existing = catalog.find(datasetId, tableId)
    if (existing?.view)
      throw invalidArgument(`${name} is not allowed for this operation because it is currently a VIEW.`)
    const rows = { sql: insertOf(datasetId, tableId, schema, sql) }
    if (existing && writeDisposition === 'WRITE_EMPTY' && (await catalog.countRows(datasetId, tableId)) > 0)
      throw alreadyExists(`Already Exists: Table ${name}`)
    // A table without columns gets those of the query.
    if (existing?.schema?.fields.length && writeDisposition !== 'WRITE_TRUNCATE') {
      checkFits(name, schema, existing)
      const guard = guardOf(`${quote(datasetId)}.${quote(tableId)}`, existing.schema.fields)
      return { work: { ...rows, after: guard ? [guard] : [] }, written: () => undefined }
    }
    if (!existing && createDisposition === 'CREATE_NEVER') throw notFound(`Not found: Table ${name}`)
    const kept = Object.fromEntries(ofTable.flatMap((option) => (query[option] ? [[option, query[option]]] : [])))
    const made = catalog.replacement(datasetId, { tableReference: { tableId }, schema: { fields: schema }, ...kept })
    return { work: { before: [{ sql: made.sql }], ...rows }, written: made.record }
  }
}

function checkValue(option: string, value: string, served: readonly string[]): void {
  if (served.includes(value)) return
  throw bigqueryError(
    'invalid',
    `The local cloud does not serve ${option} ${value}: it serves ${served.join(' and ')}.`,
    { location: `configuration.query.${option}` },
  )
}

/** Inserts the rows of a query, and returns them. */
export function insertOf(datasetId: string, tableId: string, schema: readonly FieldSchema[], sql: string): string {
  const names = schema.map((field) => quote(field.name)).join(', ')
  return `INSERT INTO ${quote(datasetId)}.${quote(tableId)} (${names}) ${sql} RETURNING ${names}`
}

/** @throws INVALID_ARGUMENT when a column of the query is not one of the table. */
function checkFits(name: string, schema: readonly FieldSchema[], table: TableResource): void {
  const fields = new Map((table.schema?.fields ?? []).map((field) => [field.name.toLowerCase(), field]))
  const mismatch = (reason: string): Error => invalidArgument(`Provided Schema does not match Table ${name}. ${reason}`)
  for (const field of schema) {
    const known = fields.get(field.name.toLowerCase())
    if (!known) throw mismatch(`Cannot add fields (field: ${field.name})`)
    const [wanted, given] = [typeName({ name: '', type: known.type }), typeName(field)]
    if (wanted !== given) throw mismatch(`Field ${field.name} has changed type from ${wanted} to ${given}`)
    if ((known.mode === 'REPEATED') !== (field.mode === 'REPEATED'))
      throw mismatch(`Field ${field.name} has changed mode from ${known.mode ?? 'NULLABLE'} to ${field.mode}`)
    fields.delete(field.name.toLowerCase())
  }
  const missing = [...fields.values()].find(({ mode }) => mode?.toUpperCase() === 'REQUIRED')
  if (missing) throw mismatch(`Field ${missing.name} is missing in new schema`)
}
