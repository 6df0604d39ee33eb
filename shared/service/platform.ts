/** A service's only way to the outside: implemented by Google's clients in the cloud, in memory in tests. */

import type { ReadSetting } from '../base/config.ts'
import type { DeclaredCode } from '../base/errors.ts'
import type { SubmittedCommand } from '../contracts/command-status.ts'
import type { Contracts, QueryName, QueryNamed } from '../contracts/contract.ts'
import type { Envelope } from '../contracts/envelope.ts'
import type { Log } from '../signals/log.ts'
import type { Message, OutgoingCommand, SagaCommand } from '../contracts/message.ts'
import type { OutsidePost } from './outside-target.ts'
import type { QueryAnswer, QueryRequest } from '../contracts/query.ts'
import type { DocumentPath } from './document-path.ts'
import type { DocumentPage, DocumentQuery } from './document-query.ts'
import type { ReadViews } from './view-rows.ts'
import type { SecurityLog } from '../signals/security-log.ts'

/**
 * The outcome of one delivery. Events of the service's own contracts and of the runtime are numbered and published, those
 * that its contracts have as `recorded` stay in the stream, and any other is an error. An event or a command compiles only if
 * the union of the service's own is named: `Decision<RecordOf<typeof …Contracts>, SentBy<typeof …>>`.
 */
export interface Decision<Recorded extends Message, Sent extends OutgoingCommand = never> {
  readonly events: readonly Recorded[]
  /** The commands of a saga, and the commands that the description has in `sends`. */
  readonly commands: readonly (Sent | SagaCommand)[]
  /** The stream's companion from now on, written in the same commit; absent: it stays as it is. */
  readonly companion?: Readonly<Record<string, unknown>>
}

export const noChange: Decision<never> = { events: [], commands: [] }

export interface RecordedEvent extends Message {
  readonly id: string
  /** 0 when it is not published. */
  readonly sequence: number
  readonly time: string
  /** Id of the message under which it was decided. */
  readonly cause: string
}

export interface Stream {
  readonly id: string
  /** Number of commits; 0: the stream does not exist yet. */
  readonly version: number
  readonly events: readonly RecordedEvent[]
  /** The document that was read with it; absent: it does not exist, or was not requested. */
  readonly companion?: Readonly<Record<string, unknown>>
  /** The store's own record of it, with its concurrency token: `handle` decides on it without another read. Absent in tests of rules. */
  readonly stored?: object
}

/** A document beside the streams, by its path (`COLLECTION/ID`). Plain JSON values. */
export interface Documents<Path extends string = DocumentPath> {
  get(path: Path): Promise<Readonly<Record<string, unknown>> | undefined>
  /** In the order asked, in one read. */
  getAll(paths: readonly Path[]): Promise<readonly (Readonly<Record<string, unknown>> | undefined)[]>
}

/** Documents inside a transaction: the documents that it reads are locked until it commits with the stream. */
export interface TransactionDocuments<Path extends string = DocumentPath> extends Documents<Path> {
  set(path: Path, value: Readonly<Record<string, unknown>>): void
  delete(path: Path): void
}

/** Documents outside any stream: read models, idempotency keys, counters. */
export interface DocumentStore<Path extends string = DocumentPath> extends Documents<Path> {
  /**
   * Reads one document, changes it, writes it back unless a concurrent write came first, else starts again from the read.
   * `undefined` from `change` leaves it as it is.
   */
  update(
    path: Path,
    change: (current: Readonly<Record<string, unknown>> | undefined) => Readonly<Record<string, unknown>> | undefined,
  ): Promise<void>
  /**
   * Sets these fields, those within maps one by one, and leaves all others. Nothing is read: the same in any order, and
   * again, comes to the same as long as each writes fields of its own.
   */
  merge(path: Path, fields: Readonly<Record<string, unknown>>, options?: MergeOptions): Promise<void>
  /** Writes a document unless it exists: then it stays unchanged, and the result is false. Nothing is read. */
  create(path: Path, fields: Readonly<Record<string, unknown>>): Promise<boolean>
  /** Nothing is read: the same if there is no document. */
  delete(path: Path): Promise<void>
  /** One page of a collection, made by `documentQuery`. It costs a read for each document, at least one. */
  query(query: DocumentQuery): Promise<DocumentPage>
}

export interface MergeOptions {
  /** Numbers that only grow: each is set unless the document has a higher one. So the last of several states wins in any order. */
  readonly raise?: Readonly<Record<string, number>>
}

/** A stream that begins with this message, unless it came before: it is read only then. */
export interface NewStream {
  readonly newId: string
}

/** A stream that is probably new, with one document beside the streams that is read with it. */
export interface BegunStream<Path extends string> extends NewStream {
  readonly companion: Path | undefined
}

