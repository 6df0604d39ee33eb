/** The columns of a query: their names, the names of their fields, and their types. */

import {
  type DuckDBConnection,
  type DuckDBPreparedStatement,
  type DuckDBType,
  DuckDBTypeId,
  StatementType,
} from '@duckdb/node-api'
import { invalidArgument } from '../../core/status.ts'
import { quote } from '../sql/reader.ts'
import { namesOf, refuseElement } from '../sql/unnamed-marks.ts'
import { unnamedField } from '../values/rows.ts'
import { UNTYPED } from '../values/scalars.ts'
import type { Description, EngineWork, Query } from './engine-work.ts'
import { prepare, withTypes } from './parameters.ts'
import { checkPlan } from './plan-check.ts'
import { fieldOf, type Nested } from './result-rows.ts'

/** Of a query that is not run. @param connection to the shapes of tables and views. */
export async function describedBy(
  connection: DuckDBConnection,
  ...[sql, parameters, { isNamed } = { isNamed: true }]: Parameters<EngineWork['describe']>
): Promise<Description> {
  const query = withTypes(sql, parameters)
  const statement = await connection.prepare(query).catch(async (error: Error) => {
    // DuckDB computes constants, such as a text that is no number: its type is the reason.
    await checkPlan(connection, query)
    throw error
  })
  const count = statement.columnCount
  const names = Array.from({ length: count }, (_, index) => statement.columnName(index))
  const types = names.map((_, index) => statement.columnType(index))
  const named = isNamed ? described(names, types) : undefined
  if (statement.statementType === StatementType.SELECT) await checkPlan(connection, query)
  if (named) return named
  const unnamed = described(
    names.map((_, index) => `column_${index}`),
    types,
  )
  // DuckDB gives NULL the type of small literals; whole numbers of columns, functions and casts are BIGINT.
  const schema = unnamed.schema.map((field, index) =>
    types[index]!.typeId === DuckDBTypeId.INTEGER ? { ...field, type: UNTYPED } : field,
  )
  return { ...unnamed, schema, firstUnnamed: undefined }
}

/** @throws INVALID_ARGUMENT for two columns of one name. */
export function described(columns: readonly string[], types: readonly DuckDBType[]): Description {
  const { names, firstUnnamed } = namesOf(columns)
  for (const [index, name] of columns.entries()) if (types[index]!.typeId === DuckDBTypeId.STRUCT) refuseElement(name)
  const seen = new Set<string>()
  for (const name of names) {
    const key = name.toLowerCase()
    if (seen.has(key))
      throw invalidArgument(`Duplicate column names in the result are not supported. Found duplicate(s): ${name}`)
    seen.add(key)
  }
  const schema = names.map((name, index) => fieldOf(name, types[index]!))
  return { schema, types: types.map(typeText), firstUnnamed }
}

/** The statement with a name for each field of its result. */
export async function prepareNamed(
  connection: DuckDBConnection,
  sql: string,
  parameters: Query['parameters'],
): Promise<DuckDBPreparedStatement> {
  const statement = await prepare(connection, sql, parameters)
  // Beside parameters, the types are unknown.
  const typed = parameters.length === 0 ? statement : await connection.prepare(withTypes(sql, parameters))
  const casts = Array.from({ length: typed.columnCount }, (_, index) => {
    const [name, type] = [quote(typed.columnName(index)), namedType(typed.columnType(index))]
    return type === undefined ? [] : [`CAST(${name} AS ${type}) AS ${name}`]
  }).flat()
  if (casts.length === 0) return statement
  statement.destroySync()
  return prepare(connection, `SELECT * REPLACE (${casts.join(', ')}) FROM (${sql})`, parameters)
}

/** The SQL type with a name for each field of a STRUCT, if some have none: DuckDB's client would return the last of them alone. */
const namedType = (type: DuckDBType): string | undefined => (hasUnnamed(type) ? typeText(type) : undefined)

function hasUnnamed(type: DuckDBType): boolean {
  const { valueType, entryNames, entryTypes } = type as unknown as Nested
  if (type.typeId === DuckDBTypeId.LIST) return hasUnnamed(valueType)
  return type.typeId === DuckDBTypeId.STRUCT && (entryNames.includes('') || entryTypes.some(hasUnnamed))
}

function typeText(type: DuckDBType): string {
  const { valueType, entryNames, entryTypes } = type as unknown as Nested
  if (type.typeId === DuckDBTypeId.LIST) return `${typeText(valueType)}[]`
  if (type.typeId !== DuckDBTypeId.STRUCT) return type.alias ?? type.toString()
  const fields = entryNames.map(
    (name, index) => `${quote(name || unnamedField(index))} ${typeText(entryTypes[index]!)}`,
  )
  return `STRUCT(${fields.join(', ')})`
}
