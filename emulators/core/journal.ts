/** Keeps what the emulators acknowledged: maps in memory behind an append-only log, which a killed process reads again. */

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
