/** BigQuery for the local cloud: catalog, jobs and appends over one engine. */

import type { CloudContext } from '../core/plugin.ts'
import { invalidArgument } from '../core/status.ts'
import { type Catalog, makeCatalog, sqlFault, type TableReference } from './catalog.ts'
import { type Duck, openDuck } from './duck.ts'
import { type Jobs, makeJobs } from './jobs.ts'
import { duckType, type FieldSchema } from './records.ts'
import { quote } from './sql-reader.ts'

export interface BigQueryCore {
  readonly catalog: Catalog
  readonly jobs: Jobs
  readonly duck: Duck
  /** All rows or none. @throws NOT_FOUND for a missing table, INVALID_ARGUMENT for rows that do not fit. */
  appendRows(table: TableReference, rows: readonly Record<string, unknown>[]): Promise<void>
  tableSchema(table: TableReference): { readonly fields: readonly FieldSchema[] } | undefined
  resourceExists(name: string): boolean | undefined
  close(): Promise<void>
}

export async function makeCore(context: CloudContext, directory: string | undefined): Promise<BigQueryCore> {
  const duck = await openDuck(directory)
  const catalog = makeCatalog(context, duck)
  return {
    catalog,
    duck,
    jobs: makeJobs(context, duck, catalog),
    async appendRows({ datasetId, tableId }, rows) {
      const { schema } = catalog.table(datasetId, tableId)
      const fields = schema?.fields ?? []
      for (const row of rows) {
        const unknown = Object.keys(row).find((name) => !fields.some((field) => field.name === name))
        if (unknown !== undefined) throw invalidArgument(`no such field: ${unknown}.`)
      }
      const columns = fields.map((field) => ({ name: field.name, type: duckType(field) }))
      try {
        await duck.append(
          `${quote(datasetId)}.${quote(tableId)}`,
          columns,
          rows.map((row) => readyRow(row, fields)),
        )
      } catch (error) {
        throw invalidArgument(sqlFault(error))
      }
      context.count('bigquery.rowsAppended', rows.length)
    },
    tableSchema: ({ datasetId, tableId }) => {
      const table = catalog.find(datasetId, tableId)
      return table ? { fields: table.schema?.fields ?? [] } : undefined
    },
    resourceExists(name) {
      const path = /^projects\/[^/]+\/datasets\/([^/]+)(?:\/tables\/([^/]+))?$/.exec(name)
      if (!path) return undefined
      return path[2] === undefined
        ? catalog.datasets().some(({ datasetReference }) => datasetReference.datasetId === path[1])
        : catalog.find(path[1]!, path[2]) !== undefined
    },
    close: duck.close,
  }
}

/** Every field of the schema, in records too: one that is not given is NULL, or an empty array. JSON columns take a value or its text. */
function readyRow(row: Readonly<Record<string, unknown>>, fields: readonly FieldSchema[]): Record<string, unknown> {
  return Object.fromEntries(fields.map((field) => [field.name, readyValue(row[field.name], field)]))
}

function readyValue(value: unknown, field: FieldSchema): unknown {
  if (field.mode?.toUpperCase() === 'REPEATED') {
    const one = { ...field, mode: 'NULLABLE' }
    return Array.isArray(value) ? value.map((item) => readyValue(item, one)) : (value ?? [])
  }
  if (value === undefined || value === null) return null
  if (field.fields && typeof value === 'object') return readyRow(value as Record<string, unknown>, field.fields)
  return field.type.toUpperCase() === 'JSON' && typeof value === 'string' ? parsedOrText(value) : value
}

function parsedOrText(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
