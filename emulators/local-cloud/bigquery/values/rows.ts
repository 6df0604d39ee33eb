/** Rows in the REST API's form, `{f: [{v}]}`, whose scalar values are strings. */

import type { FieldSchema } from './records.ts'

export interface Cell {
  readonly v: unknown
}
export interface Row {
  readonly f: readonly Cell[]
}

/** BigQuery's name of a field without one, by its index from 0. */
export const unnamedField = (index: number): string => `_field_${index + 1}`

/** The same row with timestamps in seconds with a fraction, for clients that do not set useInt64Timestamp. */
export function inSeconds({ f }: Row, schema: readonly FieldSchema[]): Row {
  return { f: f.map((one, index) => cellInSeconds(one, schema[index]!)) }
}

function cellInSeconds(one: Cell, field: FieldSchema): Cell {
  if (one.v === null || (field.type !== 'TIMESTAMP' && !field.fields)) return one
  if (Array.isArray(one.v)) {
    const element = { ...field, mode: 'NULLABLE' }
    return { v: (one.v as Cell[]).map((item) => cellInSeconds(item, element)) }
  }
  return { v: field.fields ? inSeconds(one.v as Row, field.fields) : secondsOf(BigInt(one.v as string)) }
}

function secondsOf(micros: bigint): string {
  const size = micros < 0n ? -micros : micros
  return `${micros < 0n ? '-' : ''}${size / 1_000_000n}.${String(size % 1_000_000n).padStart(6, '0')}`
}
