/** Checks a row against its table's schema, and converts it for the engine. A value that does not fit is refused in BigQuery's words. */

import { nestsDeeper } from '../../core/json.ts'
import { invalidArgument } from '../../core/status.ts'
import { limits, shown } from './limits.ts'
import type { FieldSchema } from './records.ts'
import { inexactNumber, sortedJson } from './json-text.ts'
import { repeatsMember } from './members.ts'
import * as scalars from './scalars.ts'
import { parameterOf, typeName } from './type-parameters.ts'

export type Row = Readonly<Record<string, unknown>>

/** A value that does not fit. */
export interface RowFault {
  readonly message: string
  /** The path of the field: `address.zip`. */
  readonly location: string
}
class Misfit extends Error {
  readonly location: string
  constructor(message: string, location: string) {
    super(message)
    this.location = location
  }
}

/** The faulty value of a row; undefined for a row that fits. */
export function rowFault(row: Row, fields: readonly FieldSchema[]): RowFault | undefined {
  try {
    record(row, fields, '')
    return undefined
  } catch (error) {
    if (error instanceof Misfit) return { message: error.message, location: error.location }
    throw error
  }
}

/**
 * The row with every field of the schema, also inside records: a missing field is NULL, or an empty array if it is repeated.
 * Names are compared without regard to case. @throws INVALID_ARGUMENT for a value that does not fit.
 */
export function checkedRow(row: Row, fields: readonly FieldSchema[]): Record<string, unknown> {
  try {
    return record(row, fields, '')
  } catch (error) {
    throw error instanceof Misfit ? invalidArgument(error.message) : error
  }
}

/** The row without fields that its schema lacks, also inside records. */
export function withoutUnknown(row: Row, fields: readonly FieldSchema[]): Record<string, unknown> {
  const known = new Map(fields.map((field) => [field.name.toLowerCase(), field]))
  const entries = Object.entries(row).flatMap(([name, value]): [string, unknown][] => {
    const field = known.get(name.toLowerCase())
    if (!field) return []
    const inner = (one: unknown): unknown => (field.fields && isObject(one) ? withoutUnknown(one, field.fields) : one)
    return [[name, Array.isArray(value) ? value.map(inner) : inner(value)]]
  })
  return Object.fromEntries(entries)
}

const isObject = (value: unknown): value is Row => typeof value === 'object' && value !== null && !Array.isArray(value)

function record(row: Row, fields: readonly FieldSchema[], path: string): Record<string, unknown> {
  const given = new Map(Object.entries(row).map(([name, value]) => [name.toLowerCase(), { name, value }]))
  const result: Record<string, unknown> = {}
  for (const field of fields) {
    const place = path + field.name
    result[field.name] = anyValue(given.get(field.name.toLowerCase())?.value ?? null, field, place)
    given.delete(field.name.toLowerCase())
  }
  const [unknown] = given.values()
  if (unknown) throw new Misfit(`no such field: ${path}${unknown.name}.`, path + unknown.name)
  return result
}

function anyValue(value: unknown, field: FieldSchema, place: string): unknown {
  const mode = field.mode?.toUpperCase()
  if (mode === 'REPEATED') {
    if (value === null) return []
    if (!Array.isArray(value))
      throw new Misfit(`Repeated field must be imported as a JSON array. Field: ${place}.`, place)
    return value.map((item: unknown) => {
      if (item === null)
        throw new Misfit(`Only optional fields can be set to NULL. Field: ${place}; Value: NULL`, place)
      return oneValue(item, field, place)
    })
  }
  if (value === null) {
    if (mode === 'REQUIRED') throw new Misfit(`Missing required field: ${place}.`, place)
    return null
  }
  return oneValue(value, field, place)
}

function oneValue(value: unknown, field: FieldSchema, place: string): unknown {
  const type = scalars.typeOf(field.type)
  if (type === 'JSON') return json(value, place)
  if (Array.isArray(value)) throw new Misfit(`Array specified for non-repeated field: ${place}.`, place)
  if (field.fields) {
    if (!isObject(value)) throw new Misfit(`Cannot convert value to a record (bad value): ${shown(value)}`, place)
    return record(value, field.fields, `${place}.`)
  }
  if (isObject(value)) throw new Misfit(`This field: ${place} is not a record.`, place)
  return scalar(value as string | number | boolean, type, field, place)
}

/** @param value a value, or the value's JSON text @returns the text: as a value, a JSON null would be NULL, and numbers would lose digits */
function json(value: unknown, place: string): string {
  // Sorted, since the engine does not sort what TO_JSON_STRING writes.
  if (typeof value !== 'string') return sortedJson(JSON.stringify(value))
  if (nestsDeeper(value, limits.jsonNesting))
    throw new Misfit(`A JSON value nests deeper than ${limits.jsonNesting} levels.`, place)
  const inexact = inexactNumber(value)
  if (inexact !== undefined)
    throw new Misfit(
      `The local cloud stores no JSON number that neither INT64, UINT64 nor FLOAT64 holds: ${shown(inexact)}: write a text.`,
      place,
    )
  const parsed = parsedJson(value, place)
  if (repeatsMember(value, parsed))
    throw new Misfit(
      `The local cloud stores no JSON with two members of one name in an object, of which BigQuery keeps the first: ${shown(value)}`,
      place,
    )
  return sortedJson(value)
}

