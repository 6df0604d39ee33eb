/** Proto3 JSON to messages and back, as strict as Google's front end: an unknown field or value is refused by name. */

import protobuf, { type Field, type Type } from 'protobufjs'
import { fromProto3JSON, toProto3JSON } from 'proto3-json-serializer'
import { badJson, parseJson } from '../json.ts'
import type { StatusError } from '../status.ts'
import { isDuration, timestampOf } from './times.ts'

export type Json = Record<string, unknown>

/** @throws INVALID_ARGUMENT when the text is no JSON object; an empty one is `{}`. */
export function parseBody(text: string): Json {
  if (text.trim() === '') return {}
  const parsed = parseJson(text)
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw badJson('Root element must be a message.')
  }
  return parsed as Json
}

export function messageOf(type: Type, json: Json): protobuf.Message {
  const checked = check(type, json, '')
  try {
    return fromProto3JSON(type, checked as never) as protobuf.Message
  } catch (error) {
    throw badJson((error as Error).message)
  }
}

export function jsonOf(type: Type, response: unknown): unknown {
  return withoutEmptyMaps(type, toProto3JSON(type.fromObject(response as Json)))
}

/** Google leaves them out, as it does every field that holds nothing. */
function withoutEmptyMaps(type: Type, json: unknown): unknown {
  if (type.fullName.startsWith('.google.protobuf.') || typeof json !== 'object' || json === null) return json
  const kept: Json = {}
  for (const [name, value] of Object.entries(json)) {
    const field = fieldOf(type, name)
    if (field?.map && Object.keys(value as object).length === 0) continue
    const child = field?.resolvedType
    kept[name] =
      field && child instanceof protobuf.Type ? within(field, value, (one) => withoutEmptyMaps(child, one)) : value
  }
  return kept
}

/** Each message of a field, whether it is one, a list or a map of them. */
function within(field: Field, value: unknown, change: (one: unknown, at: string) => unknown): unknown {
  if (field.repeated && Array.isArray(value)) return value.map((one, index) => change(one, `[${index}]`))
  if (!field.map || typeof value !== 'object' || value === null) return change(value, '')
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, change(one, `[${key}]`)]))
}

/** Sets the field that a path or query parameter names: `topic.name`, also in the proto's own spelling. */
export function setParameter(json: Json, type: Type, path: string, values: readonly string[]): void {
  const [head, ...rest] = path.split('.') as [string, ...string[]]
  const field = fieldOf(type, head)
  if (!field) {
    throw badJson(
      `Unknown name "${path}": Cannot bind query parameter. Field '${path}' could not be found in request message.`,
    )
  }
  if (rest.length > 0 && field.resolvedType instanceof protobuf.Type) {
    const inner = (json[field.name] ??= {})
    if (typeof inner !== 'object') throw badValue(field.resolvedType, inner, field.name)
    setParameter(inner as Json, field.resolvedType, rest.join('.'), values)
    return
  }
  json[field.name] = field.repeated ? values.map((text) => scalar(field, text)) : scalar(field, values.at(-1)!)
}

function scalar(field: Field, text: string): unknown {
  if (field.type === 'bool' && (text === 'true' || text === 'false')) return text === 'true'
  const isNumber = ['int32', 'uint32', 'double', 'float'].includes(field.type) && text !== ''
  return isNumber && !Number.isNaN(Number(text)) ? Number(text) : text
}

/** The same JSON under the names of protobufjs, which would silently drop unknown fields. */
function check(type: Type, json: unknown, path: string): unknown {
  if (type.fullName === '.google.protobuf.FieldMask') return typeof json === 'string' ? snakeCase(json) : json
  if (json === null) return json
  if (type.fullName === '.google.protobuf.Timestamp') return timestampOf(json) ?? refuse(type, json, path)
  if (type.fullName === '.google.protobuf.Duration') return isDuration(json) ? json : refuse(type, json, path)
  if (type.fullName.startsWith('.google.protobuf.')) return json
  if (typeof json !== 'object' || Array.isArray(json)) {
    throw badValue(type, json, path)
  }
  const checked = Object.fromEntries(
    Object.entries(json).flatMap(([name, value]) => {
      const field = fieldOf(type, name)
      if (!field) throw badJson(`Unknown name "${name}"${path === '' ? '' : ` at '${path}'`}: Cannot find field.`, path)
      // Null is a field that is not set.
      if (value === null && !field.resolvedType && !field.repeated && !field.map) return []
      return [[field.name, checkField(field, value, path === '' ? name : `${path}.${name}`)]]
    }),
  )
  checkOneofs(type, checked, path)
  return checked
}

