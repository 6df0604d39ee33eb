/** Datasets and tables as the REST API returns them. The emulator stores them in this form. */

export interface FieldSchema {
  readonly name: string
  readonly type: string
  readonly mode?: string
  readonly description?: string
  readonly fields?: readonly FieldSchema[]
}

export interface DatasetResource {
  readonly datasetReference: { readonly projectId: string; readonly datasetId: string }
  readonly location: string
  readonly creationTime: string
  readonly lastModifiedTime: string
  readonly etag: string
  readonly [other: string]: unknown
}

export interface TableResource {
  readonly tableReference: { readonly projectId: string; readonly datasetId: string; readonly tableId: string }
  readonly schema?: { readonly fields: readonly FieldSchema[] }
  readonly view?: { readonly query: string; readonly useLegacySql?: boolean }
  readonly type: 'TABLE' | 'VIEW'
  readonly creationTime: string
  readonly lastModifiedTime: string
  readonly etag: string
  readonly [other: string]: unknown
}

/** The DuckDB type of a column. A type without a scalar equivalent is RECORD; `checkFields` in catalog.ts refuses all others. */
export function duckType({ type, mode, fields = [] }: FieldSchema): string {
  const one =
    scalarTypes[type.toUpperCase()] ??
    `STRUCT(${fields.map((field) => `"${field.name}" ${duckType(field)}`).join(', ')})`
  return mode?.toUpperCase() === 'REPEATED' ? `${one}[]` : one
}

/** BigQuery's type names in table schemas → DuckDB types. BIGNUMERIC has the precision of NUMERIC. */
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
  BIGNUMERIC: 'DECIMAL(38, 9)',
  JSON: 'JSON',
}
