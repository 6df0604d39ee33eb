/** Reads and writes the well-known protobuf values as the transport shapes them: durations, timestamps, bytes, masks. */

import { invalidArgument } from '../core/status.ts'

export interface Seconds {
  readonly seconds: string
  readonly nanos: number
}

/** `{seconds, nanos}` or `"10s"`, in milliseconds; undefined when it is not set. */
export function durationMs(value: unknown, field: string): number | undefined {
  if (value === undefined || value === null) return undefined
  if (typeof value === 'string') {
    const match = /^(-?\d+(?:\.\d{1,9})?)s$/.exec(value)
    if (!match) throw invalidArgument(`Invalid value for ${field}: "${value}" is not a duration such as "10s".`)
    return Math.round(Number(match[1]) * 1000)
  }
  const { seconds = 0, nanos = 0 } = value as { seconds?: string | number; nanos?: number }
  return Number(seconds) * 1000 + Math.round(Number(nanos ?? 0) / 1e6)
}

/** `{seconds, nanos}` or an RFC 3339 text, in milliseconds since the epoch. */
export function timestampMs(value: unknown, field: string): number | undefined {
  if (typeof value !== 'string') return durationMs(value, field)
  const parsed = Date.parse(value)
  if (Number.isNaN(parsed))
    throw invalidArgument(`Invalid value for ${field}: "${value}" is not an RFC 3339 timestamp.`)
  return parsed
}

/** A duration or a timestamp as protobuf has it. */
export function protoTime(ms: number): Seconds {
  const seconds = Math.floor(ms / 1000)
  return { seconds: String(seconds), nanos: Math.round((ms - seconds * 1000) * 1e6) }
}

/** How Google writes a duration in its messages: `600s`. */
export const durationText = (ms: number): string => `${ms / 1000}s`

/** Bytes come as Buffer over gRPC and may come as base64 over REST; kept as base64, which is what push sends. */
export function base64Of(value: unknown): string {
  if (value === undefined || value === null) return ''
  if (typeof value === 'string') return Buffer.from(value, 'base64').toString('base64')
  return Buffer.from(value as Uint8Array).toString('base64')
}

export function base64Bytes(base64: string): number {
  const padding = base64.endsWith('==') ? 2 : base64.endsWith('=') ? 1 : 0
  return (base64.length / 4) * 3 - padding
}

/** `{paths: […]}` or `"a,b"`, each in camelCase, nested ones cut to their first part. */
export function maskFields(mask: unknown): string[] {
  const paths = typeof mask === 'string' ? mask.split(',') : ((mask as { paths?: string[] } | null)?.paths ?? [])
  const fields = paths.filter((path) => path !== '').map((path) => camelCase(path.split('.')[0]!))
  return [...new Set(fields)]
}

const camelCase = (name: string): string => name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())

export const byteLength = (text: string): number => Buffer.byteLength(text)