/**
 * A stream whose decision may call a partner on the copy that this instance keeps: a former version, perhaps. So each call is a
 * question, or has a key under which the partner repeats its answer and which every other way out of that version has used before.
 */
export interface KeptStream {
  readonly keptId: string
}

/** Decide → commit → publish → send → (the caller acknowledges). A repeated cause repeats the recorded decision, with the same ids. */
export interface Streams<Path extends string = DocumentPath> {
  /**
   * `companion` is the path of one document beside the streams that is read with it, for a bound that holds over several
   * streams: a decision of `handle` may write it in the stream's own commit, which fails if either was written in between.
   */
  read(streamId: string, companion?: Path): Promise<Stream>
  /**
   * Streams with all their events, in the order of their ids: at most `limit` of those after an id. It costs a read for each.
   * A stream that begins meanwhile may be missing, as in every list that is read page by page.
   */
  list(page: { readonly after?: string | undefined; readonly limit: number }): Promise<readonly Stream[]>
  /**
   * For streams without an end. The companion at this path is the stream's snapshot: the state after all its events. `handle`
   * requires it of each decision with events. `events` are recent ones, of at most 100 commits, or all of them while there
   * is no snapshot. A redelivery is recognised by all commits.
   */
  readRecent(streamId: string, snapshot: Path): Promise<Stream>
  /**
   * One read at most, and one write under a precondition; after a concurrent write it reads and decides again.
   * A stream that `read` has just returned is not read again, nor one that this instance keeps, unless its decision is
   * another one than an append: so `decide` is pure, and may be called on a former version of the stream, whose result is dropped.
   */
  handle<Recorded extends Message = never, Sent extends OutgoingCommand = never>(
    message: Envelope,
    stream: string | Stream | NewStream,
    decide: (stream: Stream) => Decision<NoInfer<Recorded>, NoInfer<Sent>>,
  ): Promise<Decision<Recorded, Sent>>
  /**
   * The same for a decision that calls others before it is committed: on a stream that was just read, or, with an id of that kind,
   * on what is probably the stream, as long as partners know the keys of calls.
   */
  handleWithCalls<Recorded extends Message = never, Sent extends OutgoingCommand = never>(
    message: Envelope,
    stream: string | Stream | KeptStream | NewStream,
    decide: (stream: Stream) => Promise<Decision<NoInfer<Recorded>, NoInfer<Sent>>>,
  ): Promise<Decision<Recorded, Sent>>
  /**
   * Appends the first commit of a stream, of which the companion alone is read. Undefined for any other outcome (there is such a
   * stream, the companion was written meanwhile, nothing to do, a throw): nothing was appended, and what it is has to be
   * concluded from the stream as `read` returns it. So `decide` may call others as it may for a `NewStream`.
   */
  begin<Recorded extends Message = never, Sent extends OutgoingCommand = never>(
    message: Envelope,
    stream: BegunStream<Path>,
    decide: (stream: Stream) => Promise<Decision<NoInfer<Recorded>, NoInfer<Sent>>>,
  ): Promise<Decision<Recorded, Sent> | undefined>
  /**
   * With other documents, which are read and written in the same transaction. It is tried without locks first, by one read and one
   * commit, for which what was read must be unchanged: so `decide` does nothing but read and write these, and may be called twice.
   */
  transact<Recorded extends Message = never, Sent extends OutgoingCommand = never>(
    message: Envelope,
    stream: string | NewStream,
    decide: (
      stream: Stream,
      documents: TransactionDocuments<Path>,
    ) => Promise<Decision<NoInfer<Recorded>, NoInfer<Sent>>>,
  ): Promise<Decision<Recorded, Sent>>
}

export interface QueryOptions {
  /** Absent: five seconds. */
  readonly timeoutMs?: number
  /** A GET that takes longer than most is sent a second time, within a budget: the first answer counts. */
  readonly hedged?: boolean
}

/** Another service's answer as it came. */
export interface Relayed {
  readonly response: Response
  /** The declared code with which the owner refused; absent: it did not refuse. */
  readonly refused?: DeclaredCode
}

