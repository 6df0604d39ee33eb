/** Query parameters as DuckDB's values, each with its type. */
// https://cloud.google.com/bigquery/docs/parameterized-queries

import { shown } from '../values/limits.ts'
import {
  BIGINT,
  BLOB,
  blobValue,
  BOOLEAN,
  DATE,
  DECIMAL,
  DOUBLE,
  type DuckDBConnection,
  type DuckDBPreparedStatement,
  DuckDBDateValue,
  DuckDBDecimalValue,
  DuckDBTimestampTZValue,
  DuckDBTimestampValue,
  DuckDBTimeValue,
  type DuckDBType,
  type DuckDBValue,
  LIST,
  listValue,
  STRUCT,
  structValue,
  TIME,
  TIMESTAMP,
  TIMESTAMPTZ,
  VARCHAR,
} from '@duckdb/node-api'
import { invalidArgument, type StatusError } from '../../core/status.ts'
import type { ParameterType, ParameterValue, QueryParameter } from '../values/requests.ts'
import * as scalars from '../values/scalars.ts'

/** Texts and quoted names of the engine's SQL, in which `$1` is no parameter. */
const parameterOrQuoted = /'(?:[^']|'')*'|"(?:[^"]|"")*"|\$(\w+)/g

/** The parameters that the SQL names, with the SQL that stands in their place. */
function substituted(
  sql: string,
  given: readonly QueryParameter[],
  replacement: (name: string, type: string) => string,
): { readonly sql: string; readonly bound: ReadonlyMap<string, Bound> } {
  // Names are compared without regard to case; positions count from 1.
  const byName = new Map(given.map((one, index) => [(one.name || String(index + 1)).toLowerCase(), one]))
  const bound = new Map<string, Bound>()
  const text = sql.replaceAll(parameterOrQuoted, (all, written?: string) => {
    if (written === undefined) return all
    const name = written.toLowerCase()
    const parameter = byName.get(name)
    if (!parameter) throw missing(written)
    const place = parameter.name || `at position ${name}`
    if (!bound.has(name)) bound.set(name, bind(parameter.parameterType, parameter.parameterValue, place))
    return replacement(name, bound.get(name)!.type.toString())
  })
  return { sql: text, bound }
}

/**
 * Prepares a statement with the values of the parameters that it names. Each is cast to its type, because DuckDB forgets that
 * of a NULL. @throws INVALID_ARGUMENT for a parameter without a value, and for a value that is not of its type.
 */
export async function prepare(
  connection: DuckDBConnection,
  sql: string,
  given: readonly QueryParameter[],
): Promise<DuckDBPreparedStatement> {
  // A name that is a number would be a position, which must begin with 1.
  const { sql: cast, bound } = substituted(sql, given, (name, type) => `CAST($p_${name} AS ${type})`)
  const statement = await connection.prepare(cast)
  for (const [name, { value, type }] of bound) statement.bindValue(statement.parameterIndex(`p_${name}`), value, type)
  return statement
}

/**
 * The SQL with an expression of its type for each parameter, because DuckDB knows the types of columns only without parameters.
 * The expression is not constant: DuckDB forgets the type of a NULL that it computes while it plans.
 */
export const withTypes = (sql: string, given: readonly QueryParameter[]): string =>
  substituted(sql, given, (_, type) => `CASE WHEN random() > 2 THEN CAST(NULL AS ${type}) END`).sql

const missing = (name: string): StatusError =>
  /^\d+$/.test(name)
    ? invalidArgument(`Query parameter number ${name} is not specified: the query has more positions than values.`)
    : invalidArgument(`Query parameter '${name}' not found`)

interface Bound {
  readonly value: DuckDBValue
  readonly type: DuckDBType
}

function bind(type: ParameterType, given: ParameterValue, place: string): Bound {
  switch (scalars.typeOf(type.type)) {
    case 'ARRAY':
      return array(type, given, place)
    case 'STRUCT':
      return struct(type, given, place)
    default:
      return scalar(scalars.typeOf(type.type), given, place)
  }
}

