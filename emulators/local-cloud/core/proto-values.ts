/** The well-known protobuf values as the transport shapes them: durations, timestamps, bytes and field masks. */

import { invalidArgument } from './status.ts'

/** A duration, or a timestamp since the epoch. 64-bit integers are text: see README.md. */
export interface ProtoTime {
  readonly seconds?: string | number | null
  readonly nanos?: number | null
}

/** The values that clients send for an unset time. */
export type MaybeTime = ProtoTime | null | undefined

/** In milliseconds; finer parts are cut off. */
export const msOf = ({ seconds, nanos }: ProtoTime): number =>
  Number(seconds ?? 0) * 1000 + Math.floor((nanos ?? 0) / 1e6)

/** The same; undefined when it is not set. */
export const maybeMs = (time: MaybeTime): number | undefined => (time ? msOf(time) : undefined)

export function protoTime(ms: number): { seconds: string; nanos: number } {
  const seconds = Math.floor(ms / 1000)
  return { seconds: String(seconds), nanos: Math.round((ms - seconds * 1000) * 1e6) }
}

/** How Google writes a duration in its messages: `600s`. */
export const durationText = (ms: number): string => `${ms / 1000}s`

/** The first and the last second of a timestamp: the years 1 to 9999. */
const FIRST_SECOND = -62_135_596_800
const LAST_SECOND = 253_402_300_799

/**
 * A timestamp as whole seconds and microseconds; finer parts are cut off.
 * @throws INVALID_ARGUMENT outside of the years 1 to 9999.
 */
export function microsecondsOf(timestamp: ProtoTime): { readonly seconds: number; readonly micros: number } {
  const seconds = Number(timestamp.seconds ?? 0)
  const nanos = timestamp.nanos ?? 0
  const isValid = Number.isInteger(seconds) && seconds >= FIRST_SECOND && seconds <= LAST_SECOND
  if (!isValid || nanos < 0 || nanos > 999_999_999) {
    throw invalidArgument(
      `Timestamp ${JSON.stringify(timestamp)} is outside 0001-01-01T00:00:00Z to 9999-12-31T23:59:59.999999999Z.`,
    )
  }
  return { seconds, micros: Math.floor(nanos / 1000) }
}

/** Microseconds since the epoch. @throws INVALID_ARGUMENT outside of the years 1 to 9999. */
export function microsOf(timestamp: ProtoTime): number {
  const { seconds, micros } = microsecondsOf(timestamp)
  return seconds * 1_000_000 + micros
}

export function protoTimeOfMicros(micros: number): { seconds: string; nanos: number } {
  const seconds = Math.floor(micros / 1_000_000)
  return { seconds: String(seconds), nanos: (micros - seconds * 1_000_000) * 1000 }
}

export type Bytes = Uint8Array | null | undefined

/** Absent bytes are empty ones. */
export const bytesOf = (value: Bytes): Buffer => Buffer.from(value ?? [])

export type Mask = { readonly paths?: readonly string[] } | null | undefined

/** Paths of a field mask in lowerCamelCase; none when it is absent. */
export const maskPaths = (mask: Mask): string[] =>
  (mask?.paths ?? [])
    .filter((path) => path !== '')
    .map((path) => path.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()))
