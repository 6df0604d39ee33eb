/**
 * Keeps what the emulators acknowledged: maps in memory behind an append-only log, which a killed process reads again.
 *
 * The log is written before each answer, and not synced to the disk: what was acknowledged survives SIGKILL of this
 * process, the last moments before a power cut may be lost.
 */

import { closeSync, existsSync, mkdirSync, openSync, readFileSync, renameSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'

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
  /** Writes what is buffered. The transport calls it before each answer, so an acknowledged change survives SIGKILL. */
  flush(): void
  close(): void
}

/** A log that grew beyond this since it was compacted is compacted when it is opened. */
const COMPACT_ABOVE_BYTES = 4 * 1024 * 1024
/** What is buffered is written at this size at the latest, also inside one long operation. */
const FLUSH_ABOVE_CHARACTERS = 1024 * 1024

type Line = [table: string, key: string, value?: unknown]

/**
 * Opens the journal of a directory, or one in memory.
 * @throws Error that names the file and line when the log is damaged before its last line.
 */
export function openJournal({ directory }: { directory?: string } = {}): Journal {
  const tables = new Map<string, Map<string, unknown>>()
  const log = directory === undefined ? undefined : openLog(directory, tables)

  const rows = (name: string): Map<string, unknown> => {
    const known = tables.get(name)
    if (known) return known
    const made = new Map<string, unknown>()
    tables.set(name, made)
    return made
  }

  return {
    table<Value>(name: string): Table<Value> {
      const map = rows(name) as Map<string, Value>
      return {
        get: (key) => map.get(key),
        has: (key) => map.has(key),
        set(key, value) {
          map.set(key, value)
          log?.append([name, key, value])
        },
        delete(key) {
          const existed = map.delete(key)
          if (existed) log?.append([name, key])
          return existed
        },
        keys: () => map.keys(),
        values: () => map.values(),
        entries: () => map.entries(),
        get size() {
          return map.size
        },
      }
    },
    flush: () => log?.flush(),
    close: () => log?.close(),
  }
}

interface Log {
  append(line: Line): void
  flush(): void
  close(): void
}

function openLog(directory: string, tables: Map<string, Map<string, unknown>>): Log {
  mkdirSync(directory, { recursive: true })
  const file = join(directory, 'journal.jsonl')
  if (existsSync(file)) {
    const { bytes, torn } = replay(file, tables)
    if (torn || bytes > COMPACT_ABOVE_BYTES) compact(file, tables)
  }
  const descriptor = openSync(file, 'a')
  let buffer = ''
  const flush = (): void => {
    if (buffer === '') return
    const text = Buffer.from(buffer)
    buffer = ''
    for (let written = 0; written < text.length;) written += writeSync(descriptor, text, written)
  }
  return {
    append(line) {
      buffer += `${JSON.stringify(line)}\n`
      if (buffer.length > FLUSH_ABOVE_CHARACTERS) flush()
    },
    flush,
    close() {
      flush()
      closeSync(descriptor)
    },
  }
}

/** A last line without its end was being written when the process was killed: nobody was told of it, so it never was. */
function replay(file: string, tables: Map<string, Map<string, unknown>>): { bytes: number; torn: boolean } {
  const text = readFileSync(file, 'utf8')
  const lines = text.split('\n')
  const torn = lines.pop() !== ''
  for (const [index, line] of lines.entries()) {
    const [table, key, ...value] = parse(line, file, index + 1)
    if (!tables.has(table)) tables.set(table, new Map())
    if (value.length === 0) tables.get(table)!.delete(key)
    else tables.get(table)!.set(key, value[0])
  }
  return { bytes: text.length, torn }
}

function parse(line: string, file: string, number: number): Line {
  try {
    return JSON.parse(line) as Line
  } catch {
    throw new Error(`${file} is damaged in line ${number}: forget the local state with npm run reset.`)
  }
}

function compact(file: string, tables: Map<string, Map<string, unknown>>): void {
  const lines: string[] = []
  for (const [name, rows] of tables)
    for (const [key, value] of rows) lines.push(`${JSON.stringify([name, key, value])}\n`)
  writeFileSync(`${file}.new`, lines.join(''))
  renameSync(`${file}.new`, file)
}
