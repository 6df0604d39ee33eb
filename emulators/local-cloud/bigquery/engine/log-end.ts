/** Whether DuckDB's log ends within a change: DuckDB reads all before it, and says nothing of the rest. */

import { closeSync, existsSync, fstatSync, openSync, readSync } from 'node:fs'

export const LOG_FILE = 'bigquery.duckdb.wal'

/**
 * The beginning of a log of version 2, which DuckDB 1.2 and later write: an object with its kind and its version. Behind it each
 * entry has its length and a checksum, with eight bytes each.
 */
const BEGINNING = Buffer.from('640062650002ffff', 'hex')
const ENTRY_HEAD_BYTES = 16
/** The entry that ends a change. */
const CHANGE_ENDS = Buffer.from('640064ffff', 'hex')

/** False for a log of another version, of which nothing is known. */
export function endsWithinChange(file: string): boolean {
  if (!existsSync(file)) return false
  const descriptor = openSync(file, 'r')
  try {
    const { size } = fstatSync(descriptor)
    const read = (at: number, bytes: number): Buffer => {
      const buffer = Buffer.alloc(Math.max(0, Math.min(bytes, size - at)))
      return buffer.subarray(0, readSync(descriptor, buffer, 0, buffer.length, at))
    }
    if (!read(0, BEGINNING.length).equals(BEGINNING)) return false
    let isWhole = true
    let at = BEGINNING.length
    while (at < size) {
      const head = read(at, ENTRY_HEAD_BYTES)
      if (head.length < ENTRY_HEAD_BYTES) return true
      const length = Number(head.readBigUInt64LE(0))
      at += ENTRY_HEAD_BYTES
      if (length > size - at) return true
      isWhole = length === CHANGE_ENDS.length && read(at, length).equals(CHANGE_ENDS)
      at += length
    }
    return !isWhole
  } finally {
    closeSync(descriptor)
  }
}
