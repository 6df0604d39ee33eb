/** Where streams are kept: one document each, appended to under a precondition. */

/** What one delivery decided: an append adds exactly one. */
export interface Entry {
  /** Id of the message under which it was decided. */
  readonly cause: string
  readonly time: string
  readonly correlationId: string
  readonly actor: string
  readonly traceparent: string
  readonly events: readonly EntryEvent[]
  readonly commands: readonly EntryCommand[]
}

export interface EntryEvent {
  readonly id: string
  readonly type: string
  readonly version: number
  /** 0: recorded, not published. */
  readonly sequence: number
  readonly data: unknown
}

export interface EntryCommand {
  readonly id: string
  readonly target: string
  readonly type: string
  readonly data: unknown
  readonly notBeforeMs?: number
}

export interface StoredStream {
  readonly id: string
  /** Number of entries; 0: there is no stream. */
  readonly version: number
  readonly entries: readonly Entry[]
  /** The store's own mark of this version. */
  readonly token: unknown
}

/** Documents beside the streams, inside a transaction. */
export interface Transaction {
  getAll(paths: readonly string[]): Promise<readonly (Readonly<Record<string, unknown>> | undefined)[]>
  set(path: string, value: Readonly<Record<string, unknown>>): void
  delete(path: string): void
  append(stream: StoredStream, entry: Entry): void
}

export interface StreamStore {
  load(id: string): Promise<StoredStream>
  /** False when somebody else appended since it was loaded. @throws Unavailable when the store can't be asked. */
  append(stream: StoredStream, entry: Entry): Promise<boolean>
  /** All or nothing; run again by the store when it loses a race. @throws Unavailable when it lost too often. */
  transact<Result>(
    id: string,
    work: (stream: StoredStream, transaction: Transaction) => Promise<Result>,
  ): Promise<Result>
}
