/**
 * Persists the acknowledged state of the emulators: maps in memory behind an append-only log, which the next process reads.
 *
 * Durability: changes are written before the answer that acknowledges them (`flush`), and changes for which no answer waits are
 * written in the same turn of the event loop. The file is not synced: everything acknowledged survives SIGKILL of this
 * process, the last changes before a power cut may be lost. Changes that are written together are one line, which is read
 * completely or not at all. A write that fails (a full disk) fails the answers that wait for it; the changes stay in memory, and the
 * next write takes them along.
 */

import { closeSync, existsSync, ftruncateSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { readLines } from './read-lines.ts'
import { closeState, damaged, replaceFile, STATE_FILE_MODE } from './state-files.ts'

/** A map whose every change is appended to the log. Values are plain JSON, never mutated in place: `set` a new one. */
export interface Table<Value> {
  get(key: string): Value | undefined
  has(key: string): boolean
  set(key: string, value: Value): void
  delete(key: string): boolean
  keys(): IterableIterator<string>
  values(): IterableIterator<Value>
  entries(): IterableIterator<[string, Value]>
  readonly size: number
}

export interface Journal {
  /** The table of that name (`pubsub/topics`), as it was when the process ended. */
  table<Value>(name: string): Table<Value>
  /**
   * Writes the buffered changes. The transport calls it before each answer, so an acknowledged change survives SIGKILL.
   * @throws Error that names the file when it can't be written
   */
  flush(): void
  close(): void
}

export interface JournalOptions {
  /** The folder of the log. Absent: state is only in memory. */
  readonly directory?: string
  /** The log is compacted when it exceeds this size, and twice its size after the last compaction. */
  readonly compactAboveBytes?: number
}

const COMPACT_ABOVE_BYTES = 32 * 1024 * 1024
/** The approximate size of the pieces in which a snapshot is written. */
const SNAPSHOT_PIECE_CHARACTERS = 1024 * 1024
const LOG_FILE = 'journal.jsonl'
/** No change: it tells an unused log from a log that was emptied. */
const FIRST_LINE = '[]\n'

type Tables = Map<string, Map<string, unknown>>
/** Without a value: deleted. */
type Change = readonly [table: string, key: string, value?: unknown]

/**
 * Opens the journal of a directory, or one in memory.
 * @throws Error that names the file and line when the log is damaged before its last line.
 */
export function openJournal({ directory, compactAboveBytes = COMPACT_ABOVE_BYTES }: JournalOptions = {}): Journal {
  const tables: Tables = new Map()
  const log = directory === undefined ? undefined : openLog(directory, tables, compactAboveBytes)
  return {
    table: <Value>(name: string) => tableOf<Value>(name, tables, log),
    flush: () => log?.flush(),
    close: () => log?.close(),
  }
}

function tableOf<Value>(name: string, tables: Tables, log: Log | undefined): Table<Value> {
  if (!tables.has(name)) tables.set(name, new Map())
  const rows = tables.get(name) as Map<string, Value>
  return {
    get: (key) => rows.get(key),
    has: (key) => rows.has(key),
    set(key, value) {
      rows.set(key, value)
      log?.append([name, key, value])
    },
    delete(key) {
      const existed = rows.delete(key)
      if (existed) log?.append([name, key])
      return existed
    },
    keys: () => rows.keys(),
    values: () => rows.values(),
    entries: () => rows.entries(),
    get size() {
      return rows.size
    },
  }
}

interface Log {
  append(change: Change): void
  flush(): void
  close(): void
}

function openLog(directory: string, tables: Tables, compactAboveBytes: number): Log {
  closeState(directory)
  const file = join(directory, LOG_FILE)
  const existed = existsSync(file)
  const replayed = replay(file, tables)
  // A log that was opened before has at least its first line.
  if (existed && (replayed.torn || replayed.bytes === 0))
    console.error(
      replayed.torn
        ? `${file} ended within a change, which is dropped. If more is missing than the last change before a kill, begin with an empty state folder.`
        : `${file} is empty. If it had content, begin with an empty state folder.`,
    )
  let { descriptor, bytes } =
    replayed.torn || replayed.bytes === 0 || replayed.bytes > compactAboveBytes
      ? compact(file, tables)
      : { descriptor: openSync(file, 'a', STATE_FILE_MODE), bytes: replayed.bytes }
  let compactAbove = Math.max(compactAboveBytes, 2 * bytes)
  let changes: string[] = []
  let scheduled: NodeJS.Immediate | undefined
  /** The last write failed, and may have left a part of its line. */
  let torn = false
  let closed = false

  const flush = (): void => {
    if (closed || changes.length === 0) return
    clearImmediate(scheduled)
    scheduled = undefined
    try {
      if (torn) ftruncateSync(descriptor, bytes)
      torn = true
      bytes += write(descriptor, `[${changes.join(',')}]\n`)
      torn = false
    } catch (error) {
      throw new Error(
        `${file} can't be written (${(error as Error).message}): make room on its disk. Changes are kept in memory until then.`,
        { cause: error },
      )
    }
    changes = []
    if (bytes > compactAbove) replaceLog()
  }
  /** Acknowledged changes are written, so a failed compaction is retried only after the log has grown again. */
  const replaceLog = (): void => {
    try {
      const compacted = compact(file, tables)
      closeSync(descriptor)
      ;({ descriptor, bytes } = compacted)
      compactAbove = Math.max(compactAboveBytes, 2 * bytes)
    } catch (error) {
      console.error(`${file} can't be compacted:`, error)
      compactAbove = bytes + compactAboveBytes
    }
  }
  /** No caller waits for the result. */
  const flushUnasked = (): void => {
    scheduled = undefined
    try {
      flush()
    } catch (error) {
      console.error(error)
    }
  }
  return {
    append(change) {
      // Requests that are still running while everything closes get no answer.
      if (closed) return
      scheduled ??= setImmediate(flushUnasked)
      changes.push(JSON.stringify(change))
    },
    flush,
    close() {
      if (closed) return
      try {
        flush()
      } finally {
        closed = true
        clearImmediate(scheduled)
        closeSync(descriptor)
      }
    },
  }
}

/** A last line without its end was being written when the process was killed: no request was answered on it, so it is dropped. */
function replay(file: string, tables: Tables): { bytes: number; torn: boolean } {
  const take = (line: string, number: number): void => {
    for (const [table, key, ...value] of parse(line, file, number)) {
      if (!tables.has(table)) tables.set(table, new Map())
      if (value.length === 0) tables.get(table)!.delete(key)
      else tables.get(table)!.set(key, value[0])
    }
  }
  try {
    return readLines(file, take)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    throw code === 'EISDIR' ? damaged(file, ` (${message})`) : error
  }
}

function parse(line: string, file: string, number: number): readonly Change[] {
  try {
    const changes: unknown = JSON.parse(line)
    if (Array.isArray(changes) && changes.every((change) => Array.isArray(change)))
      return changes as unknown as Change[]
  } catch {
    // Falls through to the error below.
  }
  throw damaged(file, ` in line ${number}`)
}

interface Compacted {
  /** Open for appending. */
  readonly descriptor: number
  readonly bytes: number
}

/** Writes the present state beside the log, then takes its place: a kill or an error before that leaves the old log. */
function compact(file: string, tables: Tables): Compacted {
  const { descriptor, result: bytes } = replaceFile(file, (opened) => writeSnapshot(opened, tables))
  return { descriptor, bytes }
}

function writeSnapshot(descriptor: number, tables: Tables): number {
  let bytes = 0
  let piece = FIRST_LINE
  for (const [name, rows] of tables) {
    for (const [key, value] of rows) {
      piece += `[${JSON.stringify([name, key, value])}]\n`
      if (piece.length < SNAPSHOT_PIECE_CHARACTERS) continue
      bytes += write(descriptor, piece)
      piece = ''
    }
  }
  return bytes + write(descriptor, piece)
}

/** A write may take a part only. */
function write(descriptor: number, text: string): number {
  const bytes = Buffer.from(text)
  for (let written = 0; written < bytes.length;) written += writeSync(descriptor, bytes, written)
  return bytes.length
}
