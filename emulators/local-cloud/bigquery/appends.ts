/**
 * Appends rows to tables, several appends in one statement, because a statement of one row costs as much as one of a hundred.
 * A first append is written at once. Appends to the same table that arrive while it is written, or within 200 ms of its start,
 * are written together. Of each append, all rows are written or none.
 */

import { notFound, StatusError } from '../core/status.ts'
import type { Catalog, TableReference } from './catalog.ts'
import type { Column, EngineWork } from './engine/engine-work.ts'
import { duckType, jsonTypes } from './values/duck-types.ts'
import type { FieldSchema } from './values/records.ts'
import { checkedRow, type Row } from './values/row-check.ts'
import { sqlError } from './sql/engine-errors.ts'
import { quote } from './sql/reader.ts'

/** The time between the starts of two statements for one table. Google's BigQuery subscriptions take seconds, so it is not noticed. */
const MIN_STATEMENT_INTERVAL_MS = 200

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
    const rows = appends.flatMap((one) => one.rows.map((row) => checkedRow(row, fields)))
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
    catalog.table(table.datasetId, table.tableId)
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
  fields.map((field) => ({ name: field.name, type: duckType(field), jsonType: duckType(field, jsonTypes) }))
