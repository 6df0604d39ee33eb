/** Between Google's messages, as the transport shapes them, and the values kept here. */

import { bytesOf, microsecondsOf, type ProtoTime } from '../../core/proto-values.ts'
import { invalidArgument } from '../../core/status.ts'
import { limits } from './limits.ts'
import { type Fields, type Value, double, integer, isObject } from './firestore-value.ts'

export interface WireValue {
  // A oneof: which key is present says the type.
  readonly [type: string]: unknown
}

export type WireFields = Readonly<Record<string, WireValue>>

const given = (value: unknown): boolean => value !== undefined && value !== null

export const microsValue = (micros: number): Value => {
  const seconds = Math.floor(micros / 1_000_000)
  return { t: seconds, u: micros - seconds * 1_000_000 }
}

/** Firestore keeps no finer time than microseconds. */
function timestampOf(timestamp: ProtoTime): Value {
  const { seconds, micros } = microsecondsOf(timestamp)
  return { t: seconds, u: micros }
}

export function decodeFields(fields: WireFields | undefined | null): Fields {
  const result: Record<string, Value> = {}
  for (const [name, value] of Object.entries(fields ?? {})) {
    checkFieldName(name)
    result[name] = decodeValue(value)
  }
  return result
}

/** @throws INVALID_ARGUMENT for an empty, reserved or overlong name. */
export function checkFieldName(name: string): void {
  if (name === '') throw invalidArgument('Property name is the empty string.')
  // `__type__` marks vectors, the one reserved name that clients send.
  if (/^__.*__$/s.test(name) && name !== '__type__') throw invalidArgument(`field name ${name} is reserved`)
  if (Buffer.byteLength(name) > limits.fieldNameBytes) {
    throw invalidArgument(
      `Property name "${name.slice(0, limits.shownCharacters)}…" is longer than ${limits.fieldNameBytes} bytes.`,
    )
  }
}

export function decodeValue(wire: WireValue): Value {
  if (given(wire['stringValue'])) return String(wire['stringValue'])
  if (given(wire['integerValue'])) return decodeInteger(wire['integerValue'])
  if (given(wire['booleanValue'])) return Boolean(wire['booleanValue'])
  if (given(wire['doubleValue'])) return double(Number(wire['doubleValue']))
  if (given(wire['mapValue'])) return decodeMap(wire['mapValue'] as { fields?: WireFields })
  if (given(wire['arrayValue'])) return decodeArray((wire['arrayValue'] as { values?: WireValue[] }).values ?? [])
  if (given(wire['timestampValue'])) return timestampOf(wire['timestampValue'] as ProtoTime)
  if (given(wire['bytesValue'])) return { b: bytesOf(wire['bytesValue'] as Uint8Array).toString('base64') }
  if (given(wire['referenceValue'])) return decodeReference(String(wire['referenceValue']))
  if (given(wire['geoPointValue']))
    return decodeGeoPoint(wire['geoPointValue'] as { latitude?: number; longitude?: number })
  if ('nullValue' in wire) return null
  throw invalidArgument(`Cannot convert firestore.v1.Value with type ${Object.keys(wire)[0] ?? 'unset'}.`)
}

function decodeInteger(value: unknown): Value {
  const parsed = BigInt(String(value))
  if (BigInt.asIntN(64, parsed) !== parsed) throw invalidArgument(`Integer ${parsed} does not fit 64 bits.`)
  return integer(parsed)
}

function decodeArray(values: readonly WireValue[]): Value {
  return values.map((value) => {
    if (given(value['arrayValue'])) throw invalidArgument('Cannot convert an array value in an array value.')
    return decodeValue(value)
  })
}

function decodeMap(map: { fields?: WireFields }): Value {
  const fields = decodeFields(map.fields)
  if (Object.hasOwn(fields, '__type__') && fields['__type__'] !== '__vector__') {
    throw invalidArgument('field name __type__ is reserved')
  }
  return { m: fields }
}

function decodeReference(name: string): Value {
  if (!/^projects\/[^/]+\/databases\/[^/]+\/documents\/.+/s.test(name)) {
    throw invalidArgument(`Reference "${name}" is no document name.`)
  }
  return { r: name }
}

function decodeGeoPoint({ latitude = 0, longitude = 0 }: { latitude?: number; longitude?: number }): Value {
  if (!(Math.abs(latitude) <= 90)) throw invalidArgument(`Latitude ${latitude} is outside [-90, 90].`)
  if (!(Math.abs(longitude) <= 180)) throw invalidArgument(`Longitude ${longitude} is outside [-180, 180].`)
  return { g: [latitude, longitude] }
}

export function encodeFields(fields: Fields): Record<string, WireValue> {
  const result: Record<string, WireValue> = {}
  for (const [name, value] of Object.entries(fields)) result[name] = encodeValue(value)
  return result
}

export function encodeValue(value: Value): WireValue {
  if (value === null) return { nullValue: 'NULL_VALUE' }
  if (typeof value === 'boolean') return { booleanValue: value }
  if (typeof value === 'number') return { integerValue: String(value) }
  if (typeof value === 'string') return { stringValue: value }
  if (!isObject(value)) return { arrayValue: { values: value.map(encodeValue) } }
  if ('i' in value) return { integerValue: value.i }
  if ('d' in value) return { doubleValue: Number(value.d) }
  if ('t' in value) return { timestampValue: { seconds: String(value.t), nanos: value.u * 1000 } }
  if ('b' in value) return { bytesValue: Buffer.from(value.b, 'base64') }
  if ('r' in value) return { referenceValue: value.r }
  if ('g' in value) return { geoPointValue: { latitude: value.g[0], longitude: value.g[1] } }
  return { mapValue: { fields: encodeFields(value.m) } }
}
