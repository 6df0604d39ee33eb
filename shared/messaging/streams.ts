/**
 * The protocol of every delivery: decide, commit, publish, send; the caller acknowledges last. After a crash the
 * delivery is unacknowledged; its redelivery finds the recorded commit by causation id and publishes it again.
 */

import { isDeepStrictEqual } from 'node:util'
import type { Contracts, EventContract } from '../contracts/contract.ts'
import type { Envelope } from '../contracts/envelope.ts'
import { recordsOf } from '../service/fold.ts'
import { Unavailable } from '../base/errors.ts'
import { derivedId } from '../base/ids.ts'
import { stuckEvent } from '../base/names.ts'
import { type Append, appendTogether } from './append-together.ts'
import { checkVersion } from './expected-version.ts'
import { type AddressCommand, checked, findCommand } from './outgoing.ts'
import type { Message, OutgoingCommand } from '../contracts/message.ts'
import type {
  BegunStream,
  Decision,
  KeptStream,
  NewStream,
  Stream,
  Streams,
  TransactionDocuments,
} from '../service/platform.ts'
import { IDEMPOTENCY_KEY_TTL_MS } from '../http/call-once.ts'
import { runtimeContracts } from '../contracts/runtime-events.ts'
import { currentSpan } from '../signals/span.ts'
import { childOf } from '../base/trace.ts'
import { asDecided } from '../contracts/versions.ts'
import { checkPivot, type RecordedSaga } from '../saga/pivot.ts'
import {
  type Commit,
  type CommittedCommand,
  type CommittedEvent,
  type CompanionRequest,
  type DocumentWrite,
  lastSequence,
  type ReadDocument,
  type StoredStream,
  type StreamStore,
  type Transaction,
} from './stream-store.ts'

/** After so many lost races in a row the delivery fails, and is repeated by its sender. */
const MAX_ATTEMPTS = 8

export interface StreamsParts {
  readonly service: string
  readonly contracts: Contracts
  /** The contracts of the services that own the commands which this service sends. */
  readonly uses: readonly Contracts[]
  readonly address: AddressCommand
  readonly store: StreamStore
  /** Absent: those to one stream that wait go together. */
  readonly appendsOf?: ((store: StreamStore) => Append) | undefined
  /** The service's saga: its success is published at its pivot or later, and its streams are read as a whole. */
  readonly saga?: RecordedSaga | undefined
  now(): number
  publish(events: readonly Envelope[]): Promise<void>
  /** `target` owns the command. */
  send(
    commands: readonly { readonly target: string; readonly envelope: Envelope; readonly notBeforeMs?: number }[],
  ): Promise<void>
  /** Called once for each commit. */
  committed?(commit: Commit, before: StoredStream): void
  /** Waits before a lost race is run again; tests pass a function that does not wait. */
  backoff(attempt: number): Promise<void>
}

export interface StreamsWithRepublish extends Streams<string> {
  /** Republishes the recorded events of a stream, with the same ids; returns their number. */
  republish(streamId: string): Promise<number>
}

