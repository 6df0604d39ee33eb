/** The interface of the store of streams: one document for each stream, appended to under a precondition. */

/** The decision of one delivery. */
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
  /** Absent in commits from before commands had versions: it is the first. */
  readonly version?: number
  readonly data: unknown
  readonly notBeforeMs?: number
}

export interface StoredStream {
  readonly id: string
  /** Number of commits; 0: there is no stream. */
  readonly version: number
  /** All of them, or with `earlier` the recent ones. */
  readonly commits: readonly Commit[]
  /** Of these commits as JSON, in characters. */
  readonly size: number
  /** The commits that were not read, because the snapshot includes them. */
  readonly earlier?: {
    /** The sequence of the last published event among them; 0 if none was published. */
    readonly sequence: number
  }
  readonly companion?: Companion
  /** The documents that the commit of this version wrote, where it was just appended. */
  readonly written?: readonly ReadDocument[]
  /** The store's own mark of this version, and of the companion's. */
  readonly concurrencyToken: unknown
}

/** A document beside the streams to read with a stream. */
export interface CompanionRequest {
  readonly path: string
  /** The companion holds the state after all commits of the stream, so only recent commits are read with it. */
  readonly isSnapshot: boolean
}

/** One document beside the streams that was read with a stream; without a value if it does not exist, or is a snapshot that is out of date. */
export interface Companion extends CompanionRequest {
  readonly value?: Readonly<Record<string, unknown>>
}

/** A document beside the streams as it was read. */
export interface ReadDocument {
  readonly path: string
  /** Absent: there is no document. */
  readonly value?: Readonly<Record<string, unknown>> | undefined
  /** The store's own mark of this version. */
  readonly concurrencyToken: unknown
}

/** A write of a document in the commit of a stream. */
export interface DocumentWrite {
  readonly path: string
  /** Absent: it is deleted. */
  readonly value?: Readonly<Record<string, unknown>>
  /** The document must be as it was read. */
  readonly read?: ReadDocument
}

/** All that is written in the same write as a commit. */
export interface Beside {
  /** Of the stream that was read with it. */
  readonly companion?: Readonly<Record<string, unknown>> | undefined
  readonly documents?: readonly DocumentWrite[]
  /** Of other deliveries to the same stream, each decided on the stream with those before it. */
  readonly further?: readonly Commit[]
}

/** Documents beside the streams, inside a transaction. */
export interface Transaction {
  getAll(paths: readonly string[]): Promise<readonly (Readonly<Record<string, unknown>> | undefined)[]>
  set(path: string, value: Readonly<Record<string, unknown>>): void
  delete(path: string): void
  append(stream: StoredStream, commit: Commit): void
}

/** The field of a snapshot's document with the version of the stream that it includes. No service handles it. */
const STREAM_VERSION = 'streamVersion'

type Fields = Readonly<Record<string, unknown>>

/** The fields of a companion's document, written in the commit that follows this version of the stream. */
export const companionFields = ({ version, companion }: StoredStream, fields: Fields): Fields =>
  companion?.isSnapshot ? { ...fields, [STREAM_VERSION]: version + 1 } : fields

/**
 * The companion with its value as the service wrote it. A snapshot of another version has none: a release that knows no
 * snapshot committed since, so the commits are read instead.
 * @param version the stream's
 */
export function companionOf(request: CompanionRequest, stored: Fields | undefined, version: number): Companion {
  if (stored === undefined) return request
  const { [STREAM_VERSION]: snapshotVersion, ...value } = stored
  return request.isSnapshot && snapshotVersion !== version ? request : { ...request, value }
}

/** A document holds 1 MiB; recent commits become earlier ones long before. */
const MAX_RECENT_BYTES = 700_000
/** The maximum of recent commits in a stream with a snapshot. Each command reads them, and looks up a cause in the earlier ones. */
export const MAX_RECENT_COMMITS = 100

/** Whether the recent commits become earlier ones before this one is appended. @param texts JSON of the recent commits, and of this one */
export function areRecentFull({ companion }: StoredStream, texts: readonly string[]): boolean {
  if (companion?.isSnapshot && texts.length > MAX_RECENT_COMMITS) return true
  return texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0) > MAX_RECENT_BYTES
}

/** The sequence of the last published event of a stream; 0 if none was published. */
export const lastSequence = ({ commits, earlier }: Pick<StoredStream, 'commits' | 'earlier'>): number =>
  Math.max(earlier?.sequence ?? 0, ...commits.flatMap(({ events }) => events.map(({ sequence }) => sequence)))

export interface StreamPage {
  readonly after?: string | undefined
  readonly limit: number
}

export interface StreamStore {
  /** All commits, or the recent ones where a snapshot is asked for and is of the stream's version. */
  load(id: string, companion?: CompanionRequest): Promise<StoredStream>
  /** The version before its first commit, of a stream that is probably new, with a document to read with it. The stream is not read. */
  loadNew(id: string, companion: string | undefined): Promise<StoredStream>
  /** At most `limit` streams after this id, in the order of `documentId`, each with all commits. */
  list(page: StreamPage): Promise<readonly StoredStream[]>
  /** The commit of this cause among the commits that were not read. @throws Unavailable when the store can't be asked. */
  earlierCommit(stream: StoredStream, cause: string): Promise<Commit | undefined>
  /**
   * A version that the stream has or had: the one that this instance read or wrote last, or the one before its first commit
   * for a stream that is probably new. Undefined: it keeps none.
   */
  recall(id: string, isNew?: boolean): StoredStream | undefined
  /** A document as this instance read or wrote it last. Undefined: it keeps none. */
  recallDocument(path: string): ReadDocument | undefined
  /** In the order of the paths. @throws Unavailable when the store can't be asked. */
  readDocuments(paths: readonly string[]): Promise<readonly ReadDocument[]>
  /**
   * The stream with this commit and the further ones, as it would be read, without its companion; undefined when the stream, its
   * companion or one of the documents was written since it was loaded. @throws Unavailable when the store can't be asked: whether
   * it was written is unknown.
   */
  append(stream: StoredStream, commit: Commit, beside?: Beside): Promise<StoredStream | undefined>
  /** All or nothing; run again by the store when it loses a race. @throws Unavailable when it lost too often. */
  transact<Result>(
    id: string,
    work: (stream: StoredStream, transaction: Transaction) => Promise<Result>,
  ): Promise<Result>
}
