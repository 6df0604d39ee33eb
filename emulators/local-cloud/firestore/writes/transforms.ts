/** Field transforms: values that the server computes on write. */

import { invalidArgument } from '../../core/status.ts'
import { getField, setField } from '../values/field-access.ts'
import { type FieldPath, parseFieldPath } from '../values/paths.ts'
import {
  type Fields,
  type Value,
  compareValues,
  double,
  equalValues,
  integer,
  isInteger,
  isNumber,
  numeric,
} from '../values/firestore-value.ts'
import { type WireValue, decodeValue, microsValue } from '../values/proto-codec.ts'

interface WireArray {
  readonly values?: readonly WireValue[]
}

export interface WireTransform {
  readonly fieldPath?: string
  readonly setToServerValue?: string | number | null
  readonly increment?: WireValue | null
  readonly maximum?: WireValue | null
  readonly minimum?: WireValue | null
  readonly appendMissingElements?: WireArray | null
  readonly removeAllFromArray?: WireArray | null
}

export interface Transform {
  readonly field: FieldPath
  /** The value to store, from the stored one. */
  readonly compute: (before: Value | undefined, commitMicros: number) => Value
  /** Array transforms answer null. */
  readonly answersNull: boolean
}

export function parseTransform(wire: WireTransform): Transform {
  const field = parseFieldPath(wire.fieldPath ?? '')
  const transform = (compute: Transform['compute'], answersNull = false): Transform => ({ field, compute, answersNull })
  if (wire.increment) return transform(increment(operand(wire.increment)))
  if (wire.maximum) return transform(extreme(operand(wire.maximum), 1))
  if (wire.minimum) return transform(extreme(operand(wire.minimum), -1))
  if (wire.appendMissingElements) return transform(append(elements(wire.appendMissingElements)), true)
  if (wire.removeAllFromArray) return transform(removeAll(elements(wire.removeAllFromArray)), true)
  if (wire.setToServerValue === 'REQUEST_TIME') {
    // Google keeps a server timestamp in milliseconds, unlike the commit's own time.
    return transform((_before, commitMicros) => microsValue(Math.floor(commitMicros / 1000) * 1000))
  }
  throw invalidArgument(`Transform of "${wire.fieldPath}" has no known type.`)
}

function operand(wire: WireValue): Value {
  const value = decodeValue(wire)
  if (!isNumber(value)) throw invalidArgument('Input must be int64 or double.')
  return value
}

const elements = ({ values = [] }: WireArray): readonly Value[] =>
  decodeValue({ arrayValue: { values } }) as readonly Value[]

const MAX_INT64 = 2n ** 63n - 1n
const MIN_INT64 = -(2n ** 63n)

/** Integers saturate at 64 bits; one double makes the result a double. A value that is no number is replaced. */
const increment =
  (by: Value) =>
  (before: Value | undefined): Value => {
    if (before === undefined || !isNumber(before)) return by
    if (!isInteger(before) || !isInteger(by)) return double(Number(numeric(before)) + Number(numeric(by)))
    const total = BigInt(numeric(before)) + BigInt(numeric(by))
    return integer(total > MAX_INT64 ? MAX_INT64 : total < MIN_INT64 ? MIN_INT64 : total)
  }

/** Equal numbers keep the stored value, also when one is an integer and the other a double. */
const extreme =
  (value: Value, sign: 1 | -1) =>
  (before: Value | undefined): Value =>
    before === undefined || !isNumber(before) || compareValues(value, before) * sign > 0 ? value : before

const append =
  (values: readonly Value[]) =>
  (before: Value | undefined): Value => {
    const result: Value[] = Array.isArray(before) ? [...before] : []
    for (const value of values) if (!result.some((one) => equalValues(one, value))) result.push(value)
    return result
  }

const removeAll =
  (values: readonly Value[]) =>
  (before: Value | undefined): Value =>
    Array.isArray(before) ? before.filter((one: Value) => !values.some((value) => equalValues(one, value))) : []

export function applyTransforms(
  fields: Fields,
  transforms: readonly Transform[],
  commitMicros: number,
): { readonly fields: Fields; readonly results: Value[] } {
  const results: Value[] = []
  let after = fields
  for (const { field, compute, answersNull } of transforms) {
    const value = compute(getField(after, field), commitMicros)
    after = setField(after, field, value)
    results.push(answersNull ? null : value)
  }
  return { fields: after, results }
}