/** A missing array is NULL, which GoogleSQL takes for an array without elements. */
function array({ arrayType }: ParameterType, { arrayValues }: ParameterValue, place: string): Bound {
  if (!arrayType) throw invalidArgument(`Query parameter ${place}: an ARRAY needs an arrayType.`)
  if (scalars.typeOf(arrayType.type) === 'ARRAY')
    throw invalidArgument(`Query parameter ${place}: an ARRAY of ARRAY is not a type: use an ARRAY of STRUCT.`)
  const element = bind(arrayType, {}, place).type
  const items = (arrayValues ?? []).map((item, index) => bind(arrayType, item, `${place}[${index}]`).value)
  return { value: listValue(items), type: LIST(element) }
}

function struct({ structTypes = [] }: ParameterType, { structValues }: ParameterValue, place: string): Bound {
  const types: Record<string, DuckDBType> = {}
  const values: Record<string, DuckDBValue> = {}
  for (const [index, { name, type }] of structTypes.entries()) {
    if (!name) throw invalidArgument(`Query parameter ${place}: field ${index + 1} of the STRUCT needs a name here.`)
    if (Object.hasOwn(types, name)) throw invalidArgument(`Query parameter ${place}: two fields are named ${name}.`)
    const field = bind(type, structValues?.[name] ?? {}, `${place}.${name}`)
    types[name] = field.type
    values[name] = field.value
  }
  if (structTypes.length === 0) throw invalidArgument(`Query parameter ${place}: a STRUCT needs structTypes.`)
  const unknown = Object.keys(structValues ?? {}).find((name) => !Object.hasOwn(types, name))
  if (unknown !== undefined)
    throw invalidArgument(`Query parameter ${place}: structValues has ${unknown}, which structTypes lacks.`)
  return { value: structValues ? structValue(values) : null, type: STRUCT(types) }
}

interface ScalarType {
  readonly type: DuckDBType
  /** Undefined for a text that is not of the type. */
  read(text: string): DuckDBValue | undefined
}

const PRECISION = 38
const SCALE = 9

function decimal(text: string): DuckDBValue | undefined {
  const found = scalars.decimal(text)
  const digits = found && found.scale <= SCALE ? scalars.withScale(found, SCALE) : undefined
  const fits = digits !== undefined && digits > -(10n ** BigInt(PRECISION)) && digits < 10n ** BigInt(PRECISION)
  return fits ? new DuckDBDecimalValue(digits, PRECISION, SCALE) : undefined
}

const of = <T>(read: (text: string) => T | undefined, make: (value: T) => DuckDBValue) => {
  return (text: string): DuckDBValue | undefined => {
    const value = read(text)
    return value === undefined ? undefined : make(value)
  }
}

const scalarTypes: Readonly<Record<string, ScalarType>> = {
  STRING: { type: VARCHAR, read: (text) => text },
  INT64: { type: BIGINT, read: scalars.int64 },
  FLOAT64: { type: DOUBLE, read: scalars.float64 },
  BOOL: { type: BOOLEAN, read: scalars.bool },
  BYTES: { type: BLOB, read: of(scalars.bytes, blobValue) },
  NUMERIC: { type: DECIMAL(PRECISION, SCALE), read: decimal },
  DATE: { type: DATE, read: of(scalars.date, (days) => new DuckDBDateValue(days)) },
  TIME: { type: TIME, read: of(scalars.time, (micros) => new DuckDBTimeValue(micros)) },
  DATETIME: { type: TIMESTAMP, read: of(scalars.datetime, (micros) => new DuckDBTimestampValue(micros)) },
  TIMESTAMP: { type: TIMESTAMPTZ, read: of(scalars.timestamp, (micros) => new DuckDBTimestampTZValue(micros)) },
}

function scalar(name: string, { value, arrayValues, structValues }: ParameterValue, place: string): Bound {
  const type = Object.hasOwn(scalarTypes, name) ? scalarTypes[name] : undefined
  if (!type)
    throw invalidArgument(
      `Query parameter ${place}: parameters of type ${name} are not served by the local cloud: pass a STRING and convert it in the query.`,
    )
  if (arrayValues || structValues) throw invalidArgument(`Query parameter ${place}: a ${name} has one value.`)
  if (value === null || value === undefined) return { value: null, type: type.type }
  const found = type.read(String(value))
  const reason = name === 'FLOAT64' ? scalars.noNaN(String(value)) : undefined
  if (found === undefined)
    throw invalidArgument(
      `Invalid value for type ${name} of query parameter ${place}: "${shown(value)}".${reason === undefined ? '' : ` ${reason}.`}`,
    )
  return { value: found, type: type.type }
}