export function createStreams(parts: StreamsParts): StreamsWithRepublish {
  const { store, address } = parts
  const commandContract = findCommand(parts)
  const published: Contracts['events'] = { ...runtimeContracts.events, ...parts.contracts.events }

  const recorded: Contracts['events'] = parts.contracts.recorded ?? {}
  const contractOf = (type: string): EventContract | undefined =>
    [published, recorded].find((contracts) => Object.hasOwn(contracts, type))?.[type]

  /** So that decisions see the present version. */
  const upcast = (event: CommittedEvent): CommittedEvent => asDecided(contractOf(event.type), event)
  const visible = (stored: StoredStream): Stream & { readonly stored: StoredStream } => {
    const { id, version, commits, companion } = stored
    return {
      id,
      version,
      events: commits.flatMap(({ cause, time, events }) => events.map((event) => ({ ...upcast(event), time, cause }))),
      ...(companion?.value === undefined ? {} : { companion: companion.value }),
      stored,
    }
  }
  /** As the decision on a message gets it. @throws Refused if the message expects another version */
  const decidable = (message: Envelope, stored: StoredStream): Stream => {
    checkVersion(message, stored)
    return visible(stored)
  }
  const decisionOf = <Recorded extends Message, Sent extends OutgoingCommand>({
    events,
    commands,
  }: Commit): Decision<Recorded, Sent> => ({
    events: recordsOf<Recorded>(events.map(upcast)),
    // A recorded commit was a decision of this service.
    commands: commands.map((command) =>
      asDecided(commandContract(command.target, command.type), command),
    ) as unknown as readonly Sent[],
  })

  const deliver = async (streamId: string, commit: Commit): Promise<void> => {
    await parts.publish(
      commit.events
        .filter(({ sequence }) => sequence > 0)
        .map((event) => eventEnvelope(parts.service, streamId, commit, event)),
    )
    await parts.send(
      commit.commands.map((command) => ({
        target: command.target,
        envelope: commandEnvelope(parts.service, streamId, commit, command),
        ...(command.notBeforeMs === undefined ? {} : { notBeforeMs: command.notBeforeMs }),
      })),
    )
  }

  /**
   * Publishes and sends a commit again, because the first delivery may have failed. Without the commands to this service that the
   * stream has handled: a timer of days ago would fire again, and repeat its own commit with all that it sent. One that decided
   * nothing has left no commit, so that it is sent again at each repetition, as is one whose commit is older than what a stream
   * that is read in part has: both have to be harmless when they come again.
   */
  const deliverAgain = ({ id, commits }: Pick<StoredStream, 'id' | 'commits'>, commit: Commit): Promise<void> => {
    const handled = new Set(commits.map(({ cause }) => cause))
    const isOpen = (command: CommittedCommand): boolean => command.target !== parts.service || !handled.has(command.id)
    return deliver(id, { ...commit, commands: commit.commands.filter(isOpen) })
  }

  const commitOf = (stored: StoredStream, message: Envelope, decision: AnyDecision): Commit => {
    if (parts.saga) checkPivot(parts.saga, decision.events, () => visible(stored).events)
    let sequence = lastSequence(stored)
    return {
      cause: message.id,
      time: new Date(parts.now()).toISOString(),
      correlationId: message.correlationId,
      actor: message.actor,
      // Recorded, so that a repeat publishes under the span that decided.
      traceparent: currentSpan()?.traceparent ?? childOf(message.traceparent, derivedId(stored.id, message.id)),
      events: decision.events.map((event, index) => {
        const contract = contractOf(event.type)
        if (!contract)
          throw new Error(
            `${parts.service} records ${event.type}: declare it in its contracts, as an event or as recorded.`,
          )
        return {
          id: derivedId(parts.service, stored.id, message.id, index),
          type: event.type,
          version: contract.version,
          sequence: Object.hasOwn(published, event.type) ? (sequence += 1) : 0,
          data: checked(event, contract.data),
        }
      }),
      commands: decision.commands.map((command, index) => committedCommand(stored.id, message.id, command, index)),
    }
  }

  const committedCommand = (
    streamId: string,
    cause: string,
    command: OutgoingCommand,
    index: number,
  ): CommittedCommand => {
    const addressed = address(command)
    const { target, type } = addressed
    return {
      id:
        command.key === undefined
          ? derivedId(target, cause, type, index)
          : derivedId(target, streamId, type, command.key),
      ...addressed,
    }
  }

  const read = async (streamId: string, companion?: CompanionRequest): Promise<Stream> =>
    visible(await store.load(streamId, companion))

  const commitCausedBy = async (stored: StoredStream, cause: string): Promise<Commit | undefined> =>
    stored.commits.find((commit) => commit.cause === cause) ??
    (stored.earlier ? store.earlierCommit(stored, cause) : undefined)

  const append = (parts.appendsOf ?? appendTogether)(store)

  /**
   * Decides on the kept copy of a stream. Returns the decision if its commit was appended: the precondition of the commit proves
   * that the copy was current. Undefined for any other outcome (nothing to do, a refusal, a failure, a repetition): a copy that is
   * not current may be the reason, so the store decides.
   */
  const appendToKept = async <Recorded extends Message, Sent extends OutgoingCommand>(
    message: Envelope,
    given: string | NewStream,
    decide: (stream: Stream) => Decision<Recorded, Sent>,
  ): Promise<Decision<Recorded, Sent> | undefined> => {
    let decision: Decision<Recorded, Sent> | undefined
    const appended = await append({ id: idOf(given), isNew: isNew(given) }, (kept) => {
      if (isRepeated(message, kept)) return undefined
      decision = decide(decidable(message, kept))
      return isNothing(decision) ? undefined : commitOf(kept, message, decision)
    })
    if (!appended) return undefined
    parts.committed?.(appended.commit, appended.before)
    await deliver(appended.before.id, appended.commit)
    return decision
  }
  const recalled = (message: Envelope, given: Given): StoredStream | undefined => {
    const kept = store.recall(idOf(given), isNew(given))
    return kept && isRepeated(message, kept) ? undefined : kept
  }
  /** @param decide undefined, or a throw: the store has to decide */
  const appendAs = async <Recorded extends Message, Sent extends OutgoingCommand>(
    message: Envelope,
    before: StoredStream,
    decide: () => Promise<
      { readonly decision: Decision<Recorded, Sent>; readonly documents: readonly DocumentWrite[] } | undefined
    >,
  ): Promise<Decision<Recorded, Sent> | undefined> => {
    const made = await attempted(async () => {
      const decided = await decide()
      return decided && !isNothing(decided.decision)
        ? { ...decided, commit: commitOf(before, message, decided.decision) }
        : undefined
    })
    if (!made) return undefined
    const { commit, decision, documents } = made
    if (!(await store.append(before, commit, { documents, companion: decision.companion }))) return undefined
    parts.committed?.(commit, before)
    await deliver(before.id, commit)
    return decision
  }

  /**
   * Decides on documents, by one read at most and one commit, which fails if a document has changed since the read. Undefined as above,
   * and for a decision that leaves a document as it is: the commit would have no precondition on that document.
   */
  const appendWithDocuments = async <Recorded extends Message, Sent extends OutgoingCommand>(
    message: Envelope,
    given: string | NewStream,
    decide: (stream: Stream, documents: TransactionDocuments<string>) => Promise<Decision<Recorded, Sent>>,
  ): Promise<Decision<Recorded, Sent> | undefined> => {
    const before = recalled(message, given)
    if (!before) return undefined
    const read = new Map<string, ReadDocument>()
    const written = new Map<string, DocumentWrite>()
    const getAll: Transaction['getAll'] = async (paths) => {
      const unknown = [...new Set(paths)].filter((path) => !read.has(path))
      const kept = unknown.flatMap((path) => store.recallDocument(path) ?? [])
      for (const document of kept) read.set(document.path, document)
      const unkept = unknown.filter((path) => !read.has(path))
      for (const document of unkept.length === 0 ? [] : await store.readDocuments(unkept))
        read.set(document.path, document)
      return paths.map((path) => read.get(path)!.value)
    }
    const documents = documentsOf({
      getAll,
      set: (path, value) => void written.set(path, { path, value }),
      delete: (path) => void written.set(path, { path }),
    })
    return appendAs(message, before, async () => {
      const decision = await decide(decidable(message, before), documents)
      if ([...read.keys()].some((path) => !written.has(path))) return undefined
      const writes = [...written.values()].map((write) => {
        const known = read.get(write.path)
        return known ? { ...write, read: known } : write
      })
      return { decision, documents: writes }
    })
  }

  /** Partners still know the keys that were used since this version, or since this message for a new stream: they repeat their answers. */
  const areKeysKnown = ({ time }: Envelope, { commits }: StoredStream): boolean =>
    parts.now() - Date.parse(commits.at(-1)?.time ?? time) < IDEMPOTENCY_KEY_TTL_MS

  /** Sent by a commit of this stream that the copy lacks: it is of a former version, on which the calls would be others. */
  const isOlderThan = (message: Envelope, { id, version, commits }: StoredStream): boolean => {
    const { source, subject, causationId } = message
    // A command that was sent outside any stream has its subject as the cause.
    const isOfStream = version > 0 && source === parts.service && subject === id && causationId !== subject
    return isOfStream && !commits.some(({ cause }) => cause === causationId)
  }

  /** Calls on a copy, and once more only if the store has another stream: the outcome of the first calls is that of the same stream. */
  const handleWithCallsOnCopy = async <Recorded extends Message, Sent extends OutgoingCommand>(
    message: Envelope,
    given: KeptStream | NewStream,
    decide: (stream: Stream) => Promise<Decision<Recorded, Sent>>,
  ): Promise<Decision<Recorded, Sent>> => {
    const id = idOf(given)
    const kept = recalled(message, given)
    if (!kept || isOlderThan(message, kept) || !areKeysKnown(message, kept))
      return handleWithStored(message, id, decide)
    // Its calls would come before the store refuses another version.
    if (message.expectedVersion !== undefined) return handleWithStored(message, id, decide)
    const copy = visible(kept)
    const first = decide(copy)
    return (
      (await appendAs(message, kept, async () => ({ decision: await first, documents: [] }))) ??
      handleWithStored(message, id, (stream) =>
        isDeepStrictEqual(stream.events, copy.events) ? first : decide(stream),
      )
    )
  }

  const handleWithStored = async <Recorded extends Message, Sent extends OutgoingCommand>(
    message: Envelope,
    given: string | Stream,
    decide: (stream: Stream) => Decision<Recorded, Sent> | Promise<Decision<Recorded, Sent>>,
  ): Promise<Decision<Recorded, Sent>> => {
    const streamId = typeof given === 'string' ? given : given.id
    // A stream that the service was given by `read`, in which the store has its record.
    let known = typeof given === 'string' ? undefined : (given.stored as StoredStream | undefined)
    const companion = known?.companion
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
      const stored = known ?? (await store.load(streamId, companion))
      known = undefined
      const done = await commitCausedBy(stored, message.id)
      if (done) {
        await deliverAgain(stored, done)
        return decisionOf<Recorded, Sent>(done)
      }
      const decision = await decide(decidable(message, stored))
      if (isNothing(decision)) return decision
      if (companion?.isSnapshot && !decision.companion)
        throw new Error(`${message.type} changes ${streamId} without its snapshot: return it as the companion.`)
      const commit = commitOf(stored, message, decision)
      if (await store.append(stored, commit, { companion: decision.companion })) {
        parts.committed?.(commit, stored)
        await deliver(streamId, commit)
        return decision
      }
      await parts.backoff(attempt)
    }
    throw new Unavailable(
      `The stream ${streamId} was written to ${MAX_ATTEMPTS} times while ${message.type} was decided.`,
    )
  }

  return {
    read: (streamId, companion) =>
      read(streamId, companion === undefined ? undefined : { path: companion, isSnapshot: false }),
    list: async (page) => (await store.list(page)).map(visible),
    readRecent: (streamId, snapshot) => read(streamId, { path: snapshot, isSnapshot: true }),
    handleWithCalls: (message, given, decide) =>
      typeof given === 'string' || isStream(given)
        ? handleWithStored(message, given, decide)
        : handleWithCallsOnCopy(message, given, decide),
    async handle<Recorded extends Message, Sent extends OutgoingCommand>(
      message: Envelope,
      given: string | Stream | NewStream,
      decide: (stream: Stream) => Decision<Recorded, Sent>,
    ) {
      if (isStream(given)) return handleWithStored(message, given, decide)
      return (await appendToKept(message, given, decide)) ?? handleWithStored(message, idOf(given), decide)
    },

    async begin<Recorded extends Message, Sent extends OutgoingCommand>(
      message: Envelope,
      { newId, companion }: BegunStream<string>,
      decide: (stream: Stream) => Promise<Decision<Recorded, Sent>>,
    ) {
      // It is known not to be new.
      if (store.recall(newId)) return undefined
      const before = await store.loadNew(newId, companion)
      return appendAs(message, before, async () => ({
        decision: await decide(decidable(message, before)),
        documents: [],
      }))
    },

    async transact<Recorded extends Message, Sent extends OutgoingCommand>(
      message: Envelope,
      given: string | NewStream,
      decide: (stream: Stream, documents: TransactionDocuments<string>) => Promise<Decision<Recorded, Sent>>,
    ) {
      const streamId = idOf(given)
      const appended = await appendWithDocuments(message, given, decide)
      if (appended) return appended
      const { commit, decision, before, done } = await store.transact(streamId, async (stored, transaction) => {
        const done = stored.commits.find(({ cause }) => cause === message.id)
        if (done) return { done, decision: decisionOf<Recorded, Sent>(done), before: stored }
        const decided = await decide(decidable(message, stored), documentsOf(transaction))
        if (isNothing(decided)) return { decision: decided, before: stored }
        const commit = commitOf(stored, message, decided)
        transaction.append(stored, commit)
        return { commit, decision: decided, before: stored }
      })
      if (done) await deliverAgain(before, done)
      if (!commit) return decision
      parts.committed?.(commit, before)
      await deliver(streamId, commit)
      return decision
    },

    async republish(streamId) {
      const { commits } = await store.load(streamId)
      const events = commits.flatMap((commit) =>
        commit.events
          // A report to operators is made once: no listener waits for it.
          .filter(({ sequence, type }) => sequence > 0 && type !== stuckEvent)
          .map((event) => eventEnvelope(parts.service, streamId, commit, event)),
      )
      await parts.publish(events)
      return events.length
    },
  }
}

