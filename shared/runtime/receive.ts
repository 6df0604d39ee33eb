/** Takes one delivery: what can't be read is put aside, what the rules refuse is acknowledged, what is not now is delivered again. */

import { z } from 'zod'
import type { Delivery, ServiceApp } from '../app.ts'
import type { Config } from '../config.ts'
import type { RunningPlatform } from '../create-platform.ts'
import type { Envelope } from '../envelope.ts'
import { Refused, Unavailable } from '../errors.ts'
import { jsonFrom } from '../json-bytes.ts'
import { repeatCommand, repeatSchema } from '../repeat.ts'
import { readCommand, readEnvelope, readEvent, Unreadable } from './messages.ts'

/** Of a "do" that failed so often: it is put aside, since an exhausted task would vanish. */
const ATTEMPTS_OF_A_DO = 20
/** From then on an undo or timer that fails is somebody's business. */
const STUCK_FROM_ATTEMPT = 5

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
})

export interface Push {
  readonly data: Buffer
  readonly attributes: Readonly<Record<string, string>>
  readonly messageId: string
}

/** The message in a push request's body. @throws Unreadable */
export function readPush(body: Buffer): Push {
  try {
    const { message } = pushSchema.parse(jsonFrom(body))
    return { ...message, data: Buffer.from(message.data, 'base64') }
  } catch (error) {
    throw new Unreadable(`not a Pub/Sub push message: ${(error as Error).message}`)
  }
}

export interface Receiver {
  /** The event in a push message's data. @throws Unreadable, also for one published by hand that the service does not take. */
  read(type: string, data: Buffer): Envelope
  /** `retries`: how often a replay was tried before; Pub/Sub counts its own deliveries. */
  event(type: string, body: Buffer, retries?: number): Promise<Outcome>
  /** `retries`: how often the task was tried before. */
  command(type: string, body: Buffer, task: { readonly name: string; readonly retries: number }): Promise<Outcome>
  /** Puts aside what is no message at all. */
  deadLetter(type: string, body: Buffer, reason: string): Promise<Outcome>
  /** Runs the handler of an event that was read already. */
  handleEvent(type: string, message: Envelope, delivery: Delivery): Promise<unknown>
  /** What an error of a handler means for the delivery. */
  outcomeOf(error: unknown, message: Envelope): Outcome
}

export function createReceiver(app: ServiceApp, platform: RunningPlatform, _config: Config): Receiver {
  const { service, publisher, log } = platform
  const contracts = [service.contracts, ...service.uses]

  const deadLetter = async (type: string, body: Buffer, reason: string): Promise<Outcome> => {
    log('ERROR', 'message.dead-lettered', { type, reason })
    try {
      await publisher.deadLetter(service.name, body, { type, reason: clipped(reason), listener: service.name })
      return { status: 204 }
    } catch (error) {
      return { status: 503, retryAfterSeconds: error instanceof Unavailable ? error.retryAfterSeconds : 1 }
    }
  }

  const outcomeOf = (error: unknown, message: Envelope): Outcome => {
    const about = {
      type: message.type,
      id: message.id,
      correlationId: message.correlationId,
      traceparent: message.traceparent,
    }
    if (error instanceof Refused) {
      log('WARNING', 'message.refused', { ...about, code: error.code, reason: error.message })
      return { status: 204 }
    }
    if (error instanceof Unavailable) {
      log('WARNING', 'message.postponed', { ...about, reason: error.message })
      return { status: 503, retryAfterSeconds: error.retryAfterSeconds }
    }
    log('ERROR', 'message.failed', { ...about, error })
    return { status: 500 }
  }

  const run = async (message: Envelope, handle: () => Promise<unknown>): Promise<Outcome> => {
    try {
      await handle()
      log('INFO', message.type, {
        id: message.id,
        correlationId: message.correlationId,
        traceparent: message.traceparent,
        subject: message.subject,
      })
      return { status: 204 }
    } catch (error) {
      return outcomeOf(error, message)
    }
  }

  const handleEvent = (type: string, message: Envelope, delivery: Delivery): Promise<unknown> =>
    app.on[type]!(message, platform, delivery)

  const read = (type: string, data: Buffer): Envelope => {
    const message = readEvent(data, type, contracts)
    if (message.sequence > 0 || app.takesByHand?.includes(type)) return message
    throw new Unreadable(`${type} has sequence 0: it was published by hand, and ${service.name} counts what it hears`)
  }

  return {
    read,
    deadLetter,
    outcomeOf,
    handleEvent,
    async event(type, body, retries = 0) {
      let push: Push | undefined
      try {
        push = readPush(body)
        const { messageId } = push
        if (isUsedUp(retries)) return await deadLetter(type, push.data, `replayed, and failed ${retries} times`)
        const message = read(type, push.data)
        return await run(message, () => handleEvent(type, message, { messageId }))
      } catch (error) {
        if (error instanceof Unreadable) return deadLetter(type, push?.data ?? body, error.message)
        throw error
      }
    },
    async command(type, body, { name, retries }) {
      try {
        const isRepeat = type === repeatCommand
        const message = isRepeat ? readRepeat(body) : readCommand(body, type, service.contracts)
        const endless = isRepeat || service.contracts.commands[type]?.endless === true
        const outcome = await run(message, () =>
          isRepeat
            ? platform.streams.repeat((message.data as Repeat).correlationId)
            : app.commands[type]!(message, platform, { messageId: name }),
        )
        if (outcome.status === 204) return outcome
        const attempt = retries + 1
        if (!endless && attempt >= ATTEMPTS_OF_A_DO)
          return await deadLetter(type, body, `failed ${attempt} times, last with ${outcome.status}`)
        if (endless && attempt >= STUCK_FROM_ATTEMPT)
          log('ERROR', 'saga.stuck', { type, correlationId: message.correlationId, attempt })
        return outcome
      } catch (error) {
        if (error instanceof Unreadable) return deadLetter(type, body, error.message)
        throw error
      }
    },
  }
}

type Repeat = z.output<typeof repeatSchema>

function readRepeat(body: Buffer): Envelope<string, Repeat> {
  const message = readEnvelope(body, repeatCommand)
  const parsed = repeatSchema.safeParse(message.data)
  if (!parsed.success) throw new Unreadable(`${repeatCommand} breaks its contract: ${parsed.error.message}`)
  return { ...message, data: parsed.data }
}

/** A replay is a task, which would be repeated without end: it is put aside again. */
export const isUsedUp = (retries: number): boolean => retries >= ATTEMPTS_OF_A_DO

/** Attribute values hold 1,024 bytes. */
const clipped = (reason: string): string =>
  Buffer.from(reason)
    .subarray(0, 1_000)
    .toString('utf8')
    .replace(/\uFFFD+$/, '')