/** The serializer would keep the last field of a oneof. */
function checkOneofs(type: Type, checked: Json, path: string): void {
  for (const { name, fieldsArray } of type.oneofsArray) {
    const [, second] = fieldsArray.filter((field) => isSet(field, checked[field.name]))
    if (!second) continue
    const place = path === '' ? 'Invalid value' : `Invalid value at '${path}'`
    throw badJson(`${place} (oneof), oneof field '${name}' is already set. Cannot set '${second.name}'`, path)
  }
}

/** Null is a field that is not set, except the one value of NullValue. */
const isSet = ({ resolvedType }: Field, value: unknown): boolean =>
  value === null ? resolvedType?.fullName === '.google.protobuf.NullValue' : value !== undefined

function checkField(field: Field, value: unknown, path: string): unknown {
  const { resolvedType } = field
  if (value === null) return value
  // The serializer would set the prototype of the map and lose the entry.
  if (field.map && typeof value === 'object' && Object.hasOwn(value, '__proto__'))
    throw badJson(`The local cloud takes no map key "__proto__" at '${path}' by REST: send it by gRPC.`, path)
  return within(field, value, (one, at) =>
    resolvedType instanceof protobuf.Type
      ? check(resolvedType, one, path + at)
      : resolvedType
        ? checkEnum(resolvedType, one, path + at)
        : checkScalar(field.type, one, path + at),
  )
}

/** The serializer would round a fraction, cut a number to its bits, and drop letters that are not base64. */
function checkScalar(type: string, value: unknown, path: string): unknown {
  if (value === null || isScalar(type, value)) return value
  throw badJson(`Invalid value at '${path}' (TYPE_${type.toUpperCase()}), ${shownValue(value)}`, path)
}

function isScalar(type: string, value: unknown): boolean {
  switch (type) {
    case 'bool':
      return typeof value === 'boolean'
    case 'string':
      return typeof value === 'string'
    case 'bytes':
      return typeof value === 'string' && /^[\w+/-]*={0,2}$/.test(value) && value.replace(/=+$/, '').length % 4 !== 1
    case 'double':
    case 'float':
      return typeof value === 'number' || (typeof value === 'string' && /^(NaN|-?Infinity|-?\d.*)$/.test(value))
    default:
      return isWhole(type, value)
  }
}

/** `int64`, `uint32`, `fixed64` and the like: a number, or its digits as a text. */
function isWhole(type: string, value: unknown): boolean {
  const isWritten = typeof value === 'string' ? /^-?\d{1,20}$/.test(value) : Number.isSafeInteger(value)
  if (!isWritten) return false
  const whole = BigInt(value as string | number)
  const bits = type.endsWith('64') ? 64 : 32
  return whole === (/^[uf]/.test(type) ? BigInt.asUintN(bits, whole) : BigInt.asIntN(bits, whole))
}

function checkEnum(type: protobuf.Enum, value: unknown, path: string): unknown {
  if (typeof value !== 'string' || Object.hasOwn(type.values, value)) return value
  throw badValue(type, value, path)
}

/** A field by its JSON name or the proto's. */
function fieldOf(type: Type, name: string): Field | undefined {
  const known = [name, camelCase(name)].find((one) => Object.hasOwn(type.fields, one))
  return known === undefined ? undefined : type.fields[known]!.resolve()
}

/** As much of a value as a refusal repeats. */
const SHOWN_CHARACTERS = 200

function refuse(type: Type, value: unknown, path: string): never {
  throw badValue(type, value, path)
}

function badValue(type: Type | protobuf.Enum, value: unknown, path: string): StatusError {
  const name = type.fullName.replace('.', '/')
  return badJson(`Invalid value at '${path}' (type.googleapis.com${name}), ${shownValue(value)}`, path)
}

const shownValue = (value: unknown): string => JSON.stringify(value).slice(0, SHOWN_CHARACTERS)

export const camelCase = (name: string): string =>
  name.replaceAll(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())

/** A mask's JSON is in camel case, its paths in the message are not. */
const snakeCase = (mask: string): string => mask.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
