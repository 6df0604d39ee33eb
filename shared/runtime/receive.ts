/**
 * Handles one delivery: an unreadable message is dead-lettered, a rejected one is acknowledged, a transient failure is
 * redelivered. A message of a later revision counts as a transient failure, and so does an unreadable command that is
 * retried for ever: the revision that can read it carries it out.
 */

import { z } from 'zod'
import { MAX_DELIVERY_ATTEMPTS } from '../base/attempts.ts'
import type { Delivery, ServiceApp } from '../service/service-app.ts'
import type { Config } from '../base/config.ts'
import type { RunningPlatform } from './create-platform.ts'
import type { CommandContract } from '../contracts/contract.ts'
import type { Envelope } from '../contracts/envelope.ts'
import { Refused, Unavailable } from '../base/errors.ts'
import { listOf } from '../base/issues.ts'
import { typeOf, type Waiting } from '../gcp/waiting.ts'
import { jsonFrom } from '../base/json-bytes.ts'
import { accountEmail, accountId } from '../base/names.ts'
import { formerRepublishCommand, republishCommand, republishContract } from '../messaging/republish.ts'
import { runtimeContracts } from '../contracts/runtime-events.ts'
import { STUCK_FROM_ATTEMPT } from '../saga/saga.ts'
import { contractsOf } from '../service/service.ts'
import { withOutcome } from './command-outcomes.ts'
import {
  commandContract,
  eventContract,
  inCurrentVersion,
  readEnvelope,
  UnknownCommand,
  Unreadable,
  WrongSource,
} from './messages.ts'

/** A message has 10 MB at most, with its attributes. */
const MAX_DEAD_LETTER_BYTES = 9_990_000

export interface Outcome {
  readonly status: 204 | 500 | 503
  readonly retryAfterSeconds?: number
}

const pushSchema = z.object({
  message: z.object({
    data: z.base64().default(''),
    attributes: z.record(z.string(), z.string()).default({}),
    messageId: z.string().min(1),
  }),
  subscription: z.string(),
  /** Counts from 1; there because every subscription has a dead-letter policy. */
  deliveryAttempt: z.int().min(1).default(1),
})

/** A message of Pub/Sub, pushed or pulled. */
export interface Received {
  readonly data: Buffer
  readonly attributes: Readonly<Record<string, string>>
  readonly messageId: string
  /** Counts from 1. */
  readonly attempt: number
  /** The JSON of its push request. */
  pushRequest(): object
}

/** The message in a push request's body. @throws Unreadable */
export function readPush(body: Buffer): Received {
  try {
    const request = jsonFrom(body)
    const { message, deliveryAttempt } = pushSchema.parse(request)
    return {
      ...message,
      data: Buffer.from(message.data, 'base64'),
      attempt: deliveryAttempt,
      pushRequest: () => request as object,
    }
  } catch (error) {
    const reason = error instanceof z.ZodError ? listOf(error, 'the whole') : (error as Error).message
    throw new Unreadable(`not a Pub/Sub push message: ${reason}`)
  }
}

export interface Receiver {
  /** Handles the body of a push within the span of this attempt. */
  event(type: string, body: Buffer, call?: CallFunction): Promise<Outcome>
  /** Handles a message that was pulled within the span of this attempt. */
  pulled(type: string, received: Received, call?: CallFunction): Promise<Outcome>
  command(type: string, body: Buffer, task: Task): Promise<Outcome>
  /** Takes a dead letter of this service again, as an event or a command. `attempt` counts from 1. */
  replay(letter: Letter, attempt: number): Promise<Replayed>
}

/** A replayed dead letter with its type and outcome; `Unreadable` if it can never be handled. */
export interface Replayed {
  readonly type: string
  readonly outcome: Outcome | Unreadable
}

/** Calls a CloudEvent function with the CloudEvent of a push request; `act` is the function. */
export type CallFunction = (
  type: string,
  pushRequest: object,
  act: (cloudEventId: string) => Promise<Outcome>,
) => Promise<Outcome>

export interface Task {
  readonly name: string
  /** How often it was tried before. */
  readonly retries: number
  readonly traceparent?: string | undefined
}

/** The messages in the service's dead-letter subscription. */
export type Letter = Pick<Waiting, 'messageId' | 'data' | 'attributes'>

