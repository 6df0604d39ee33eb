/** OTLP/HTTP requests, protobuf or JSON, plain or gzipped: https://opentelemetry.io/docs/specs/otlp/ */

import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import protobuf, { type Type } from 'protobufjs'
import { z } from 'zod'
import { parseJson } from '../../core/json.ts'
import { invalidArgument, StatusError } from '../../core/status.ts'
import { limits } from './limits.ts'

export type Signal = 'Trace' | 'Metrics'
type Encoding = 'json' | 'protobuf'

export interface Body {
  readonly encoding: Encoding
  /** As the JSON mapping has it: ids in hex, 64-bit integers as text or number. */
  readonly message: unknown
}

let root: protobuf.Root | undefined
/** Loaded at the first protobuf request: the platform's services send JSON. */
const typeNamed = (name: string): Type =>
  (root ??= protobuf.parse(readFileSync(new URL('./otlp.proto', import.meta.url), 'utf8')).root).lookupType(name)

/** @throws UNIMPLEMENTED for another content type, INVALID_ARGUMENT for a body that is not of its declared type. */
export function readBody(
  signal: Signal,
  bytes: Buffer,
  headers: { readonly type: string | undefined; readonly encoding: string | undefined },
): Body {
  const encoding = encodingOf(headers.type)
  const plain = unpacked(bytes, headers.encoding)
  try {
    if (encoding === 'json') return { encoding, message: parseJson(plain.toString('utf8')) }
    const type = typeNamed(`${signal}Request`)
    return { encoding, message: withHexIds(type.toObject(type.decode(plain), { longs: String, bytes: Buffer })) }
  } catch (error) {
    throw invalidArgument(`The body is no ${encoding} of OTLP: ${(error as Error).message}.`)
  }
}

export function encodingOf(contentType: string | undefined): Encoding {
  const [type] = (contentType ?? '').split(';')
  if (type?.trim() === 'application/json') return 'json'
  if (type?.trim() === 'application/x-protobuf') return 'protobuf'
  throw new StatusError(
    'UNIMPLEMENTED',
    `OTLP comes as application/json or application/x-protobuf, not as "${contentType ?? ''}".`,
  )
}

function unpacked(bytes: Buffer, contentEncoding: string | undefined): Buffer {
  if (contentEncoding === undefined || contentEncoding === 'identity') return bytes
  if (contentEncoding !== 'gzip')
    throw new StatusError('UNIMPLEMENTED', `The encoding "${contentEncoding}" is not served: gzip is.`)
  try {
    return gunzipSync(bytes, { maxOutputLength: limits.requestBytes })
  } catch (error) {
    throw invalidArgument(
      `The body is not gzip, or holds more than ${limits.requestBytes} bytes: ${(error as Error).message}.`,
    )
  }
}

/** The JSON mapping of OTLP writes ids in hex, not in base64. */
function withHexIds(value: unknown): unknown {
  if (Buffer.isBuffer(value)) return value.toString('hex')
  if (Array.isArray(value)) return value.map(withHexIds)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, withHexIds(field)]))
}

/** The answer, with the number of rejected items and the reason. */
export function writeAnswer(
  signal: Signal,
  encoding: Encoding,
  rejected: number,
  reason: string,
): Uint8Array<ArrayBuffer> {
  const count = signal === 'Trace' ? 'rejectedSpans' : 'rejectedDataPoints'
  if (encoding === 'json')
    return bytesOf(
      JSON.stringify(rejected === 0 ? {} : { partialSuccess: { [count]: String(rejected), errorMessage: reason } }),
    )
  const message = rejected === 0 ? {} : { partialSuccess: { rejected, errorMessage: reason } }
  return Uint8Array.from(typeNamed(`${signal}Response`).encode(message).finish())
}

/** A `google.rpc.Status`, in the encoding of the request. */
export function writeStatus(
  encoding: Encoding,
  status: { readonly code: number; readonly message: string },
): Uint8Array<ArrayBuffer> {
  return encoding === 'json'
    ? bytesOf(JSON.stringify(status))
    : Uint8Array.from(typeNamed('RpcStatus').encode(status).finish())
}

const bytesOf = (text: string): Uint8Array<ArrayBuffer> => Uint8Array.from(Buffer.from(text))

export type Value = string | number | boolean | readonly Value[] | { readonly [key: string]: Value }
export type Attributes = Readonly<Record<string, Value>>

/** Nanoseconds since the epoch, beyond the exact range of a number, as milliseconds. */
function millis(nanos: unknown): number | undefined {
  const isTime =
    typeof nanos === 'number' ? Number.isSafeInteger(nanos) : typeof nanos === 'string' && /^\d{1,20}$/.test(nanos)
  return isTime ? Number(BigInt(nanos as string) / 1_000n) / 1_000 : undefined
}

/** Parsed without a schema, as spans below: there are many, and a schema takes ten times as long. */
function attributesIn(pairs: unknown): Attributes {
  const attributes: [string, Value][] = []
  for (const pair of Array.isArray(pairs) ? (pairs as { key?: unknown; value?: unknown }[]) : []) {
    const value = valueIn(pair?.value)
    if (typeof pair?.key === 'string' && value !== undefined) attributes.push([pair.key, value])
  }
  // Not assigned one by one: a key __proto__ would set the prototype.
  return Object.fromEntries(attributes)
}

