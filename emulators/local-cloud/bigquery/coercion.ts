/** Which types of a query's columns a table's columns take: https://cloud.google.com/bigquery/docs/reference/standard-sql/conversion_rules */

import { invalidArgument } from '../core/status.ts'
import type { Written } from './sql/changes.ts'
import type { Constant } from './sql/constants.ts'
import { refuseMixedStructs } from './sql/mixed-structs.ts'
import type { FieldSchema } from './values/records.ts'
import { unnamedField } from './values/rows.ts'
import { typeOf, UNTYPED } from './values/scalars.ts'

type Types = Readonly<Record<string, readonly string[]>>

const widened: Types = {
  INT64: ['NUMERIC', 'FLOAT64'],
  NUMERIC: ['FLOAT64'],
  DATE: ['DATETIME'],
}
/** DuckDB reads the text, or refuses it, when the row is written. */
const readFromText = ['DATE', 'DATETIME', 'TIMESTAMP', 'TIME']
const constants: Readonly<Record<Constant, Types>> = {
  literal: { STRING: readFromText, FLOAT64: ['NUMERIC'] },
  parameter: { STRING: readFromText },
  expression: {},
}

/** @throws INVALID_ARGUMENT for the first column whose values would be changed to fit. */
export function checkWritten(
  given: readonly FieldSchema[],
  columns: readonly FieldSchema[],
  { by, constants: kinds }: Pick<Written, 'by' | 'constants'>,
): void {
  if (given.length !== columns.length)
    throw invalidArgument(`Inserted row has wrong column count; Has ${given.length}, expected ${columns.length}`)
  for (const [index, column] of columns.entries()) {
    const field = given[index]!
    checkFields(field, column)
    const [from, to] = [typeOf(field.type), typeOf(column.type)]
    if (from === UNTYPED || from === to || widened[from]?.includes(to)) continue
    // A query's literals are no more than values of their types.
    if (constants[kinds?.[index] ?? 'expression'][from]?.includes(to)) continue
    // The engine gives an empty array this type, and BigQuery gives it that of its column.
    if (from === 'INT64' && field.mode === 'REPEATED' && column.mode === 'REPEATED') continue
    throw invalidArgument(
      by === 'assignments'
        ? `Value of type ${from} cannot be assigned to ${column.name}, which has type ${to}`
        : `${by === 'query' ? `Query column ${index + 1}` : 'Value'} has type ${from} which cannot be inserted into column ${column.name}, which has type ${to}`,
    )
  }
}

/** DuckDB takes the fields of a STRUCT by their names, and BigQuery by position: both agree on equal names, and on fields without names. */
function checkFields({ fields: given = [] }: FieldSchema, { name: column, fields: wanted = [] }: FieldSchema): void {
  if (given.length === 0 || wanted.length === 0) return
  if (given.length !== wanted.length)
    throw invalidArgument(`A STRUCT of ${given.length} fields does not fit ${column}, which has ${wanted.length}`)
  const isUnnamed = given.every(({ name }, index) => name === unnamedField(index))
  const isSame = given.every(({ name }, index) => name.toLowerCase() === wanted[index]?.name.toLowerCase())
  if (!isUnnamed && !isSame) refuseMixedStructs(given.map(({ name }) => name))
  for (const [index, field] of given.entries()) checkFields(field, wanted[index]!)
}
