/** Reads and changes fields by path. Changes return copies. */

import type { FieldPath } from './paths.ts'
import { type Fields, type Value, isObject } from './firestore-value.ts'

export function getField(fields: Fields, path: FieldPath): Value | undefined {
  let here: Fields = fields
  for (let at = 0; at < path.length; at++) {
    const name = path[at] as string
    if (!Object.hasOwn(here, name)) return undefined
    const value = here[name] as Value
    if (at === path.length - 1) return value
    if (!isObject(value) || !('m' in value)) return undefined
    here = value.m
  }
  return undefined
}

/** Creates missing maps on the path, and replaces a scalar on it by a map. */
export function setField(fields: Fields, path: FieldPath, value: Value): Fields {
  const [name, ...rest] = path as [string, ...string[]]
  if (rest.length === 0) return { ...fields, [name]: value }
  return { ...fields, [name]: { m: setField(mapAt(fields, name) ?? {}, rest, value) } }
}

export function deleteField(fields: Fields, path: FieldPath): Fields {
  const [name, ...rest] = path as [string, ...string[]]
  if (!Object.hasOwn(fields, name)) return fields
  if (rest.length === 0) {
    const { [name]: _gone, ...others } = fields
    return others
  }
  const inner = mapAt(fields, name)
  return inner ? { ...fields, [name]: { m: deleteField(inner, rest) } } : fields
}

function mapAt(fields: Fields, name: string): Fields | undefined {
  const value = Object.hasOwn(fields, name) ? fields[name] : undefined
  return value !== undefined && isObject(value) && 'm' in value ? value.m : undefined
}

/** Only the fields at these paths, for a document mask or a projection. */
export function project(fields: Fields, paths: readonly FieldPath[]): Fields {
  let result: Fields = {}
  for (const path of paths) {
    const value = getField(fields, path)
    if (value !== undefined) result = setField(result, path, value)
  }
  return result
}