function valueIn(any: unknown): Value | undefined {
  if (typeof any !== 'object' || any === null) return undefined
  const { stringValue, boolValue, intValue, doubleValue, bytesValue, arrayValue, kvlistValue } = any as Record<
    string,
    unknown
  >
  if (typeof stringValue === 'string') return stringValue
  if (typeof boolValue === 'boolean') return boolValue
  if (intValue !== undefined) return Number(intValue)
  if (doubleValue !== undefined) return Number(doubleValue)
  if (typeof bytesValue === 'string') return bytesValue
  if (kvlistValue) return attributesIn((kvlistValue as { values?: unknown }).values)
  const values = (arrayValue as { values?: unknown } | undefined)?.values
  return Array.isArray(values) ? values.map(valueIn).filter((one) => one !== undefined) : undefined
}

/** Absent when empty: protobuf leaves out empty lists. */
const keyValues = z.unknown().optional().transform(attributesIn)
const resource = z.looseObject({ attributes: keyValues }).default({ attributes: {} })

export interface OtlpSpan {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly name: string
  readonly kind: number
  readonly startMs: number
  readonly endMs: number
  readonly attributes: Attributes
  readonly events: readonly { readonly name: string; readonly atMs: number; readonly attributes: Attributes }[]
  readonly status: { readonly code: number; readonly message: string }
}

export const traceRequest = z.looseObject({
  resourceSpans: z
    .array(
      z.looseObject({
        resource,
        scopeSpans: z.array(z.looseObject({ spans: z.array(z.unknown()).default([]) })).default([]),
      }),
    )
    .default([]),
})

const isId = (value: unknown, digits: number): value is string =>
  typeof value === 'string' && value.length === digits && /^[0-9a-f]+$/i.test(value) && !/^0+$/.test(value)
const textIn = (value: unknown): string => (typeof value === 'string' ? value : '')

/** Parses spans one by one, so that a malformed span does not lose the others of its request. */
export function readSpan(given: unknown): OtlpSpan | undefined {
  if (typeof given !== 'object' || given === null) return undefined
  const span = given as Record<string, unknown>
  const { traceId, spanId, parentSpanId } = span
  const startMs = millis(span['startTimeUnixNano'])
  const endMs = millis(span['endTimeUnixNano'])
  if (!isId(traceId, 32) || !isId(spanId, 16) || startMs === undefined || endMs === undefined) return undefined
  const { code, message } = (span['status'] ?? {}) as { code?: unknown; message?: unknown }
  const events = Array.isArray(span['events']) ? (span['events'] as Record<string, unknown>[]) : []
  return {
    traceId: traceId.toLowerCase(),
    spanId: spanId.toLowerCase(),
    ...(isId(parentSpanId, 16) ? { parentSpanId: parentSpanId.toLowerCase() } : {}),
    name: textIn(span['name']),
    kind: Number(span['kind'] ?? 0),
    startMs,
    endMs,
    attributes: attributesIn(span['attributes']),
    events: events.map((event) => ({
      name: textIn(event['name']),
      atMs: millis(event['timeUnixNano']) ?? startMs,
      attributes: attributesIn(event['attributes']),
    })),
    status: { code: Number(code ?? 0), message: textIn(message) },
  }
}

const integer = z.union([z.string().regex(/^-?\d{1,20}$/), z.number()]).transform(Number)
const nanos = z.unknown().transform((value, context): number => {
  const read = millis(value)
  if (read === undefined) context.addIssue({ code: 'custom', message: `no time in nanoseconds: ${String(value)}` })
  return read ?? 0
})

const point = z.looseObject({
  attributes: keyValues,
  startTimeUnixNano: z
    .unknown()
    .optional()
    .transform((value) => millis(value) ?? 0),
  timeUnixNano: nanos,
})
const number = point.extend({ asDouble: z.number().optional(), asInt: integer.optional() })
const histogram = point.extend({
  count: integer,
  sum: z.number().default(0),
  bucketCounts: z.array(integer).default([]),
  explicitBounds: z.array(z.number()).default([]),
})
export type NumberPoint = z.output<typeof number>
export type HistogramPoint = z.output<typeof histogram>

const points = <P extends z.ZodType>(one: P) =>
  z.looseObject({ dataPoints: z.array(one).default([]), aggregationTemporality: z.int().default(0) })

export const metricsRequest = z.looseObject({
  resourceMetrics: z
    .array(
      z.looseObject({
        resource,
        scopeMetrics: z
          .array(
            z.looseObject({
              metrics: z
                .array(
                  z.looseObject({
                    name: z.string().min(1).max(255),
                    description: z.string().default(''),
                    unit: z.string().default(''),
                    gauge: points(number).optional(),
                    sum: points(number).optional(),
                    histogram: points(histogram).optional(),
                  }),
                )
                .default([]),
            }),
          )
          .default([]),
      }),
    )
    .default([]),
})
export type OtlpMetric = z.output<
  typeof metricsRequest
>['resourceMetrics'][number]['scopeMetrics'][number]['metrics'][number]
/** https://opentelemetry.io/docs/specs/otel/metrics/data-model/#temporality */
export const DELTA = 1
