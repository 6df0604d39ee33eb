/** Plain values as Firestore's protocol has them: https://cloud.google.com/firestore/docs/reference/rpc/google.firestore.v1#value */

import type { protos } from '@google-cloud/firestore-api'

type Messages = typeof protos.google.firestore.v1
export type Write = Parameters<Messages['Write']['create']>[0] & object
export type Value = protos.google.firestore.v1.IValue
export type Fields = Readonly<Record<string, unknown>>
export type StoredFields = Record<string, Value>

/** A field without a value is left out. @throws TypeError for a value that is no JSON and no time. */
export function toFields(fields: Fields): StoredFields {
  const stored: StoredFields = {}
  for (const [name, value] of Object.entries(fields)) if (value !== undefined) stored[name] = toValue(value)
  return stored
}

/** @throws TypeError for a value that is no JSON and no time. */
export function toValue(value: unknown): Value {
  if (value === null) return { nullValue: 'NULL_VALUE' }
  if (typeof value === 'string') return { stringValue: value }
  if (typeof value === 'boolean') return { booleanValue: value }
  if (typeof value === 'number')
    // Firestore's integers have no negative zero.
    return Number.isSafeInteger(value) && !Object.is(value, -0) ? { integerValue: value } : { doubleValue: value }
  if (Array.isArray(value))
    return { arrayValue: { values: value.filter((one) => one !== undefined).map((one) => toValue(one)) } }
  if (value instanceof Date) return { timestampValue: timestampAt(value.getTime()) }
  if (isPlain(value)) return { mapValue: { fields: toFields(value) } }
  throw new TypeError(`A document does not hold ${describe(value)}: it holds JSON and times.`)
}

export function fromFields(stored: StoredFields | null | undefined): Record<string, unknown> {
  const fields: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(stored ?? {}))
    // A field named __proto__ is one more field.
    Object.defineProperty(fields, name, {
      value: fromValue(value),
      enumerable: true,
      writable: true,
      configurable: true,
    })
  return fields
}

/** @throws TypeError for a value of another type, which the platform does not write. */
function fromValue(value: Value): unknown {
  if (value.stringValue != null) return value.stringValue
  if (value.integerValue != null) return Number(value.integerValue)
  if (value.booleanValue != null) return value.booleanValue
  if (value.mapValue) return fromFields(value.mapValue.fields)
  if (value.arrayValue) return (value.arrayValue.values ?? []).map((one) => fromValue(one))
  if (value.nullValue != null) return null
  if (value.doubleValue != null) return Number(value.doubleValue)
  if (value.timestampValue)
    return new Date(Number(value.timestampValue.seconds) * 1_000 + (value.timestampValue.nanos ?? 0) / 1e6)
  throw new TypeError(`A document holds ${Object.keys(value).join(', ') || 'an empty value'}, which no service writes.`)
}

/** Of a write: about as many bytes as it has in a request. */
export function sizeOf({ update, updateTransforms }: Write): number {
  const lists = (updateTransforms ?? []).map(({ appendMissingElements }) => appendMissingElements?.values ?? [])
  return sizeOfFields(update?.fields) + sizeOfAll(lists.flat())
}

const sizeOfFields = (fields: StoredFields | null | undefined): number =>
  Object.entries(fields ?? {}).reduce((sum, [name, value]) => sum + Buffer.byteLength(name) + sizeOfValue(value), 0)

const sizeOfAll = (values: readonly Value[]): number => values.reduce((sum, value) => sum + sizeOfValue(value), 0)

/** A number, a truth value or a time is small. */
const sizeOfValue = ({ stringValue, mapValue, arrayValue }: Value): number =>
  (stringValue == null ? 8 : Buffer.byteLength(stringValue)) +
  sizeOfFields(mapValue?.fields) +
  sizeOfAll(arrayValue?.values ?? [])

/** The paths of all values that are no maps, and of empty maps: a merge replaces exactly these. */
export function leafPaths(fields: Fields, above = ''): string[] {
  return Object.entries(fields).flatMap(([name, value]) => {
    if (value === undefined) return []
    const path = `${above}${fieldPath(name)}`
    const inner = isPlain(value) ? leafPaths(value, `${path}.`) : []
    return inner.length > 0 ? inner : [path]
  })
}

/** The name of one field as a path; a dot in it separates nothing. */
export const fieldPath = (name: string): string =>
  /^[a-zA-Z_][\w]*$/.test(name) ? name : `\`${name.replaceAll('\\', '\\\\').replaceAll('`', '\\`')}\``

function isPlain(value: unknown): value is Fields {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

const timestampAt = (ms: number): { seconds: number; nanos: number } => {
  const seconds = Math.floor(ms / 1_000)
  return { seconds, nanos: (ms - seconds * 1_000) * 1_000_000 }
}

const describe = (value: unknown): string =>
  typeof value === 'object' ? (value?.constructor.name ?? 'an object') : typeof value