export function createReceiver(app: ServiceApp, platform: RunningPlatform, config: Config): Receiver {
  const { service, publisher, telemetry } = platform
  const contracts = contractsOf(service)
  const isKnown = (type: string): boolean =>
    contracts.some(({ events, commands }) => type in events || type in commands) || type === republishCommand

  const deadLetter = async (type: string, body: Buffer, reason: string): Promise<Outcome> => {
    try {
      await publisher.deadLetter(service.name, body, { type, reason: clipped(reason), consumer: service.name })
      // Unknown types share one metric label: a sender could make up any number of them.
      telemetry.deadLettered(isKnown(type) ? type : 'unknown', reason)
      return { status: 204 }
    } catch (error) {
      telemetry.deadLetterFailed(type, reason)
      return { status: 503, retryAfterSeconds: error instanceof Unavailable ? error.retryAfterSeconds : 1 }
    }
  }

  /** `Unreadable`: the message can not be handled, by this revision at least. */
  const run = async (message: Envelope, act: () => Promise<unknown>): Promise<Outcome | Unreadable> => {
    try {
      await act()
      telemetry.handled(message)
      return { status: 204 }
    } catch (error) {
      if (error instanceof Unreadable) return error
      if (error instanceof Refused) {
        telemetry.refused(message, error)
        return { status: 204 }
      }
      if (error instanceof Unavailable) {
        telemetry.retryLater(message, error)
        return { status: 503, retryAfterSeconds: error.retryAfterSeconds }
      }
      telemetry.failed(message, error)
      return { status: 500 }
    }
  }

  const handle = (message: Envelope, delivery: Delivery): Promise<unknown> =>
    app.on[message.type]!(inCurrentVersion(message, eventContract(message.type, contracts)), platform, delivery)

  /** @throws Unreadable, also for a manual event that the service does not accept, or of a later version: a person is no revision. */
  const readEvent = (type: string, data: Buffer): Envelope => {
    const contract = eventContract(type, contracts)
    const message = readEnvelope(data, type)
    if (message.sequence > 0) return message
    if (message.version > contract.version)
      throw new Unreadable(`${type} has version ${message.version}, which is newer than ${contract.version}`)
    if (service.acceptsManualEvents.includes(type)) return message
    throw new Unreadable(
      `${type} has sequence 0: it was published by hand, but ${service.name} accepts numbered events of this type only`,
    )
  }

  /** The contract of a command that the service accepts, those of the runtime included. @throws Unreadable */
  const contractOf = (type: string): CommandContract => {
    if (type !== republishCommand) return commandContract(type, service.contracts)
    if (Object.hasOwn(service.collections, 'streams')) return republishContract
    throw new Unreadable(`${service.name} keeps no streams: it has nothing to republish`)
  }

  const isRetriedForever = (type: string): boolean => {
    const contract = readable(() => contractOf(type))
    return !(contract instanceof Unreadable) && contract.retryForever === true
  }

  const readCommand = (type: string, data: Buffer): Envelope => {
    contractOf(type)
    return readEnvelope(data, type, type === republishCommand ? formerRepublishCommand : type)
  }

  const carryOut = async (message: Envelope, delivery: Delivery): Promise<unknown> => {
    const { type } = message
    const contract = contractOf(type)
    const current = inCurrentVersion(message, contract)
    if (type === republishCommand)
      return platform.streams.republish((current.data as { readonly correlationId: string }).correlationId)
    const act = (): Promise<unknown> => app.commands[type]!(current, platform, delivery)
    const isKeyed = service.acceptsSubmitted.includes(type) && !contract.repeatable
    return isKeyed ? withOutcome(platform, message.id, act) : act()
  }

  /** A command that failed, or that this revision can not read: it is retried, or dead-lettered. */
  const notDone = (
    type: string,
    body: Buffer,
    task: Task,
    failure: Outcome | Unreadable,
  ): Promise<Outcome> | Outcome => {
    const attempt = task.retries + 1
    const isUnreadable = failure instanceof Unreadable
    const retryForever = isRetriedForever(type)
    const isDeadLetter = attempt >= MAX_DELIVERY_ATTEMPTS || (isUnreadable && !(failure instanceof UnknownCommand))
    if (!retryForever && isDeadLetter) {
      const reason = isUnreadable ? failure.message : `failed ${attempt} times, last with ${failure.status}`
      return deadLetter(type, body, reason)
    }
    if (isUnreadable) telemetry.retryLater({ type }, failure)
    if (retryForever && attempt >= STUCK_FROM_ATTEMPT) telemetry.stuck({ type }, attempt)
    return isUnreadable ? { status: 503, retryAfterSeconds: 1 } : failure
  }

  const replay: Receiver['replay'] = async (letter, attempt) => {
    const { messageId, data } = letter
    const type = typeOf(service.name, letter)
    const isEvent = service.on.includes(type)
    const message = readable(() => fromItsSource(isEvent ? readEvent(type, data) : readCommand(type, data)))
    if (message instanceof Unreadable) return { type, outcome: message }
    const about = { kind: isEvent ? 'event' : 'command', type, messageId, attempt, message } as const
    const act = (): Promise<unknown> => (isEvent ? handle : carryOut)(message, { messageId })
    return { type, outcome: await telemetry.attempt(about, () => run(message, act)) }
  }

  /** @throws WrongSource if the source is neither the service that emits the event nor a service that may send the command. */
  const fromItsSource = (message: Envelope): Envelope => {
    const { type, source, sequence } = message
    const emitter = contracts.find(({ events }) => Object.hasOwn(events, type))?.service
    // Any service may publish those of the runtime, if IAM lets it.
    const isOfRuntime = emitter === runtimeContracts.service
    const isByHand = emitter !== undefined && sequence === 0
    const senders = (Object.hasOwn(config.SENDERS, type) && config.SENDERS[type]) || []
    const account = accountEmail(accountId(source), config.GOOGLE_CLOUD_PROJECT)
    if (emitter === undefined ? senders.includes(account) : isByHand || isOfRuntime || emitter === source)
      return message
    throw new WrongSource(`${source} may not send ${type}`)
  }

  const receive: Receiver['pulled'] = (type, { messageId, data, attributes, attempt, pushRequest }, call) => {
    const about = { kind: 'event', type, messageId, attempt } as const
    const message = readable(() => readEvent(type, data))
    if (message instanceof Unreadable)
      return telemetry.attempt({ ...about, traceparent: attributes['traceparent'] }, () =>
        deadLetter(type, data, message.message),
      )
    const act = async (delivery: Delivery): Promise<Outcome> => {
      const outcome = await run(message, () => handle(message, delivery))
      return outcome instanceof Unreadable ? deadLetter(type, data, outcome.message) : outcome
    }
    return telemetry.attempt({ ...about, message }, () =>
      call ? call(type, pushRequest(), (cloudEventId) => act({ messageId, cloudEventId })) : act({ messageId }),
    )
  }

  return {
    replay,
    pulled: receive,
    event(type, body, call) {
      const push = readable(() => readPush(body))
      if (!(push instanceof Unreadable)) return receive(type, push, call)
      return telemetry.attempt({ kind: 'event', type, messageId: '', attempt: 1 }, () =>
        deadLetter(type, ...beginningOf(body, push.message)),
      )
    },
    command(type, body, task) {
      const about = { kind: 'command', type, messageId: task.name, attempt: task.retries + 1 } as const
      const message = readable(() => readCommand(type, body))
      if (message instanceof Unreadable)
        return telemetry.attempt({ ...about, traceparent: task.traceparent }, async () =>
          notDone(type, body, task, message),
        )
      return telemetry.attempt({ ...about, message }, async () => {
        const outcome = await run(message, () => carryOut(message, { messageId: task.name }))
        return !(outcome instanceof Unreadable) && outcome.status === 204 ? outcome : notDone(type, body, task, outcome)
      })
    },
  }
}

function readable<T>(read: () => T): T | Unreadable {
  try {
    return read()
  } catch (error) {
    if (error instanceof Unreadable) return error
    throw error
  }
}

/**
 * As much of a request that is no push message as a dead letter holds. Nothing of it can be taken again. The data of a
 * push message that is too large for a dead letter is not shortened: Pub/Sub's own policy moves it as a whole.
 */
function beginningOf(body: Buffer, reason: string): [Buffer, string] {
  if (body.length <= MAX_DEAD_LETTER_BYTES) return [body, reason]
  return [
    body.subarray(0, MAX_DEAD_LETTER_BYTES),
    `the first ${MAX_DEAD_LETTER_BYTES} of ${body.length} bytes: ${reason}`,
  ]
}

/** Attribute values hold 1,024 bytes. */
const clipped = (reason: string): string =>
  Buffer.from(reason)
    .subarray(0, 1_000)
    .toString('utf8')
    .replace(/\uFFFD+$/, '')
