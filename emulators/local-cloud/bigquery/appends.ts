/**
 * Appends to tables. An append alone is written at once; those that come while one is written, or within a moment of it, travel
 * together: a statement of one row costs as much as one of a hundred. Each caller's rows are there as a whole or not at all.
 */

import { nestsDeeper } from '../core/json.ts'
import { invalidArgument, notFound, StatusError } from '../core/status.ts'
import { type Catalog, sqlError, type TableReference } from './catalog.ts'
import type { Column, EngineWork } from './engine/engine-work.ts'
import { duckType, type FieldSchema } from './values/records.ts'
import { limits } from './sql/limits.ts'
import { quote } from './sql/reader.ts'

/** Between two statements for the same table; a BigQuery subscription of Google's takes seconds. */
const STATEMENT_EVERY_MS = 200

type Row = Readonly<Record<string, unknown>>

interface Append {
  readonly rows: readonly Row[]
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}
interface Group {
  waiting: Append[]
  writing: boolean
  lastMs: number
}

/** @throws NOT_FOUND for a missing table, INVALID_ARGUMENT for rows that do not fit. */
export type AppendRows = (table: TableReference, rows: readonly Row[]) => Promise<void>

export function makeAppends(engine: Pick<EngineWork, 'append'>, catalog: Catalog): AppendRows {
  const groups = new Map<string, Group>()

  const write = async ({ datasetId, tableId }: TableReference, appends: readonly Append[]): Promise<void> => {
    const fields = catalog.find(datasetId, tableId)?.schema?.fields
    if (!fields) throw notFound(`Not found: Table ${datasetId}.${tableId}`)
    const rows = appends.flatMap((one) => one.rows.map((row) => readyRow(row, fields)))
    try {
      await engine.append(`${quote(datasetId)}.${quote(tableId)}`, columnsOf(fields), rows)
    } catch (error) {
      throw sqlError(error)
    }
  }
  const settle = async (table: TableReference, appends: readonly Append[]): Promise<void> => {
    try {
      await write(table, appends)
      for (const { resolve } of appends) resolve()
    } catch (error) {
      // Whether it was written is not known when the engine ended: nothing is written twice here.
      const isRefused = error instanceof StatusError && error.code === 'INVALID_ARGUMENT'
      if (appends.length === 1 || !isRefused) {
        for (const { reject } of appends) reject(error as Error)
        return
      }
      // One of them does not fit: each for itself.
      for (const one of appends) await settle(table, [one])
    }
  }
  const work = async (table: TableReference, group: Group): Promise<void> => {
    group.writing = true
    while (group.waiting.length > 0) {
      const waitMs = group.lastMs + STATEMENT_EVERY_MS - performance.now()
      if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs))
      group.lastMs = performance.now()
      await settle(table, group.waiting.splice(0))
    }
    group.writing = false
  }

  return (table, rows) => {
    const fields = catalog.table(table.datasetId, table.tableId).schema?.fields ?? []
    for (const row of rows) {
      const unknown = Object.keys(row).find((name) => !fields.some((field) => field.name === name))
      if (unknown !== undefined) throw invalidArgument(`no such field: ${unknown}.`)
    }
    const key = `${table.datasetId}.${table.tableId}`
    let group = groups.get(key)
    if (!group) groups.set(key, (group = { waiting: [], writing: false, lastMs: Number.NEGATIVE_INFINITY }))
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    group.waiting.push({ rows, resolve, reject })
    if (!group.writing) void work(table, group)
    return promise
  }
}

const columnsOf = (fields: readonly FieldSchema[]): Column[] =>
  fields.map((field) => ({ name: field.name, type: duckType(field) }))

/** Why a row does not fit the schema; undefined when it does. Writes nothing. */
export async function rowFault(
  engine: Pick<EngineWork, 'check'>,
  fields: readonly FieldSchema[],
  row: Row,
): Promise<string | undefined> {
  const unknown = Object.keys(row).find((name) => !fields.some((field) => field.name === name))
  if (unknown !== undefined) return `no such field: ${unknown}.`
  try {
    await engine.check(columnsOf(fields), readyRow(row, fields))
    return undefined
  } catch (error) {
    const refused = sqlError(error)
    if (refused.code !== 'INVALID_ARGUMENT') throw refused
    return refused.message
  }
}

/** Every field of the schema, in records too: one that is not given is NULL, or an empty array. JSON columns take a value or its text. */
function readyRow(row: Row, fields: readonly FieldSchema[]): Record<string, unknown> {
  return Object.fromEntries(
    fields.map((field) => [
      field.name,
      readyValue(Object.hasOwn(row, field.name) ? row[field.name] : undefined, field),
    ]),
  )
}

function readyValue(value: unknown, field: FieldSchema): unknown {
  if (field.mode?.toUpperCase() === 'REPEATED') {
    const one = { ...field, mode: 'NULLABLE' }
    return Array.isArray(value) ? value.map((item) => readyValue(item, one)) : (value ?? [])
  }
  if (value === undefined || value === null) {
    if (field.mode?.toUpperCase() === 'REQUIRED') throw invalidArgument(`Missing required field: ${field.name}.`)
    return null
  }
  if (field.fields && typeof value === 'object') return readyRow(value as Row, field.fields)
  return field.type.toUpperCase() === 'JSON' && typeof value === 'string' ? parsedOrText(value) : value
}

function parsedOrText(text: string): unknown {
  if (nestsDeeper(text, limits.jsonNesting))
    throw invalidArgument(`A JSON value nests deeper than ${limits.jsonNesting} levels.`)
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
