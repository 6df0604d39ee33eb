/** Which types of a query's columns a table's columns take: https://cloud.google.com/bigquery/docs/reference/standard-sql/conversion_rules */

import { invalidArgument } from '../core/status.ts'
import type { FieldSchema } from './values/records.ts'
import { typeOf, UNTYPED } from './values/scalars.ts'

const widened: Readonly<Record<string, readonly string[]>> = {
  INT64: ['NUMERIC', 'BIGNUMERIC', 'FLOAT64'],
  NUMERIC: ['BIGNUMERIC', 'FLOAT64'],
  BIGNUMERIC: ['FLOAT64'],
  // A literal; DuckDB reads it, or refuses it, when the row is written.
  STRING: ['DATE', 'DATETIME', 'TIMESTAMP', 'TIME'],
  DATE: ['DATETIME', 'TIMESTAMP'],
  DATETIME: ['DATE', 'TIMESTAMP'],
  TIMESTAMP: ['DATE', 'DATETIME'],
}

/** @throws INVALID_ARGUMENT for the first column whose values would be changed to fit. */
export function checkWritten(given: readonly FieldSchema[], columns: readonly FieldSchema[], verb: string): void {
  if (given.length !== columns.length)
    throw invalidArgument(`Inserted row has wrong column count; Has ${given.length}, expected ${columns.length}`)
  for (const [index, column] of columns.entries()) {
    const field = given[index]!
    const [from, to] = [typeOf(field.type), typeOf(column.type)]
    if (from === UNTYPED || from === to || widened[from]?.includes(to)) continue
    // The engine gives an empty array this type, and BigQuery gives it that of its column.
    if (from === 'INT64' && field.mode === 'REPEATED' && column.mode === 'REPEATED') continue
    throw invalidArgument(
      verb === 'INSERT'
        ? `Value has type ${from} which cannot be inserted into column ${column.name}, which has type ${to}`
        : `Value of type ${from} cannot be assigned to ${column.name}, which has type ${to}`,
    )
  }
}