function parsedJson(value: string, place: string): unknown {
  try {
    return JSON.parse(value)
  } catch {
    throw new Misfit(`Invalid JSON: ${shown(value)}: the text of a JSON column must be JSON.`, place)
  }
}

function scalar(value: string | number | boolean, type: string, field: FieldSchema, place: string): unknown {
  const text = String(value)
  const fitting = <T>(found: T | undefined, message: string): T => {
    if (found === undefined) throw new Misfit(message, place)
    return found
  }
  const isNumber = typeof value === 'number'
  const notBoolean = typeof value === 'boolean' ? undefined : text
  switch (type) {
    case 'INT64': {
      // A JSON number beyond 2^53 has lost digits by now.
      if (isNumber && Math.abs(value) > Number.MAX_SAFE_INTEGER)
        throw new Misfit(`Cannot convert value to integer (bad value): ${text}: send it as a string.`, place)
      const found = notBoolean === undefined ? undefined : scalars.int64(text)
      return String(fitting(found, `Cannot convert value to integer (bad value): ${shown(text)}`))
    }
    case 'FLOAT64': {
      const found = notBoolean === undefined ? undefined : scalars.float64(text)
      const float = fitting(
        found,
        scalars.noNaN(text) ?? `Cannot convert value to floating point (bad value): ${shown(text)}`,
      )
      // As JSON, -0 has no sign.
      return Object.is(float, -0) ? '-0.0' : float
    }
    case 'BOOL':
      return fitting(
        isNumber ? undefined : scalars.bool(text),
        `Cannot convert value to boolean (bad value): ${shown(text)}`,
      )
    case 'BYTES': {
      const found = typeof value === 'string' ? scalars.bytes(value) : undefined
      const content = fitting(found, 'Failed to decode bytes input. Byte fields must be base64 encoded.')
      checkLength(content.length, field, place)
      // The engine's text of bytes.
      return content.toString('hex').replaceAll(/../g, String.raw`\x$&`)
    }
    case 'STRING':
      checkLength(Array.from(text).length, field, place)
      return text
    case 'NUMERIC': {
      const found = notBoolean === undefined ? undefined : scalars.decimal(text)
      return numeric(fitting(found, `Invalid ${type} value: ${shown(text)}`), field, place)
    }
    case 'DATE':
      fitting(scalars.date(text), `Invalid date: '${shown(text)}'`)
      return text
    case 'TIME':
      fitting(scalars.time(text), `Invalid time string "${shown(text)}"`)
      return text
    case 'DATETIME':
      return scalars.dateTimeText(fitting(scalars.datetime(text), `Invalid datetime string "${shown(text)}"`))
    case 'TIMESTAMP': {
      const format = 'Required format is YYYY-MM-DD HH:MM:SS[.SSSSSS], followed by Z, UTC or an offset'
      const found = isNumber || /^-?\d+(\.\d+)?$/.test(text) ? secondsOf(text) : scalars.timestamp(text)
      return `${scalars.dateTimeText(fitting(found, `Could not parse '${shown(text)}' as a timestamp. ${format}`))}Z`
    }
    default:
      throw new Misfit(`Columns of type ${type} are not served by the local cloud.`, place)
  }
}

/** A number is in seconds since the epoch. */
function secondsOf(text: string): bigint | undefined {
  const seconds = scalars.decimal(text)
  const micros = seconds && scalars.withScale(seconds, 6)
  return micros === undefined || micros < scalars.minTimestamp || micros > scalars.maxTimestamp ? undefined : micros
}

function checkLength(length: number, field: FieldSchema, place: string): void {
  const { maxLength } = parameterOf(field)
  if (maxLength === undefined || length <= maxLength) return
  throw new Misfit(
    `${typeName(field)} has maximum length ${maxLength} but got a value with length ${length} in field ${place}`,
    place,
  )
}

/** As text. A column with a scale rounds to it; any other column refuses a tenth digit after the point. */
function numeric(value: scalars.Decimal, field: FieldSchema, place: string): string {
  const { precision = 38, scale = 9, isGiven } = parameterOf(field)
  const digits = scalars.withScale(value, scale)
  const size = digits < 0n ? -digits : digits
  if (size >= 10n ** BigInt(precision) || (!isGiven && value.scale > scale))
    throw new Misfit(
      `${typeName(field)} has precision ${precision} and scale ${scale} but got the value ${numericText(value)} in field ${place}`,
      place,
    )
  return numericText({ digits, scale })
}

function numericText({ digits, scale }: scalars.Decimal): string {
  const size = String(digits < 0n ? -digits : digits).padStart(scale + 1, '0')
  const point = scale === 0 ? '' : `.${size.slice(size.length - scale)}`
  return `${digits < 0n ? '-' : ''}${size.slice(0, size.length - scale)}${point}`
}