type AnyDecision = Decision<Message, OutgoingCommand>

/** Undefined if `decide` throws: the store then decides. */
async function attempted<T>(decide: () => Promise<T>): Promise<T | undefined> {
  try {
    return await decide()
  } catch {
    return undefined
  }
}

type Given = string | KeptStream | NewStream

const isStream = (given: Stream | Given): given is Stream => typeof given !== 'string' && 'events' in given
const isNew = (given: Given): given is NewStream => typeof given !== 'string' && 'newId' in given
const idOf = (given: Given): string => (typeof given === 'string' ? given : isNew(given) ? given.newId : given.keptId)

const isRepeated = ({ id }: Envelope, { commits }: StoredStream): boolean => commits.some(({ cause }) => cause === id)

const isNothing = ({ events, commands }: AnyDecision): boolean => events.length === 0 && commands.length === 0

function documentsOf(transaction: Omit<Transaction, 'append'>): TransactionDocuments<string> {
  return {
    get: async (path) => (await transaction.getAll([path]))[0],
    getAll: (paths) => transaction.getAll(paths),
    set: (path, value) => transaction.set(path, value),
    delete: (path) => transaction.delete(path),
  }
}

function eventEnvelope(service: string, subject: string, commit: Commit, event: CommittedEvent): Envelope {
  return {
    ...commonEnvelope(service, subject, commit),
    id: event.id,
    type: event.type,
    version: event.version,
    sequence: event.sequence,
    data: event.data,
  }
}

function commandEnvelope(service: string, subject: string, commit: Commit, command: CommittedCommand): Envelope {
  return {
    ...commonEnvelope(service, subject, commit),
    id: command.id,
    type: command.type,
    version: command.version ?? 1,
    sequence: 0,
    data: command.data,
  }
}

function commonEnvelope(service: string, subject: string, { cause, time, correlationId, actor, traceparent }: Commit) {
  return { source: service, subject, time, correlationId, causationId: cause, traceparent, actor }
}
