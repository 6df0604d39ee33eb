/** Between Google's messages, as the transport shapes them, and the values kept here. */

import { invalidArgument } from '../core/status.ts'
import { limits } from './limits.ts'
import { type Fields, type Value, double, integer, isObject } from './value.ts'

export interface WireTimestamp {
  readonly seconds?: unknown
  readonly nanos?: unknown
}

export interface WireValue {
  // A oneof: which key is present says the type.
  readonly [type: string]: unknown
}

export type WireFields = Readonly<Record<string, WireValue>>

const given = (value: unknown): boolean => value !== undefined && value !== null

/** Microseconds since the epoch; Firestore keeps no finer time. */
export function microsOf(timestamp: WireTimestamp | string): number {
  const { t, u } = timestampOf(timestamp)
  return t * 1_000_000 + u
}

export function timestampFrom(micros: number): { seconds: string; nanos: number } {
  const seconds = Math.floor(micros / 1_000_000)
  return { seconds: String(seconds), nanos: (micros - seconds * 1_000_000) * 1000 }
}

export const microsValue = (micros: number): Value => {
  const seconds = Math.floor(micros / 1_000_000)
  return { t: seconds, u: micros - seconds * 1_000_000 }
}

const FIRST_SECOND = -62_135_596_800
const LAST_SECOND = 253_402_300_799

function timestampOf(timestamp: WireTimestamp | string): { t: number; u: number } {
  if (typeof timestamp === 'string') return timestampOfText(timestamp)
  const seconds = Number(String(timestamp.seconds ?? 0))
  const nanos = Number(timestamp.nanos ?? 0)
  if (
    !Number.isInteger(seconds) ||
    seconds < FIRST_SECOND ||
    seconds > LAST_SECOND ||
    nanos < 0 ||
    nanos > 999_999_999
  ) {
    throw invalidArgument(
      `Timestamp ${JSON.stringify(timestamp)} is outside 0001-01-01T00:00:00Z to 9999-12-31T23:59:59.999999999Z.`,
    )
  }
  return { t: seconds, u: Math.floor(nanos / 1000) }
}

function timestampOfText(text: string): { t: number; u: number } {
  const fraction = /\.(\d+)/.exec(text)?.[1] ?? ''
  const ms = Date.parse(text.replace(/\.\d+/, ''))
  if (Number.isNaN(ms)) throw invalidArgument(`Timestamp "${text}" is not RFC 3339, such as 2026-01-31T12:00:00Z.`)
  return { t: Math.floor(ms / 1000), u: Number(fraction.padEnd(6, '0').slice(0, 6)) }
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
    throw invalidArgument(`Property name "${name.slice(0, 80)}…" is longer than ${limits.fieldNameBytes} bytes.`)
  }
}

export function decodeValue(wire: WireValue): Value {
  if (given(wire['stringValue'])) return String(wire['stringValue'])
  if (given(wire['integerValue'])) return decodeInteger(wire['integerValue'])
  if (given(wire['booleanValue'])) return Boolean(wire['booleanValue'])
  if (given(wire['doubleValue'])) return double(Number(wire['doubleValue']))
  if (given(wire['mapValue'])) return decodeMap(wire['mapValue'] as { fields?: WireFields })
  if (given(wire['arrayValue'])) return decodeArray((wire['arrayValue'] as { values?: WireValue[] }).values ?? [])
  if (given(wire['timestampValue'])) return timestampOf(wire['timestampValue'] as WireTimestamp | string)
  if (given(wire['bytesValue'])) return { b: bytesOf(wire['bytesValue']).toString('base64') }
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

/** Bytes come as a buffer, or as base64 from JSON. */
export function bytesOf(value: unknown): Buffer {
  if (typeof value === 'string') return Buffer.from(value, 'base64')
  return value instanceof Uint8Array ? Buffer.from(value) : Buffer.alloc(0)
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
