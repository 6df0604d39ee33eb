/** Converts DuckDB's results to the REST API's form: a schema, and rows `{f: [{v}]}` whose scalar values are strings. */

import {
  DuckDBBlobValue,
  DuckDBDateValue,
  DuckDBDecimalValue,
  DuckDBListValue,
  DuckDBStructValue,
  DuckDBTimestampTZValue,
  DuckDBTimestampValue,
  DuckDBTimeValue,
  type DuckDBType,
  DuckDBTypeId,
  type DuckDBValue,
} from '@duckdb/node-api'
import { invalidArgument, type StatusError } from '../../core/status.ts'
import { sortedJson } from '../values/json-text.ts'
import type { FieldSchema } from '../values/records.ts'
import { type Cell, type Row, unnamedField } from '../values/rows.ts'
import { date, dateTimeText, maxTimestamp, minTimestamp, NO_NAN } from '../values/scalars.ts'

const integerTypes = new Set([
  DuckDBTypeId.TINYINT,
  DuckDBTypeId.SMALLINT,
  DuckDBTypeId.INTEGER,
  DuckDBTypeId.BIGINT,
  DuckDBTypeId.UTINYINT,
  DuckDBTypeId.USMALLINT,
  DuckDBTypeId.UINTEGER,
  DuckDBTypeId.UBIGINT,
  DuckDBTypeId.HUGEINT,
  DuckDBTypeId.UHUGEINT,
])

/** The schema of a result column. A type that is not in `typeNames` becomes JSON or STRING. */
export function fieldOf(name: string, type: DuckDBType): FieldSchema {
  const { valueType, entryNames, entryTypes } = type as unknown as Nested
  if (type.typeId === DuckDBTypeId.LIST) {
    if (valueType.typeId === DuckDBTypeId.LIST)
      throw invalidArgument('Cannot construct array with element type ARRAY because nested arrays are not supported')
    return { ...fieldOf(name, valueType), mode: 'REPEATED' }
  }
  if (type.typeId === DuckDBTypeId.STRUCT) {
    return {
      name,
      type: 'RECORD',
      mode: 'NULLABLE',
      fields: entryNames.map((entry, index) => fieldOf(entry || unnamedField(index), entryTypes[index]!)),
    }
  }
  return { name, type: typeName(type), mode: 'NULLABLE' }
}

/** Of a LIST the type of its elements, of a STRUCT its fields. */
export interface Nested {
  readonly valueType: DuckDBType
  readonly entryNames: readonly string[]
  readonly entryTypes: readonly DuckDBType[]
}

const typeNames: ReadonlyMap<DuckDBTypeId, string> = new Map([
  [DuckDBTypeId.DOUBLE, 'FLOAT'],
  [DuckDBTypeId.FLOAT, 'FLOAT'],
  [DuckDBTypeId.BOOLEAN, 'BOOLEAN'],
  [DuckDBTypeId.TIMESTAMP_TZ, 'TIMESTAMP'],
  [DuckDBTypeId.TIMESTAMP, 'DATETIME'],
  [DuckDBTypeId.DATE, 'DATE'],
  [DuckDBTypeId.TIME, 'TIME'],
  [DuckDBTypeId.DECIMAL, 'NUMERIC'],
  [DuckDBTypeId.BLOB, 'BYTES'],
])

function typeName(type: DuckDBType): string {
  if (type.typeId === DuckDBTypeId.INTERVAL)
    throw invalidArgument('Columns of type INTERVAL are not served by the local cloud.')
  if (integerTypes.has(type.typeId)) return 'INTEGER'
  return typeNames.get(type.typeId) ?? (type.alias === 'JSON' ? 'JSON' : 'STRING')
}

/** One row of a result. Timestamps are integers: microseconds since the epoch. @throws INVALID_ARGUMENT for values that BigQuery's types can't hold. */
export const rowOf = (values: readonly DuckDBValue[], schema: readonly FieldSchema[]): Row => ({
  f: values.map((value, index) => cell(value, schema[index]!)),
})

function cell(value: DuckDBValue, field: FieldSchema): Cell {
  // BigQuery returns a NULL array as an empty one.
  if (field.mode === 'REPEATED') {
    const items = value instanceof DuckDBListValue ? value.items : []
    const one = { ...field, mode: 'NULLABLE' }
    return {
      v: items.map((item) => {
        if (item === null)
          throw invalidArgument(`Array cannot have a null element; error in writing field ${field.name}`)
        return cell(item, one)
      }),
    }
  }
  if (value === null || value === undefined) return { v: null }
  if (value instanceof DuckDBStructValue)
    return {
      v: {
        f: Object.values(value.entries).map((entry, index) => cell(entry, field.fields![index]!)),
      },
    }
  return { v: field.type === 'JSON' ? sortedJson(String(value)) : scalar(value, field.type === 'FLOAT') }
}

function scalar(value: DuckDBValue, isFloat: boolean): string {
  if (value instanceof DuckDBTimestampTZValue) return String(inRange(value.micros))
  if (value instanceof DuckDBTimestampValue) return dateTimeText(inRange(value.micros))
  if (value instanceof DuckDBTimeValue) return value.toString().replace(/\.\d+$/, (fraction) => fraction.padEnd(7, '0'))
  if (value instanceof DuckDBDateValue && date(value.toString()) === undefined) throw outOfRange('Date')
  if (value instanceof DuckDBDecimalValue) return numeric(value)
  if (value instanceof DuckDBBlobValue) return Buffer.from(value.bytes).toString('base64')
  if (isFloat && !Number.isFinite(value)) throw invalidArgument(`${NO_NAN}: the result has ${String(value)}`)
  if (Object.is(value, -0)) return '-0.0'
  if (isFloat && Number.isInteger(value) && Math.abs(Number(value)) < 1e15) return `${value}.0`
  if (typeof value === 'bigint' && BigInt.asIntN(64, value) !== value) throw invalidArgument(`int64 overflow: ${value}`)
  return String(value)
}

/** Of a NUMERIC, before the point. A SUM in DuckDB has more. */
const MAX_WHOLE_DIGITS = 29

/**
 * BigQuery's NUMERIC has nine digits after the point. Two such values multiplied have eighteen in DuckDB; BigQuery would have
 * rounded it, so a result with more than nine is refused.
 */
function numeric(value: DuckDBDecimalValue): string {
  const text = value.toString()
  if (text.replace(/\..*/, '').replace('-', '').length > MAX_WHOLE_DIGITS)
    throw invalidArgument(`numeric overflow: ${text}`)
  if (!text.includes('.')) return text
  const short = text.replace(/\.?0+$/, '')
  if ((short.split('.')[1]?.length ?? 0) > 9)
    throw invalidArgument(
      `NUMERIC with more than 9 digits after the point: ${short}: write CAST(… AS NUMERIC), which rounds.`,
    )
  return short
}

const outOfRange = (type: string): StatusError =>
  invalidArgument(`${type} value is out of allowed range: from 0001-01-01 to 9999-12-31.`)

function inRange(micros: bigint): bigint {
  if (micros < minTimestamp || micros > maxTimestamp) throw outOfRange('Timestamp')
  return micros
}
