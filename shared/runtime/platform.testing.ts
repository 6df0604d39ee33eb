/** A platform for tests: the same protocol over a store in memory, a virtual clock, and lists of all sent messages. */

import type { RunningPlatform } from './create-platform.ts'
import type { Envelope } from '../contracts/envelope.ts'
import { Unavailable } from '../base/errors.ts'
import { readSecrets, readSettings } from '../base/config.ts'
import { secretVariable } from '../base/secret.ts'
import { createHealth } from '../service/health.ts'
import { addressing, createSend } from '../messaging/outgoing.ts'
import { declaredStores } from '../messaging/collections.ts'
import type { Platform } from '../service/platform.ts'
import { createSecurityLog } from '../signals/security-log.ts'
import { enqueuedBy, type Service } from '../service/service.ts'
import type { ReadViews } from '../service/view-rows.ts'
import { type Call, createQuery } from '../messaging/query.ts'
import { createReadSubmitted, createSubmit } from '../messaging/submission.ts'
import { keepStreams } from '../messaging/kept-streams.ts'
import type { StreamStore } from '../messaging/stream-store.ts'
import { createStreams, type StreamsParts } from '../messaging/streams.ts'
import { currentSpan } from '../signals/span.ts'
import { memory, type Memory, type Interleave } from '../messaging/memory.testing.ts'
import { testTelemetry, type TestTelemetry } from '../instrumentation/telemetry.testing.ts'

export const startOfTests = '2026-01-01T00:00:00.000Z'
export const testTrace = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'

export interface SentCommand {
  readonly target: string
  readonly envelope: Envelope
  readonly notBeforeMs?: number
  /** Sent without a name: the timer of a request from outside. */
  readonly unnamed?: true
}

export interface DeadLetter {
  readonly messageId: string
  readonly service: string
  readonly data: string
  readonly attributes: Readonly<Record<string, string>>
}

export interface ExternalCall {
  readonly url: string
  readonly options: Parameters<Platform<string>['callExternal']>[1]
}

export interface TestOptions {
  readonly settings?: Readonly<Record<string, string>>
  /** By name; absent: `the-value-of-NAME`. */
  readonly secrets?: Readonly<Record<string, string>>
  /** Answers queries to other services; absent: every one is unavailable. */
  readonly call?: Call
  /** Answers calls to partners; absent: every one is unavailable. */
  readonly callExternal?: Platform<string>['callExternal']
  /** Answers posts to addresses of clients; absent: none answers. */
  readonly postOutside?: Platform['postOutside']
  /** Answers what is asked of BigQuery's views; absent: BigQuery is unavailable. */
  readonly readViews?: ReadViews
  readonly startAt?: string
  /** The parts that the services of one simulation share. */
  readonly outside?: SimulatedSurroundings
  /** The store of another instance of the service; absent: its own. */
  readonly kept?: Memory
  /** Keeps streams of the store; absent: as one instance does. */
  readonly keep?: (store: StreamStore) => StreamStore
  /** Appends to its streams; absent: as one instance does. */
  readonly appendsOf?: StreamsParts['appendsOf']
}

export interface SimulatedSurroundings {
  now(): number
  readonly interleave: Interleave
  publish(events: readonly Envelope[]): Promise<void>
  send(commands: readonly SentCommand[]): Promise<void>
}

export interface TestPlatform extends RunningPlatform, Pick<Memory, 'storedDocuments' | 'billed'>, TestTelemetry {
  /** Every stream's commits, by the stream's id. */
  readonly commitsByStream: Memory['streams']
  readonly published: Envelope[]
  /** Every send, repeated ones included: their ids distinguish them. */
  readonly sent: SentCommand[]
  readonly deadLetters: DeadLetter[]
  readonly calls: { readonly service: string; readonly path: string }[]
  readonly externalCalls: ExternalCall[]
  /** The ids of streams that exist. */
  streamIds(): readonly string[]
  advance(ms: number): void
  /** Makes the next so many of these operations fail like a broken network, for example after the commit. */
  fail(what: 'publish' | 'send', times?: number): void
}

