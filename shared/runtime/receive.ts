/** Handles one delivery: an unparseable message is dead-lettered, a rejected one is acknowledged, a transient failure is redelivered. */

import { z } from 'zod'
import { MAX_DELIVERY_ATTEMPTS } from '../base/attempts.ts'
import type { Delivery, ServiceApp } from '../service/service-app.ts'
import type { Config } from '../base/config.ts'
import type { RunningPlatform } from './create-platform.ts'
import type { Envelope } from '../contracts/envelope.ts'
import { Refused, Unavailable } from '../base/errors.ts'
import { listOf } from '../base/issues.ts'
import { typeOf, type Waiting } from '../gcp/waiting.ts'
import { jsonFrom } from '../base/json-bytes.ts'
import { accountEmail, accountId } from '../base/names.ts'
import { formerRepublishCommand, republishCommand, republishSchema } from '../messaging/republish.ts'
import { runtimeContracts } from '../contracts/runtime-events.ts'
import { STUCK_FROM_ATTEMPT } from '../saga/saga.ts'
import { contractsOf, type Service } from '../service/service.ts'
import { withOutcome } from './command-outcomes.ts'
import { WrongSource, readCommand, readEnvelope, readEvent, Unreadable } from './messages.ts'

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

export interface Push {
  readonly data: Buffer
  readonly attributes: Readonly<Record<string, string>>
  readonly messageId: string
  readonly attempt: number
  /** All of its JSON, as it came. */
  readonly request: object
}

/** The message in a push request's body. @throws Unreadable */
export function readPush(body: Buffer): Push {
  try {
    const request = jsonFrom(body)
    const { message, deliveryAttempt } = pushSchema.parse(request)
    return {
      ...message,
      data: Buffer.from(message.data, 'base64'),
      attempt: deliveryAttempt,
      request: request as object,
    }
  } catch (error) {
    const reason = error instanceof z.ZodError ? listOf(error, 'the whole') : (error as Error).message
    throw new Unreadable(`not a Pub/Sub push message: ${reason}`)
  }
}

export interface Receiver {
  /** Handles the body of a push within the span of this attempt. */
  event(type: string, body: Buffer, call?: CallFunction): Promise<Outcome>
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

  const run = async (message: Envelope, act: () => Promise<unknown>): Promise<Outcome> => {
    try {
      await act()
      telemetry.handled(message)
      return { status: 204 }
    } catch (error) {
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

  const handle = (message: Envelope, delivery: Delivery): Promise<Outcome> =>
    run(message, () => app.on[message.type]!(message, platform, delivery))

  /** @throws Unreadable, also for a manual event that the service does not accept. */
  const read = (type: string, data: Buffer): Envelope => {
    const message = readEvent(data, type, contracts)
    if (message.sequence > 0 || service.acceptsManualEvents.includes(type)) return message
    throw new Unreadable(
      `${type} has sequence 0: it was published by hand, but ${service.name} accepts numbered events of this type only`,
    )
  }

  const carryOut = (message: Envelope, delivery: Delivery): Promise<unknown> => {
    const act = (): Promise<unknown> => app.commands[message.type]!(message, platform, delivery)
    return service.acceptsSubmitted.includes(message.type) ? withOutcome(platform, message.id, act) : act()
  }

  const handleCommand = async (message: Envelope, body: Buffer, { name, retries }: Task): Promise<Outcome> => {
    const { type } = message
    const isRepublish = type === republishCommand
    const retryForever = isRepublish || service.contracts.commands[type]?.retryForever === true
    const outcome = await run(message, () =>
      isRepublish
        ? platform.streams.republish((message.data as Republish).correlationId)
        : carryOut(message, { messageId: name }),
    )
    if (outcome.status === 204) return outcome
    const attempt = retries + 1
    if (!retryForever && attempt >= MAX_DELIVERY_ATTEMPTS)
      return deadLetter(type, body, `failed ${attempt} times, last with ${outcome.status}`)
    if (retryForever && attempt >= STUCK_FROM_ATTEMPT) telemetry.stuck(message, attempt)
    return outcome
  }

  const replay: Receiver['replay'] = async (letter, attempt) => {
    const { messageId, data } = letter
    const type = typeOf(service.name, letter)
    const isEvent = service.on.includes(type)
    const message = readable(() =>
      fromItsSource(isEvent ? read(type, data) : readCommand(data, type, service.contracts)),
    )
    if (message instanceof Unreadable) return { type, outcome: message }
    const about = { kind: isEvent ? 'event' : 'command', type, messageId, attempt, message } as const
    const act = (): Promise<unknown> =>
      isEvent ? app.on[type]!(message, platform, { messageId }) : carryOut(message, { messageId })
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

  return {
    replay,
    event(type, body, call) {
      const push = readable(() => readPush(body))
      if (push instanceof Unreadable)
        return telemetry.attempt({ kind: 'event', type, messageId: '', attempt: 1 }, () =>
          deadLetter(type, ...beginningOf(body, push.message)),
        )
      const message = readable(() => read(type, push.data))
      const { messageId, data, attributes } = push
      const about = { kind: 'event', type, messageId, attempt: push.attempt } as const
      if (message instanceof Unreadable)
        return telemetry.attempt({ ...about, traceparent: attributes['traceparent'] }, () =>
          deadLetter(type, data, message.message),
        )
      return telemetry.attempt({ ...about, message }, () =>
        call
          ? call(type, push.request, (cloudEventId) => handle(message, { messageId, cloudEventId }))
          : handle(message, { messageId }),
      )
    },
    command(type, body, task) {
      const message = readable(() =>
        type === republishCommand ? readRepublish(body, service) : readCommand(body, type, service.contracts),
      )
      const about = { kind: 'command', type, messageId: task.name, attempt: task.retries + 1 } as const
      if (message instanceof Unreadable)
        return telemetry.attempt({ ...about, traceparent: task.traceparent }, () =>
          deadLetter(type, body, message.message),
        )
      return telemetry.attempt({ ...about, message }, () => handleCommand(message, body, task))
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

type Republish = z.output<typeof republishSchema>

function readRepublish(
  body: Buffer,
  { name, collections }: Pick<Service, 'name' | 'collections'>,
): Envelope<string, Republish> {
  if (!Object.hasOwn(collections, 'streams'))
    throw new Unreadable(`${name} keeps no streams: it has nothing to republish`)
  const message = readEnvelope(body, republishCommand, formerRepublishCommand)
  const parsed = republishSchema.safeParse(message.data)
  if (!parsed.success)
    throw new Unreadable(`${republishCommand} breaks its contract: ${listOf(parsed.error, 'the whole')}`)
  return { ...message, data: parsed.data }
}

/** Attribute values hold 1,024 bytes. */
const clipped = (reason: string): string =>
  Buffer.from(reason)
    .subarray(0, 1_000)
    .toString('utf8')
    .replace(/\uFFFD+$/, '')
