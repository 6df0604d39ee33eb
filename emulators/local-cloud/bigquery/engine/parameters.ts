/** Query parameters as DuckDB's values. */

import {
  BIGINT,
  BLOB,
  blobValue,
  BOOLEAN,
  DATE,
  DOUBLE,
  type DuckDBType,
  type DuckDBValue,
  LIST,
  listValue,
  TIMESTAMPTZ,
  VARCHAR,
} from '@duckdb/node-api'
import { invalidArgument, type StatusError } from '../../core/status.ts'
import type { QueryParameter } from '../values/requests.ts'

export interface Parameters {
  readonly values: Record<string, DuckDBValue> | DuckDBValue[]
  readonly types: Record<string, DuckDBType> | DuckDBType[]
}

/** Undefined without parameters. @throws INVALID_ARGUMENT for a value that is not of its type. */
export function parametersOf(queryParameters: readonly QueryParameter[]): Parameters | undefined {
  if (queryParameters.length === 0) return undefined
  const bound = queryParameters.map(({ name, parameterType, parameterValue }) => ({
    name,
    ...bind(parameterType, parameterValue),
  }))
  if (bound.every(({ name }) => name)) {
    return {
      values: Object.fromEntries(bound.map(({ name, value }) => [name!, value])),
      types: Object.fromEntries(bound.map(({ name, type }) => [name!, type])),
    }
  }
  return { values: bound.map(({ value }) => value), types: bound.map(({ type }) => type) }
}

type ParameterType = QueryParameter['parameterType']
type ParameterValue = QueryParameter['parameterValue']

/** @throws INVALID_ARGUMENT for a value that is not of its type, and for a STRUCT. */
function bind(type: ParameterType, value: ParameterValue): { value: DuckDBValue; type: DuckDBType } {
  if (type.type === 'STRUCT')
    throw invalidArgument(
      'Query parameters of type STRUCT are not served by the local cloud: pass each field by itself.',
    )
  if (type.type === 'ARRAY') {
    const inner = type.arrayType ?? { type: 'STRING' }
    const items = (value.arrayValues ?? []).map((item) => bind(inner, item).value)
    return { value: listValue(items), type: LIST(scalarType(inner.type)) }
  }
  if (value.value === null || value.value === undefined) return { value: null, type: scalarType(type.type) }
  const text = String(value.value)
  switch (type.type) {
    case 'INT64':
      return { value: int64(text), type: BIGINT }
    case 'FLOAT64':
      return { value: float64(text), type: DOUBLE }
    case 'BOOL':
      if (!/^(true|false)$/i.test(text)) throw badValue('BOOL', text)
      return { value: text.toLowerCase() === 'true', type: BOOLEAN }
    case 'BYTES':
      return { value: blobValue(Buffer.from(text, 'base64')), type: BLOB }
    default:
      // Texts, and what DuckDB reads from a text by itself where it is compared.
      return { value: text, type: VARCHAR }
  }
}

const badValue = (type: string, text: string): StatusError =>
  invalidArgument(`Invalid value for type: ${type} is not a valid value: "${text.slice(0, 100)}".`)

function int64(text: string): bigint {
  // Nineteen digits and a sign; more would take long to read and not fit.
  const value = /^[+-]?\d{1,19}$/.test(text) ? BigInt(text.replace('+', '')) : undefined
  if (value === undefined || BigInt.asIntN(64, value) !== value) throw badValue('INT64', text)
  return value
}

function float64(text: string): number {
  const special = { nan: Number.NaN, inf: Infinity, infinity: Infinity, '-inf': -Infinity, '-infinity': -Infinity }
  const name = text.trim().toLowerCase()
  if (Object.hasOwn(special, name)) return special[name as keyof typeof special]
  const value = Number(text)
  if (text.trim() === '' || Number.isNaN(value)) throw badValue('FLOAT64', text)
  return value
}

function scalarType(type: string): DuckDBType {
  switch (type) {
    case 'INT64':
      return BIGINT
    case 'FLOAT64':
      return DOUBLE
    case 'BOOL':
      return BOOLEAN
    case 'BYTES':
      return BLOB
    case 'DATE':
      return DATE
    case 'TIMESTAMP':
      return TIMESTAMPTZ
    default:
      return VARCHAR
  }
}
