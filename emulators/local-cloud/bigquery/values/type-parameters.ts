/** The parameters of a column's type: `STRING(3)`, `NUMERIC(10, 2)`. */
// https://cloud.google.com/bigquery/docs/reference/standard-sql/data-types#parameterized_data_types

import { shown } from './limits.ts'
import { invalidArgument } from '../../core/status.ts'
import type { FieldSchema } from './records.ts'
import { typeOf } from './scalars.ts'

/** NUMERIC has 29 digits before the point. */
const MAX_WHOLE_DIGITS = 29
const MAX_SCALE = 9

interface TypeParameters {
  /** Characters of a STRING, bytes of BYTES. */
  readonly maxLength?: number
  readonly precision?: number
  readonly scale?: number
  readonly isGiven: boolean
}

export function parameterOf({ maxLength, precision, scale }: FieldSchema): TypeParameters {
  if (maxLength !== undefined) return { maxLength: Number(maxLength), isGiven: true }
  if (precision !== undefined) return { precision: Number(precision), scale: Number(scale ?? 0), isGiven: true }
  return { isGiven: false }
}

/** `STRING(3)`. */
export function typeName(field: FieldSchema): string {
  const { maxLength, precision, scale } = parameterOf(field)
  const given = maxLength !== undefined ? `(${maxLength})` : precision !== undefined ? `(${precision}, ${scale})` : ''
  return `${typeOf(field.type)}${given}`
}

/** @throws INVALID_ARGUMENT for parameters that the type does not take. */
export function checkParameters(field: FieldSchema): void {
  const type = typeOf(field.type)
  const { name, maxLength, precision, scale } = field
  for (const [option, value] of Object.entries({ maxLength, precision, scale }))
    if (value !== undefined && !/^\d{1,9}$/.test(String(value)))
      throw invalidArgument(`Invalid value for ${option} of field ${name}: "${shown(value)}" is not a whole number.`)
  if (maxLength !== undefined && ((type !== 'STRING' && type !== 'BYTES') || Number(maxLength) < 1))
    throw invalidArgument(
      `Field ${name}: maxLength takes a positive number, and a type of STRING or BYTES, not ${type}.`,
    )
  if (precision === undefined && scale === undefined) return
  if (type !== 'NUMERIC')
    throw invalidArgument(`Field ${name}: precision and scale need a type of NUMERIC, not ${type}.`)
  if (precision === undefined) throw invalidArgument(`Field ${name}: scale needs a precision.`)
  const digits = Number(scale ?? 0)
  if (digits > MAX_SCALE || Number(precision) < Math.max(1, digits) || Number(precision) > MAX_WHOLE_DIGITS + digits)
    throw invalidArgument(
      `Field ${name}: ${typeName(field)} is not served by the local cloud, which takes a scale of at most ${MAX_SCALE} and at most ${MAX_WHOLE_DIGITS} digits before the point.`,
    )
}
