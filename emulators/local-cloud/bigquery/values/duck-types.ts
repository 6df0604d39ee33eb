/** The types of columns in DuckDB. */

import type { FieldSchema } from './records.ts'
import { parameterOf } from './type-parameters.ts'

/** The DuckDB type of a column. A type without a scalar equivalent is RECORD; `checkFields` in catalog.ts refuses all others. */
export function duckType(field: FieldSchema, scalars: Readonly<Record<string, string>> = scalarTypes): string {
  const { type, mode, fields = [] } = field
  const { precision, scale } = parameterOf(field)
  const scalar = precision === undefined ? scalars[type.toUpperCase()] : `DECIMAL(${precision}, ${scale})`
  const one = scalar ?? `STRUCT(${fields.map((inner) => `"${inner.name}" ${duckType(inner, scalars)}`).join(', ')})`
  return mode?.toUpperCase() === 'REPEATED' ? `${one}[]` : one
}

/** BigQuery's type names in table schemas → DuckDB types. `checkFields` refuses BIGNUMERIC. */
export const scalarTypes: Readonly<Record<string, string>> = {
  STRING: 'VARCHAR',
  BYTES: 'BLOB',
  INTEGER: 'BIGINT',
  INT64: 'BIGINT',
  FLOAT: 'DOUBLE',
  FLOAT64: 'DOUBLE',
  BOOLEAN: 'BOOLEAN',
  BOOL: 'BOOLEAN',
  TIMESTAMP: 'TIMESTAMPTZ',
  DATE: 'DATE',
  TIME: 'TIME',
  DATETIME: 'TIMESTAMP',
  NUMERIC: 'DECIMAL(38, 9)',
  JSON: 'JSON',
}

/** The types by which a row is read from JSON, which has no bytes: they are a text that DuckDB casts. */
export const jsonTypes: typeof scalarTypes = { ...scalarTypes, BYTES: 'VARCHAR', JSON: 'VARCHAR' }
