/** Reads lines that are appended to log files, also across a rotation to `….1`. */

import { open } from 'node:fs/promises'
import { join } from 'node:path'

export interface LogReader {
  /** The complete lines that were appended to the file since the last call; at the first call, all of them. */
  read(file: string): Promise<string[]>
}

interface Position {
  readonly inode: number
  /** The end of the last complete line that was read. */
  readonly offset: number
}

const NEWLINE = 0x0a

export function logReader(folder: string): LogReader {
  const positions = new Map<string, Position>()
  return {
    async read(file) {
      const path = join(folder, file)
      const before = positions.get(file)
      const now = await linesAfter(path, before)
      positions.set(file, now.position)
      if (!before || now.position.inode === before.inode) return now.lines
      const rest = await linesAfter(`${path}.1`, before)
      // Another inode: the file was rotated more than once, and the lines between are lost.
      return rest.position.inode === before.inode ? [...rest.lines, ...now.lines] : now.lines
    },
  }
}

/** Reads from the start if the file is not the same as before. @throws ENOENT */
async function linesAfter(
  path: string,
  before: Position | undefined,
): Promise<{ lines: string[]; position: Position }> {
  const file = await open(path)
  try {
    const { ino: inode, size } = await file.stat()
    const start = before?.inode === inode && before.offset <= size ? before.offset : 0
    const bytes = Buffer.alloc(size - start)
    const { bytesRead } = await file.read(bytes, 0, bytes.length, start)
    const end = bytes.subarray(0, bytesRead).lastIndexOf(NEWLINE) + 1
    const lines = end === 0 ? [] : bytes.toString('utf8', 0, end - 1).split('\n')
    return { lines, position: { inode, offset: start + end } }
  } finally {
    await file.close()
  }
}
