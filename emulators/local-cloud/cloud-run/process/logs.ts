/** Writes the output of the services to log files, one for each, and rotates a file that has grown large. */

import { renameSync, statSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { join } from 'node:path'
import { closeState, STATE_FILE_MODE } from '../../core/state-files.ts'
import { limits } from '../values/limits.ts'

export interface LogKeeper {
  /** Returns at once: the lines of one turn of the event loop are written together. */
  write(service: string, line: string): void
  /** Once every line is written. */
  close(): Promise<void>
}

/** A file stays open for further lines so long. Deleted by hand, it is made again by a line that comes after that. */
const OPEN_MS = 1_000

interface LogFile {
  readonly path: string
  opened: FileHandle | undefined
  /** Closes it. */
  closing: NodeJS.Timeout | undefined
  bytes: number
  unwritten: string[]
  unwrittenBytes: number
  dropped: number
  writing: Promise<void> | undefined
}

export function logKeeper(directory: string | undefined, rotateAboveBytes: number = limits.logBytes): LogKeeper {
  if (directory === undefined) return { write: () => {}, close: async () => {} }
  closeState(directory)
  const files = new Map<string, LogFile>()

  const fileOf = (service: string): LogFile => {
    let file = files.get(service)
    if (!file) {
      const path = join(directory, `${service}.log`)
      const bytes = statSync(path, { throwIfNoEntry: false })?.size ?? 0
      file = {
        path,
        bytes,
        opened: undefined,
        closing: undefined,
        unwritten: [],
        unwrittenBytes: 0,
        dropped: 0,
        writing: undefined,
      }
      files.set(service, file)
    }
    return file
  }

  return {
    write(service, line) {
      const file = fileOf(service)
      const text = `${line}\n`
      const bytes = Buffer.byteLength(text)
      if (file.unwrittenBytes + bytes > limits.unwrittenLogBytes) {
        file.dropped++
        return
      }
      file.unwritten.push(text)
      file.unwrittenBytes += bytes
      file.writing ??= writeAll(file, rotateAboveBytes)
    },
    async close() {
      for (const file of files.values()) {
        await file.writing
        await closed(file)
      }
    },
  }
}

async function writeAll(file: LogFile, rotateAboveBytes: number): Promise<void> {
  // The other lines of this turn of the event loop are written with it.
  await new Promise((resolve) => setImmediate(resolve))
  while (file.unwritten.length > 0) {
    if (file.dropped > 0) file.unwritten.push(`${file.dropped} lines were dropped: the disk is too slow.\n`)
    const text = file.unwritten.join('')
    file.unwritten = []
    file.unwrittenBytes = 0
    file.dropped = 0
    try {
      await append(file, text, rotateAboveBytes)
    } catch (error) {
      console.error(`The log ${file.path} can't be written:`, error)
      await closed(file)
    }
  }
  file.closing ??= setTimeout(() => {
    file.closing = undefined
    // One that is being written is closed after that.
    if (!file.writing) void closed(file)
  }, OPEN_MS).unref()
  // In the same turn as the last read: the next line starts it again.
  file.writing = undefined
}

async function append(file: LogFile, text: string, rotateAboveBytes: number): Promise<void> {
  const bytes = Buffer.byteLength(text)
  if (file.bytes > 0 && file.bytes + bytes > rotateAboveBytes) {
    await closed(file)
    renameSync(file.path, `${file.path}.1`)
    file.bytes = 0
  }
  file.opened ??= await open(file.path, 'a', STATE_FILE_MODE)
  await file.opened.appendFile(text)
  file.bytes += bytes
}

/** In the same turn it is no longer the file of the next line. */
async function closed(file: LogFile): Promise<void> {
  clearTimeout(file.closing)
  const { opened } = file
  file.closing = undefined
  file.opened = undefined
  await opened?.close().catch((error: unknown) => console.error(`The log ${file.path} can't be closed:`, error))
}
