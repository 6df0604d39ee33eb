/** Where streams are kept: one document each, appended to under a precondition. */

/** What one delivery decided: an append adds exactly one. */
export interface Commit {
  /** Id of the message under which it was decided. */
  readonly cause: string
  readonly time: string
  readonly correlationId: string
  readonly actor: string
  readonly traceparent: string
  readonly events: readonly CommittedEvent[]
  readonly commands: readonly CommittedCommand[]
}

export interface CommittedEvent {
  readonly id: string
  readonly type: string
  readonly version: number
  /** 0: recorded, not published. */
  readonly sequence: number
  readonly data: unknown
}

export interface CommittedCommand {
  readonly id: string
  readonly target: string
  readonly type: string
  readonly data: unknown
  readonly notBeforeMs?: number
}

export interface StoredStream {
  readonly id: string
  /** Number of commits; 0: there is no stream. */
  readonly version: number
  readonly commits: readonly Commit[]
  readonly companion?: Companion
  /** The store's own mark of this version, and of the companion's. */
  readonly concurrencyToken: unknown
}

/** One document beside the streams that was read with a stream; without a value if the document does not exist. */
export interface Companion {
  readonly path: string
  readonly value?: Readonly<Record<string, unknown>>
}

/** Documents beside the streams, inside a transaction. */
export interface Transaction {
  getAll(paths: readonly string[]): Promise<readonly (Readonly<Record<string, unknown>> | undefined)[]>
  set(path: string, value: Readonly<Record<string, unknown>>): void
  delete(path: string): void
  append(stream: StoredStream, commit: Commit): void
}

export interface StreamStore {
  /** @param companion path of the document that is read with it */
  load(id: string, companion?: string): Promise<StoredStream>
  /**
   * Writes the companion in the same commit, if one is given. False when the stream or its companion was written since
   * it was loaded. @throws Unavailable when the store can't be asked.
   */
  append(stream: StoredStream, commit: Commit, companion?: Readonly<Record<string, unknown>>): Promise<boolean>
  /** All or nothing; run again by the store when it loses a race. @throws Unavailable when it lost too often. */
  transact<Result>(
    id: string,
    work: (stream: StoredStream, transaction: Transaction) => Promise<Result>,
  ): Promise<Result>
}
