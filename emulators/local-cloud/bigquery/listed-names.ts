/** Refuses a name of a SELECT list in the list itself and in its WHERE. DuckDB takes it, unless a table has such a column: only the engine knows these. */

import { invalidArgument, StatusError } from '../core/status.ts'
import type { Engine } from './engine/engine.ts'
import type { Part } from './sql/grammar/names.ts'
import type { Translation } from './sql/translate.ts'
import type { FieldSchema, TableResource } from './values/records.ts'
import type { QueryParameter } from './values/requests.ts'

/** @param find a table or view, whose columns may be the needed ones. @throws INVALID_ARGUMENT in BigQuery's words. */
export function checkNeededColumns(
  { needed = [], distinct = [] }: Translation,
  find: (datasetId: string, tableId: string) => TableResource | undefined,
): void {
  const fieldsOf = (table: string): readonly FieldSchema[] =>
    find(...(table.split('.') as [string, string]))?.schema?.fields ?? []
  for (const { name, tables, deep, message } of needed) {
    const isNamed = (field: FieldSchema): boolean => field.name.toLowerCase() === name.toLowerCase()
    const isInside = (field: FieldSchema): boolean => isNamed(field) || (field.fields ?? []).some(isInside)
    const isFound =
      tables.some((table) => fieldsOf(table).some(isNamed)) || deep.some((table) => fieldsOf(table).some(isInside))
    if (!isFound) throw invalidArgument(message)
  }
  for (const { parts, name, message } of distinct) {
    const seen = new Set<string>()
    for (const column of parts.flatMap((part) => namesOf(part, fieldsOf))) {
      const key = column.toLowerCase()
      if (seen.has(key) && (name === undefined || name === key))
        throw invalidArgument(name === undefined ? `${message}${column}` : message)
      seen.add(key)
    }
  }
}

function namesOf(part: Part, fieldsOf: (table: string) => readonly FieldSchema[]): readonly string[] {
  if ('name' in part) return [part.name]
  const names = fieldsOf(part.table).map(({ name }) => name)
  return names.filter((name) => !part.excepted.includes(name.toLowerCase()))
}

/** Before the statement is described: the engine does not take each such name. @throws INVALID_ARGUMENT in BigQuery's words. */
export async function checkListedNames(
  { listedNames = [] }: Translation,
  engine: Pick<Engine, 'describe'>,
  parameters: readonly QueryParameter[],
): Promise<void> {
  for (const { name, message, sql } of listedNames) {
    const error = await engine.describe(sql, parameters).then(
      () => undefined,
      (caught: Error) => caught,
    )
    // A name that is ambiguous beside the added column is one of a table. Any other refusal of the engine proves nothing.
    // Beside aggregates, the added column lacks a GROUP BY: it was found, and is not ambiguous.
    const isFound = error?.message.includes(`column "${name}" must appear in the GROUP BY`) === true
    if (error && !isFound && !(error instanceof StatusError)) continue
    throw invalidArgument(message)
  }
}
