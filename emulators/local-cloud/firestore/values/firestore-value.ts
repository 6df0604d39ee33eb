/** Firestore values as compact plain JSON, and Google's order over them. */

import { numericId } from './numeric-id.ts'

/**
 * An integer that fits a double exactly is a plain number, as most are; `i` holds the others, `d` every double.
 * `t` is whole seconds, `u` microseconds of a timestamp; `b` base64; `r` a full document name; `g` latitude, longitude.
 */
export type Value =
  | null
  | boolean
  | number
  | string
  | { readonly i: string }
  | { readonly d: number | string }
  | { readonly t: number; readonly u: number }
  | { readonly b: string }
  | { readonly r: string }
  | { readonly g: readonly [number, number] }
  | readonly Value[]
  | { readonly m: Fields }

export interface Fields {
  readonly [name: string]: Value
}

/** JSON has no NaN, infinities or negative zero: those are kept as text. */
export function double(value: number): Value {
  return { d: Number.isFinite(value) && !Object.is(value, -0) ? value : Object.is(value, -0) ? '-0' : String(value) }
}

export function integer(value: bigint): Value {
  const plain = Number(value)
  return Number.isSafeInteger(plain) ? plain : { i: value.toString() }
}

export const isNumber = (value: Value): boolean =>
  typeof value === 'number' || (isObject(value) && ('d' in value || 'i' in value))

export const isInteger = (value: Value): boolean => typeof value === 'number' || (isObject(value) && 'i' in value)

/** A bigint or number that JavaScript compares exactly with every other one. */
export function numeric(value: Value): number | bigint {
  if (typeof value === 'number') return value
  if (isObject(value) && 'i' in value) return BigInt(value.i)
  if (isObject(value) && 'd' in value) return Number(value.d)
  throw new TypeError(`not a number: ${JSON.stringify(value)}`)
}

export const isNan = (value: Value): boolean => isObject(value) && 'd' in value && value.d === 'NaN'

/** The elements of a vector: a map that says so in `__type__`. */
export function vectorOf(value: Value): readonly Value[] | undefined {
  if (!isObject(value) || !('m' in value) || value.m['__type__'] !== '__vector__') return undefined
  const elements = value.m['value']
  return Array.isArray(elements) ? elements : undefined
}

type Tagged = Exclude<Value, null | boolean | number | string | readonly Value[]>
export const isObject = (value: Value): value is Tagged =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Source: https://firebase.google.com/docs/firestore/manage-data/data-types#value_type_ordering */
export function typeOrder(value: Value): number {
  if (value === null) return 0
  if (typeof value === 'boolean') return 1
  if (typeof value === 'number') return 2
  if (typeof value === 'string') return 4
  if (!isObject(value)) return 8
  if ('i' in value || 'd' in value) return 2
  if ('t' in value) return 3
  if ('b' in value) return 5
  if ('r' in value) return 6
  if ('g' in value) return 7
  return vectorOf(value) ? 9 : 10
}

/** Negative, zero or positive; values of different types sort by type. Integers and doubles compare exactly. */
export function compareValues(left: Value, right: Value): number {
  const order = typeOrder(left)
  const difference = order - typeOrder(right)
  if (difference !== 0) return difference
  switch (order) {
    case 0:
      return 0
    case 1:
      return Number(left) - Number(right)
    case 2:
      return compareNumbers(left, right)
    case 4:
      return compareStrings(left as string, right as string)
    case 8:
      return compareArrays(left as readonly Value[], right as readonly Value[])
    case 9:
      return compareVectors(vectorOf(left) ?? [], vectorOf(right) ?? [])
  }
  return compareTagged(left as Tagged, right as Tagged)
}

function compareTagged(left: Tagged, right: Tagged): number {
  if ('t' in left && 't' in right) return left.t - right.t || left.u - right.u
  if ('b' in left && 'b' in right) return Buffer.compare(Buffer.from(left.b, 'base64'), Buffer.from(right.b, 'base64'))
  if ('r' in left && 'r' in right) return comparePaths(left.r, right.r)
  if ('g' in left && 'g' in right) return left.g[0] - right.g[0] || left.g[1] - right.g[1]
  if ('m' in left && 'm' in right) return compareMaps(left.m, right.m)
  return 0
}

