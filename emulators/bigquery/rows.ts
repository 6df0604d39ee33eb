/** Results as BigQuery's REST has them: a schema, and rows of `f` cells whose `v` are texts. */

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
import type { FieldSchema } from './records.ts'

export interface Cell {
  readonly v: unknown
}

const integers = new Set([
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

export function fieldOf(name: string, type: DuckDBType): FieldSchema {
  if (type.typeId === DuckDBTypeId.LIST)
    return { ...fieldOf(name, (type as unknown as { valueType: DuckDBType }).valueType), mode: 'REPEATED' }
  if (type.typeId === DuckDBTypeId.STRUCT) {
    const { entryNames, entryTypes } = type as unknown as { entryNames: string[]; entryTypes: DuckDBType[] }
    return {
      name,
      type: 'RECORD',
      mode: 'NULLABLE',
      fields: entryNames.map((entry, index) => fieldOf(entry, entryTypes[index]!)),
    }
  }
  return { name, type: typeName(type), mode: 'NULLABLE' }
}

const names: ReadonlyMap<DuckDBTypeId, string> = new Map([
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
  if (integers.has(type.typeId)) return 'INTEGER'
  return names.get(type.typeId) ?? (type.alias === 'JSON' ? 'JSON' : 'STRING')
}

/** `microseconds`: timestamps as whole microseconds, as clients ask with useInt64Timestamp; else as seconds with a fraction. */
export function cell(value: DuckDBValue, microseconds: boolean): Cell {
  if (value === null || value === undefined) return { v: null }
  if (value instanceof DuckDBListValue) return { v: value.items.map((item) => cell(item, microseconds)) }
  if (value instanceof DuckDBStructValue)
    return { v: { f: Object.values(value.entries).map((entry) => cell(entry, microseconds)) } }
  if (value instanceof DuckDBTimestampTZValue)
    return { v: microseconds ? String(value.micros) : secondsOf(value.micros) }
  if (value instanceof DuckDBTimestampValue)
    return { v: new Date(Number(value.micros / 1000n)).toISOString().slice(0, 23) }
  if (value instanceof DuckDBDateValue || value instanceof DuckDBTimeValue) return { v: value.toString() }
  if (value instanceof DuckDBDecimalValue)
    return {
      v: value
        .toString()
        .replace(/(\.\d*?)0+$/, '$1')
        .replace(/\.$/, ''),
    }
  if (value instanceof DuckDBBlobValue) return { v: Buffer.from(value.bytes).toString('base64') }
  if (typeof value === 'number')
    return {
      v:
        Number.isInteger(value) && Math.abs(value) < 1e15
          ? `${value}.0`.replace(/\.0$/, Number.isInteger(value) ? '' : '.0')
          : String(value),
    }
  return { v: String(value) }
}

function secondsOf(micros: bigint): string {
  const whole = micros / 1_000_000n
  const rest = micros % 1_000_000n
  return `${whole}.${String(rest < 0n ? -rest : rest).padStart(6, '0')}`
}