export function testPlatform(service: Service, options: TestOptions = {}): TestPlatform {
  const { outside } = options
  const kept = options.kept ?? memory(outside?.interleave)
  const stores = declaredStores(service, kept)
  const published: Envelope[] = []
  const sent: SentCommand[] = []
  const deadLetters: DeadLetter[] = []
  const calls: { service: string; path: string }[] = []
  const externalCalls: ExternalCall[] = []
  let letters = 0
  const failures = { publish: 0, send: 0 }
  let nowMs = Date.parse(options.startAt ?? startOfTests)

  const now = (): number => outside?.now() ?? nowMs
  const recorded = testTelemetry({
    service: service.name,
    isEdge: service.ingress === 'public',
    saga: service.saga,
    now,
  })

  const failing = (what: 'publish' | 'send'): void => {
    if (failures[what] === 0) return
    failures[what] -= 1
    throw new Unavailable(`A test made this ${what} fail.`)
  }
  const publish = async (events: readonly Envelope[]): Promise<void> => {
    if (events.length > 0) failing('publish')
    published.push(...events.map(travelled))
    await outside?.publish(events.map(travelled))
  }
  const send = async (commands: readonly SentCommand[]): Promise<void> => {
    if (commands.length > 0) failing('send')
    const leaving = commands.map((command) => ({ ...command, envelope: travelled(command.envelope) }))
    sent.push(...leaving)
    await outside?.send(leaving)
  }
  const unavailable = async (): Promise<Response> => {
    throw new Unavailable('No callee answers in this test.')
  }

  const address = addressing({ ...service, sends: enqueuedBy(service) })
  const call: Call = (name, path, requestOptions) => {
    calls.push({ service: name, path })
    return (options.call ?? unavailable)(name, path, requestOptions)
  }

  return {
    service,
    published,
    sent,
    deadLetters,
    ...recorded,
    // The virtual clock does not advance by itself, so `close` writes the buffered lines.
    partMissing: recorded.telemetry.partMissing,
    security: createSecurityLog({ log: recorded.log, now, later: () => {} }),
    calls,
    externalCalls,
    billed: kept.billed,
    storedDocuments: kept.storedDocuments,
    commitsByStream: kept.streams,
    streamIds: () => [...kept.streams().keys()],
    now,
    advance: (ms) => void (nowMs += ms),
    fail: (what, times = 1) => void (failures[what] = times),
    streams: createStreams({
      service: service.name,
      contracts: service.contracts,
      uses: service.uses,
      saga: service.saga,
      address,
      store: (options.keep ?? keepStreams)(stores.store),
      appendsOf: options.appendsOf,
      now,
      publish,
      send,
      committed: recorded.telemetry.committed,
      backoff: async () => {},
    }),
    documents: stores.documents,
    send: createSend({
      service: service.name,
      address,
      now,
      traceparent: () => currentSpan()?.traceparent ?? testTrace,
      enqueue: send,
    }),
    submit: createSubmit({ uses: service.uses, address: addressing({ ...service, sends: service.submits }), call }),
    readSubmitted: createReadSubmitted({ ...service, call }),
    ...createQuery({ service, call }),
    callExternal: (url, requestOptions) => {
      externalCalls.push({ url, options: requestOptions })
      return (options.callExternal ?? unavailable)(url, requestOptions)
    },
    postOutside: options.postOutside ?? (async () => ({ failure: 'No receiver answers in this test.' })),
    readViews:
      options.readViews ??
      (async () => {
        throw new Unavailable('No view is read in this test.')
      }),
    // One by one: most tests need few of them.
    setting(setting) {
      const { settings } = service
      const named = settings.filter(({ name }) => name === setting.name)
      return readSettings({ name: service.name, settings: named }, options.settings ?? {})(setting)
    },
    secret: (name) => readSecrets(service, { ...options.settings, ...secretsFor(service, options.secrets) })(name),
    publisher: {
      publish,
      async deadLetter(name, data, attributes) {
        failing('publish')
        letters += 1
        deadLetters.push({ messageId: `letter-${letters}`, service: name, data: data.toString('utf8'), attributes })
      },
      close: async () => {},
    },
    deadLetterBox: {
      lease: async (messageIds) =>
        deadLetters
          .filter(({ messageId }) => messageIds.includes(messageId))
          .map(({ messageId, data, attributes }) => ({
            messageId,
            data: Buffer.from(data),
            attributes,
            sinceMs: now(),
            ackId: messageId,
          })),
      async acknowledge({ messageId }) {
        deadLetters.splice(
          deadLetters.findIndex((letter) => letter.messageId === messageId),
          1,
        )
      },
      release: async () => {},
      close: async () => {},
    },
    health: createHealth({ dependencies: {}, openCircuits: () => [], now, log: recorded.log }),
    close: async () => true,
  }
}

/** A copy by way of JSON, as the receiver gets it. */
const travelled = (envelope: Envelope): Envelope => JSON.parse(JSON.stringify(envelope)) as Envelope

const secretsFor = ({ secrets }: Service, values: Readonly<Record<string, string>> = {}): Record<string, string> =>
  Object.fromEntries(
    Object.keys(secrets).map((name) => [secretVariable(name), values[name] ?? `the-value-of-${name}`] as const),
  )