/** `Secret`: the names of the secrets in the service's description. */
export interface Platform<Secret extends string = never> {
  readonly service: { readonly name: string }
  /** Sends one command at once, outside any stream: a submission, or a timer before its stream exists. */
  send<Sent extends OutgoingCommand = never>(
    command: NoInfer<Sent>,
    options: {
      readonly id?: string
      readonly subject: string
      readonly correlationId: string
      readonly actor: string
      readonly expectedVersion?: number | undefined
      /** True: Cloud Tasks may know the id as the name of a former task, and takes this one under a name of its own. */
      readonly isUnnamed?: boolean
    },
  ): Promise<void>
  /**
   * Submits a command that enters from outside to its owner, which answers 202 with `submittedSchema` once it has recorded
   * the key and enqueued the command, again for the same submission, 409 `idempotency-key-reused` for a key that
   * stands for another one, 404 `not-found` if the owner's check finds nothing that the command could be about, and the codes that the
   * command's contract has in `refuses`. @throws Unavailable: whether it was enqueued is unknown, the same submission again completes it.
   */
  submit<Submitted extends Message = never>(
    command: NoInfer<Submitted>,
    options: {
      readonly key: string
      readonly actor: string
      readonly subject: string
      /** The subject whose objects alone the actor may act on; undefined: every object. Without a default, so that no caller forgets it. */
      readonly limitedTo: string | undefined
      /** The network address of the actor: the owner logs it when it refuses a limited submission for its object. */
      readonly address?: string | undefined
      /** The version of the subject's stream that the actor has seen; any other one refuses the command, now or when it is handled. */
      readonly expectedVersion?: number | undefined
    },
  ): Promise<Relayed>
  /**
   * The status of a command that this service submitted: asked of the owner of `command`, or, for an id without a type, of every
   * service that it submits to. Undefined: none of them has it. @throws Unavailable, also when one that could have it does not answer.
   */
  readSubmitted(commandId: string, command?: string): Promise<SubmittedCommand | undefined>
  /** Milliseconds since the epoch. */
  now(): number
  readonly streams: Streams
  /** Read models, idempotency keys, counters: all that is kept outside the streams, in the collections of the description. */
  readonly documents: DocumentStore
  /**
   * Asks another service a query that this one's description names, with its identity, a deadline and a circuit breaker.
   * The answer is parsed by its contract. @throws Unavailable; Error for an answer or a refusal that the contract does not
   * name, which is a bug of the owner, and for a parameter that breaks its schema, which is one of the caller.
   */
  query<C extends Contracts, const N extends QueryName<C>>(
    owner: C,
    name: N,
    request: QueryRequest<QueryNamed<C, N>>,
    options?: QueryOptions,
  ): Promise<QueryAnswer<QueryNamed<C, N>>>
  /**
   * The same, with the owner's answer as it came, for a service that hands it on. The body of a GET is not parsed. @throws Unavailable;
   * Error as `query` does for a status or a refusal that the contract does not name, and for what breaks it in the answer to a write.
   */
  relay<C extends Contracts, const N extends QueryName<C>>(
    owner: C,
    name: N,
    request: QueryRequest<QueryNamed<C, N>>,
    options?: QueryOptions,
  ): Promise<Relayed>
  /** A call out of the platform (to a partner) with a credential of this service; 408, 429, 5xx and silence throw `Unavailable`, any other refusal that is not in `accept` is a bug. */
  callExternal(
    url: string,
    options: {
      method: string
      /** The name of the call in traces: `airline.book`. */
      operation: string
      /** Sent as JSON. */
      body?: unknown
      /** Sent as it is, in place of a body, as a form (application/x-www-form-urlencoded). */
      form?: string
      /** Further headers, such as the version of the partner's API. */
      headers?: Readonly<Record<string, string>>
      idempotencyKey?: string
      timeoutMs?: number
      accept?: readonly number[]
      /**
       * `id` (default): this service's ID token, for that partner; `access`: its access token, for an API of Google's; one
       * of its secrets, for a partner who gave it; or none, for what a partner publishes.
       */
      token?: 'id' | 'access' | 'none' | { readonly secret: Secret }
    },
  ): Promise<Response>
  /** Posts to an address that a client gave, such as that of a webhook: no credential is sent, and no private address is reached. */
  readonly postOutside: OutsidePost
  /** Reads the views that the description names in `readsViews`. */
  readonly readViews: ReadViews
  /** The value of one of the settings in the service's description, which were parsed when it started. */
  readonly setting: ReadSetting
  /** The value of one of the secrets in the service's description, for what `callExternal` can not do with it. It is logged nowhere. */
  readonly secret: (name: Secret) => string
  readonly log: Log
  /** Records that a part of a composite answer could not be read. */
  readonly partMissing: (missing: MissedPart) => void
  /** Records a refusal, or an act of a caller with further rights, or of an operator. */
  readonly security: SecurityLog
}

export interface MissedPart {
  readonly part: string
  /** `unavailable`: not now; `bug`: its owner answered what nothing can read. */
  readonly code: 'unavailable' | 'bug'
  /** The answer has copies in its place; absent: `none`. */
  readonly fallback?: 'none' | 'copies'
  /** Absent: it is logged already. */
  readonly error?: unknown
}

/** The platform that the handlers of a service get: it has the secrets of its description. */
export type PlatformOf<S> = Platform<
  S extends { readonly secrets: infer Named } ? (string extends keyof Named ? never : keyof Named & string) : never
>
