/**
 * Appends rows to tables, several appends in one statement, because a statement of one row costs as much as one of a hundred.
 * A first append is written at once. Appends to the same table that arrive while it is written, or within 200 ms of its start,
 * are written together. Of each append, all rows are written or none.
 */

import { nestsDeeper } from '../core/json.ts'
import { invalidArgument, notFound, StatusError } from '../core/status.ts'
import { type Catalog, sqlError, type TableReference } from './catalog.ts'
import type { Column, EngineWork } from './engine/engine-work.ts'
import { duckType, type FieldSchema } from './values/records.ts'
import { limits } from './sql/limits.ts'
import { quote } from './sql/reader.ts'

/** The time between the starts of two statements for one table. Google's BigQuery subscriptions take seconds, so it is not noticed. */
const MIN_STATEMENT_INTERVAL_MS = 200

type Row = Readonly<Record<string, unknown>>

interface Append {
  readonly rows: readonly Row[]
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}
/** The appends to one table. */
interface Group {
  waiting: Append[]
  writing: boolean
  /** When the last statement was started, by `performance.now()`. */
  startedMs: number
}

/** Resolves when the rows are written. @throws NOT_FOUND for a missing table, INVALID_ARGUMENT for rows that do not fit the schema. */
export type AppendRows = (table: TableReference, rows: readonly Row[]) => Promise<void>

export function makeAppends(engine: Pick<EngineWork, 'append'>, catalog: Catalog): AppendRows {
  const groups = new Map<string, Group>()

  const write = async ({ datasetId, tableId }: TableReference, appends: readonly Append[]): Promise<void> => {
    const fields = catalog.find(datasetId, tableId)?.schema?.fields
    if (!fields) throw notFound(`Not found: Table ${datasetId}.${tableId}`)
    const rows = appends.flatMap((one) => one.rows.map((row) => completeRow(row, fields)))
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
      // Refused rows are not written, so they can be tried again. After any other error, such as the end of the engine's process,
      // the rows may be written already, and a second write would duplicate them.
      const isRefused = error instanceof StatusError && error.code === 'INVALID_ARGUMENT'
      if (appends.length === 1 || !isRefused) {
        for (const { reject } of appends) reject(error as Error)
        return
      }
      // One append does not fit: each is written by itself, so that only that one is rejected.
      for (const one of appends) await settle(table, [one])
    }
  }
  const writeWaiting = async (table: TableReference, group: Group): Promise<void> => {
    group.writing = true
    while (group.waiting.length > 0) {
      const waitMs = group.startedMs + MIN_STATEMENT_INTERVAL_MS - performance.now()
      if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs))
      group.startedMs = performance.now()
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
    if (!group) groups.set(key, (group = { waiting: [], writing: false, startedMs: Number.NEGATIVE_INFINITY }))
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    group.waiting.push({ rows, resolve, reject })
    if (!group.writing) void writeWaiting(table, group)
    return promise
  }
}

const columnsOf = (fields: readonly FieldSchema[]): Column[] =>
  fields.map((field) => ({ name: field.name, type: duckType(field) }))

/** The reason why a row does not fit the schema; undefined if it fits. Writes nothing. */
export async function rowFault(
  engine: Pick<EngineWork, 'check'>,
  fields: readonly FieldSchema[],
  row: Row,
): Promise<string | undefined> {
  const unknown = Object.keys(row).find((name) => !fields.some((field) => field.name === name))
  if (unknown !== undefined) return `no such field: ${unknown}.`
  try {
    await engine.check(columnsOf(fields), completeRow(row, fields))
    return undefined
  } catch (error) {
    const refused = sqlError(error)
    if (refused.code !== 'INVALID_ARGUMENT') throw refused
    return refused.message
  }
}

/**
 * The row with every field of the schema, also inside records: a missing field is NULL, or an empty array if it is repeated.
 * A JSON column accepts a value, or the value's JSON text.
 */
function completeRow(row: Row, fields: readonly FieldSchema[]): Record<string, unknown> {
  return Object.fromEntries(
    fields.map((field) => [
      field.name,
      completeValue(Object.hasOwn(row, field.name) ? row[field.name] : undefined, field),
    ]),
  )
}

function completeValue(value: unknown, field: FieldSchema): unknown {
  if (field.mode?.toUpperCase() === 'REPEATED') {
    const one = { ...field, mode: 'NULLABLE' }
    return Array.isArray(value) ? value.map((item) => completeValue(item, one)) : (value ?? [])
  }
  if (value === undefined || value === null) {
    if (field.mode?.toUpperCase() === 'REQUIRED') throw invalidArgument(`Missing required field: ${field.name}.`)
    return null
  }
  if (field.fields && typeof value === 'object') return completeRow(value as Row, field.fields)
  return field.type.toUpperCase() === 'JSON' && typeof value === 'string' ? jsonOrText(value) : value
}

function jsonOrText(text: string): unknown {
  if (nestsDeeper(text, limits.jsonNesting))
    throw invalidArgument(`A JSON value nests deeper than ${limits.jsonNesting} levels.`)
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
