/** Deliveries and calls for tests and people, oldest first, in memory that callers cannot grow beyond its limits. */

import type { RequestLogEntry } from './plugin.ts'

export const limits = {
  entries: 100_000,
  /** The approximate size of all entries together. */
  bytes: 32 * 1024 * 1024,
  /** The length of a URL, name or address in an entry. */
  textCharacters: 500,
} as const

/** The memory of an entry besides its texts. */
const ENTRY_BYTES = 150
/** So much of the log is forgotten at once when it is full. */
const FORGOTTEN_SHARE = 1 / 10

export interface RequestLog {
  readonly entries: readonly RequestLogEntry[]
  add(entry: RequestLogEntry): void
}

export function createRequestLog(): RequestLog {
  const entries: RequestLogEntry[] = []
  let bytes = 0
  const forgetOldest = (): void => {
    const forgotten = entries.splice(0, Math.ceil(entries.length * FORGOTTEN_SHARE))
    for (const entry of forgotten) bytes -= sizeOf(entry)
  }
  return {
    entries,
    add(given) {
      const entry = shortened(given)
      entries.push(entry)
      bytes += sizeOf(entry)
      while (entries.length > limits.entries || bytes > limits.bytes) forgetOldest()
    },
  }
}

const isLong = (value: unknown): value is string => typeof value === 'string' && value.length > limits.textCharacters

/** The entry itself, as nearly all are, or one whose long texts end in an ellipsis. */
function shortened(entry: RequestLogEntry): RequestLogEntry {
  if (!Object.values(entry).some(isLong)) return entry
  const short = Object.entries(entry).map(([name, value]: [string, unknown]) => [
    name,
    isLong(value) ? `${value.slice(0, limits.textCharacters)}…` : value,
  ])
  return Object.fromEntries(short) as RequestLogEntry
}

/** Two bytes a character, as an engine may keep it. */
const sizeOf = ({ resource, target = '', email = '', messageId = '' }: RequestLogEntry): number =>
  ENTRY_BYTES + 2 * (resource.length + target.length + email.length + messageId.length)