function compareNumbers(left: Value, right: Value): number {
  const a = numeric(left)
  const b = numeric(right)
  if (Number.isNaN(a)) return Number.isNaN(b) ? 0 : -1
  if (Number.isNaN(b)) return 1
  return a < b ? -1 : a > b ? 1 : 0
}

/** By UTF-8 bytes: surrogates stand for code points above every other two-byte unit. */
export function compareStrings(left: string, right: string): number {
  if (left === right) return 0
  const length = Math.min(left.length, right.length)
  for (let at = 0; at < length; at++) {
    const a = left.charCodeAt(at)
    const b = right.charCodeAt(at)
    if (a === b) continue
    const surrogateA = a >= 0xd800 && a <= 0xdfff
    const surrogateB = b >= 0xd800 && b <= 0xdfff
    return surrogateA === surrogateB ? a - b : surrogateA ? 0x10000 - b : a - 0x10000
  }
  return left.length - right.length
}

/** Document names and paths compare segment by segment, so that `a/b` sorts before `a-/b`; numeric ids precede others. */
export function comparePaths(left: string, right: string): number {
  if (left === right) return 0
  const a = left.split('/')
  const b = right.split('/')
  const length = Math.min(a.length, b.length)
  for (let at = 0; at < length; at++) {
    const difference = compareIds(a[at] as string, b[at] as string)
    if (difference !== 0) return difference
  }
  return a.length - b.length
}

function compareIds(left: string, right: string): number {
  if (left === right) return 0
  const a = numericId(left)
  const b = numericId(right)
  if (a === undefined && b === undefined) return compareStrings(left, right)
  if (a === undefined || b === undefined) return a === undefined ? 1 : -1
  return a < b ? -1 : Number(a > b)
}

function compareArrays(left: readonly Value[], right: readonly Value[]): number {
  const length = Math.min(left.length, right.length)
  for (let at = 0; at < length; at++) {
    const difference = compareValues(left[at] as Value, right[at] as Value)
    if (difference !== 0) return difference
  }
  return left.length - right.length
}

const compareVectors = (left: readonly Value[], right: readonly Value[]): number =>
  left.length - right.length || compareArrays(left, right)

function compareMaps(left: Fields, right: Fields): number {
  const a = Object.keys(left).toSorted(compareStrings)
  const b = Object.keys(right).toSorted(compareStrings)
  const length = Math.min(a.length, b.length)
  for (let at = 0; at < length; at++) {
    const keyA = a[at] as string
    const keyB = b[at] as string
    const difference = compareStrings(keyA, keyB) || compareValues(left[keyA] as Value, right[keyB] as Value)
    if (difference !== 0) return difference
  }
  return a.length - b.length
}

/** Equal as a query sees it: 1 equals 1.0, NaN equals NaN. */
export const equalValues = (left: Value, right: Value): boolean => compareValues(left, right) === 0

/** Identical as stored: 1 is not 1.0, 0 is not -0. A write of identical fields changes nothing. */
export function identical(left: Value, right: Value): boolean {
  if (left === right) return true
  if (left === null || right === null || typeof left !== 'object' || typeof right !== 'object') return false
  if (Array.isArray(left) || Array.isArray(right)) {
    if (!Array.isArray(left) || !Array.isArray(right) || left.length !== right.length) return false
    return left.every((element, at) => identical(element, right[at] as Value))
  }
  if (isObject(left) && isObject(right)) {
    if ('m' in left && 'm' in right) return identicalFields(left.m, right.m)
    return JSON.stringify(left) === JSON.stringify(right)
  }
  return false
}

export function identicalFields(left: Fields, right: Fields): boolean {
  const names = Object.keys(left)
  if (names.length !== Object.keys(right).length) return false
  return names.every((name) => Object.hasOwn(right, name) && identical(left[name] as Value, right[name] as Value))
}
