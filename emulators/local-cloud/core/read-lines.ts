/** Reads a file line by line, so that it may be larger than the longest string. */

import { closeSync, existsSync, openSync, readSync } from 'node:fs'

const CHUNK_BYTES = 1024 * 1024
const NEWLINE = 0x0a

/** Hands each ended line to `take`; `torn` tells that the last one has no end. A file that is not there has no lines. */
export function readLines(
  file: string,
  take: (line: string, number: number) => void,
): { bytes: number; torn: boolean } {
  if (!existsSync(file)) return { bytes: 0, torn: false }
  const descriptor = openSync(file, 'r')
  const chunk = Buffer.alloc(CHUNK_BYTES)
  let begun: Buffer[] = []
  let bytes = 0
  let number = 0
  try {
    for (let read = readSync(descriptor, chunk); read > 0; read = readSync(descriptor, chunk)) {
      bytes += read
      let from = 0
      for (let end = chunk.indexOf(NEWLINE, from); end >= 0 && end < read; end = chunk.indexOf(NEWLINE, from)) {
        take(Buffer.concat([...begun, chunk.subarray(from, end)]).toString(), (number += 1))
        begun = []
        from = end + 1
      }
      // A copy, because the chunk is filled again.
      if (from < read) begun.push(Buffer.from(chunk.subarray(from, read)))
    }
  } finally {
    closeSync(descriptor)
  }
  return { bytes, torn: begun.length > 0 }
}
