/** Reads scalar values from their texts, as rows and query parameters bring them. Each function returns undefined for a text that is not of its type. */
// https://cloud.google.com/bigquery/docs/reference/standard-sql/data-types

import { invalidArgument, type StatusError } from '../../core/status.ts'

/** BigQuery's names of scalar types, those of the API and those of GoogleSQL → one name for each type. */
const typeNames: Readonly<Record<string, string>> = {
  INTEGER: 'INT64',
  FLOAT: 'FLOAT64',
  BOOLEAN: 'BOOL',
  RECORD: 'STRUCT',
  DECIMAL: 'NUMERIC',
  BIGDECIMAL: 'BIGNUMERIC',
}
/** The type of a value that may be NULL: it fits every column. */
export const UNTYPED = 'UNTYPED'

/** Its 76 digits have no equal in DuckDB. */
export const noBigNumeric = (): StatusError =>
  invalidArgument('BIGNUMERIC is not served by the local cloud: use NUMERIC, of 38 digits, 9 of them after the point.')

export function typeOf(written: string): string {
  const name = written.toUpperCase()
  return typeNames[name] ?? name
}

export function int64(text: string): bigint | undefined {
  // Nineteen digits and a sign; more would take long to read and not fit.
  const value = /^[+-]?\d{1,19}$/.test(text) ? BigInt(text.replace('+', '')) : undefined
  return value !== undefined && BigInt.asIntN(64, value) === value ? value : undefined
}

/** Refused: DuckDB compares and sorts them otherwise than BigQuery. */
export const noNaN = (text: string): string | undefined =>
  /^[+-]?(nan|inf|infinity)$/i.test(text.trim()) ? NO_NAN : undefined

export const NO_NAN = 'FLOAT64 has no NaN and no Infinity in the local cloud: write NULL'

export function float64(text: string): number | undefined {
  const value = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text.trim()) ? Number(text) : Number.NaN
  return Number.isFinite(value) ? value : undefined
}

export function bool(text: string): boolean | undefined {
  return /^(true|false)$/i.test(text) ? text.toLowerCase() === 'true' : undefined
}

/** Base64, also of the kind for URLs, with or without padding. */
export function bytes(text: string): Buffer | undefined {
  const digits = text.replace(/={0,2}$/, '')
  const isBase64 = /^(?:[A-Za-z0-9+/]*|[A-Za-z0-9_-]*)$/.test(digits) && digits.length % 4 !== 1
  return isBase64 && (digits.length === text.length || text.length % 4 === 0)
    ? Buffer.from(digits, 'base64')
    : undefined
}

const MICROS_PER_SECOND = 1_000_000n
const MICROS_PER_DAY = 86_400n * MICROS_PER_SECOND
const MS_PER_DAY = 86_400_000

/** @returns the days since 1970-01-01, for a date from 0001-01-01 to 9999-12-31. */
export function date(text: string): number | undefined {
  const [, year, month, day] = /^(\d{4})-(\d{1,2})-(\d{1,2})$/.exec(text) ?? []
  if (year === undefined) return undefined
  const time = new Date(0)
  time.setUTCFullYear(Number(year), Number(month) - 1, Number(day))
  // 2026-02-30 would become the second of March.
  const isDate = time.getUTCMonth() === Number(month) - 1 && time.getUTCDate() === Number(day) && Number(year) > 0
  return isDate ? time.getTime() / MS_PER_DAY : undefined
}

/** @returns the microseconds since midnight. */
export function time(text: string): bigint | undefined {
  const [, hour, minute, second, fraction = ''] = /^(\d{1,2}):(\d{1,2}):(\d{1,2})(?:\.(\d{0,6}))?$/.exec(text) ?? []
  if (hour === undefined || Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) return undefined
  const seconds = (BigInt(hour) * 60n + BigInt(minute!)) * 60n + BigInt(second!)
  return seconds * MICROS_PER_SECOND + BigInt(fraction.padEnd(6, '0'))
}

/** @returns the microseconds since 1970-01-01 00:00:00. */
export function datetime(text: string): bigint | undefined {
  const [, day, clock = '0:0:0'] = /^(\S+?)(?:[Tt ]\s*(\S+))?$/.exec(text.trim()) ?? []
  const days = day === undefined ? undefined : date(day)
  const micros = time(clock)
  return days === undefined || micros === undefined ? undefined : BigInt(days) * MICROS_PER_DAY + micros
}

export const minTimestamp = BigInt(date('0001-01-01')!) * MICROS_PER_DAY
export const maxTimestamp = BigInt(date('9999-12-31')! + 1) * MICROS_PER_DAY - 1n

/** @returns the microseconds since the epoch. Zones are `Z`, `UTC` and offsets; a text without a zone is UTC. */
export function timestamp(text: string): bigint | undefined {
  const [, local, zone = 'Z'] = /^(.*?)\s*(Z|UTC|[+-]\d{1,2}(?::?\d{2})?)?$/i.exec(text.trim())!
  // The end of `2026-01-02` looks like an offset.
  const isDate = date(text.trim()) !== undefined
  const micros = datetime(isDate ? text : local!)
  if (micros === undefined) return undefined
  const [, sign, hours = '0', minutes = '0'] = (!isDate && /^([+-])(\d{1,2}):?(\d{2})?$/.exec(zone)) || []
  if (Number(hours) > 14 || Number(minutes) > 59) return undefined
  const offset = (BigInt(hours) * 60n + BigInt(minutes)) * 60n * MICROS_PER_SECOND
  const result = sign === '-' ? micros + offset : micros - offset
  return result < minTimestamp || result > maxTimestamp ? undefined : result
}

/** A decimal number: the integer `digits` over 10 to the power of `scale`. */
export interface Decimal {
  readonly digits: bigint
  readonly scale: number
}

/** Digits and exponents beyond this fit no NUMERIC, and would take long to read. */
const MAX_DECIMAL_CHARACTERS = 100

export function decimal(text: string): Decimal | undefined {
  const [, sign, whole = '', fraction = '', exponent = '0'] =
    /^([+-]?)(\d*)\.?(\d*)(?:[eE]([+-]?\d{1,3}))?$/.exec(text.trim()) ?? []
  if (sign === undefined || (whole === '' && fraction === '') || text.length > MAX_DECIMAL_CHARACTERS) return undefined
  const scale = fraction.length - Number(exponent)
  if (Math.abs(scale) > MAX_DECIMAL_CHARACTERS) return undefined
  const digits = BigInt(`${whole}${fraction}`) * (scale < 0 ? 10n ** BigInt(-scale) : 1n)
  let found: Decimal = { digits: sign === '-' ? -digits : digits, scale: Math.max(scale, 0) }
  while (found.scale > 0 && found.digits % 10n === 0n) found = { digits: found.digits / 10n, scale: found.scale - 1 }
  return found
}

/** The same number with this many digits after the point, halves rounded away from zero. */
export function withScale({ digits, scale }: Decimal, wanted: number): bigint {
  if (scale <= wanted) return digits * 10n ** BigInt(wanted - scale)
  const unit = 10n ** BigInt(scale - wanted)
  const half = digits < 0n ? -unit / 2n : unit / 2n
  return (digits + half) / unit
}

/** `2026-01-31T23:30:00.123456`. */
export function dateTimeText(micros: bigint): string {
  const rest = ((micros % MICROS_PER_SECOND) + MICROS_PER_SECOND) % MICROS_PER_SECOND
  const second = new Date(Number((micros - rest) / 1000n)).toISOString().slice(0, 19)
  return rest === 0n ? second : `${second}.${String(rest).padStart(6, '0')}`
}
