/**
 * Replays and discards: operators make a service pull dead letters from its own subscription, to handle them again or to
 * delete them. They send only the ids; the content is that of Pub/Sub or of the service, so operators can not send content
 * in the name of a service.
 */

import type { z } from 'zod'
import { MAX_DELIVERY_ATTEMPTS } from '../base/attempts.ts'
import { forEachConcurrently } from '../base/concurrently.ts'
import type { Config } from '../base/config.ts'
import { recordDiscard } from './command-outcomes.ts'
import type { RunningPlatform } from './create-platform.ts'
import { typeOf, type Waiting } from '../gcp/waiting.ts'
import { type Operator, operatorOf } from '../base/operator.ts'
import { discardCommand, replayCommand } from '../base/names.ts'
import { chosenLettersContract, type DeadLetterCommand } from '../messaging/dead-letter-commands.ts'
import type { SecurityLog } from '../signals/security-log.ts'
import { inCurrentVersion, readEnvelope, Unreadable, WrongSource } from './messages.ts'
import type { Outcome, Receiver } from './receive.ts'

interface Headers {
  get(name: string): string | undefined
}

/** The dead letters of one task that a service handles at once: a slow callee would let the leases of the last ones expire. */
const MAX_CONCURRENT_LETTERS = 8
/** Attempts to find a missing dead letter: another reader may hold its lease. After them it counts as acknowledged. */
const ATTEMPTS_FOR_MISSING = 5

/** The number of Cloud Tasks' earlier attempts; 0 for a push of Pub/Sub. */
export const retriesOf = (headers: Headers): number => Number(headers.get('x-cloudtasks-taskretrycount') ?? 0) || 0

interface Sent {
  readonly type: string
  readonly config: Config
  readonly security: SecurityLog
}

/**
 * The operator who sent that task by the operators' account. Undefined, with a security event, for a task without name and reason:
 * it must not be carried out.
 */
export function namedOperator(headers: Headers, { type, config, security }: Sent): Operator | undefined {
  const operator = operatorOf(headers)
  if (!operator) {
    security({
      event: 'operator-unnamed',
      outcome: 'refused',
      subject: config.OPERATIONS_ACCOUNT,
      reason:
        'x-operator and x-operator-reason must name the sender of the task and the reason: npm run ops sets them.',
      act: { type, ...attemptOf(headers) },
    })
  }
  return operator
}

/** An operator sends a command that the service's description opens to operators. */
export function logOperatorCommand(security: SecurityLog, headers: Headers, { operator, type }: Command): void {
  logAct(security, headers, { operator, event: 'operator.command', outcome: 'done', type })
}

interface Command {
  readonly operator: Operator
  readonly type: string
}

function logAct(
  security: SecurityLog,
  headers: Headers,
  {
    operator: { actor, reason },
    event,
    outcome,
    ...act
  }: Command & {
    readonly event: string
    readonly outcome: 'done' | 'refused'
    readonly letter?: string
  },
): void {
  security({ event, outcome, subject: `operator:${actor}`, reason, act: { ...act, ...attemptOf(headers) } })
}

const attemptOf = (headers: Headers): Record<string, string | number | undefined> => ({
  task: headers.get('x-cloudtasks-taskname'),
  attempt: retriesOf(headers) + 1,
})

/** One delivery of `ReplayDeadLetters` or `DiscardDeadLetters`. */
export type DeadLetterAct = (body: Buffer, headers: Headers) => Promise<Outcome>

/** Handles one leased dead letter. False if a later attempt may succeed. */
type Handle = (letter: Waiting, headers: Headers, operator: Operator) => Promise<boolean>

/** Each letter is handled as an event or a command is. One that is refused for good, or fails at every attempt, stays. */
export function createReplay(
  receiver: Pick<Receiver, 'replay'>,
  platform: RunningPlatform,
  config: Config,
): DeadLetterAct {
  const { deadLetterBox: box, security } = platform
  return onEachLetter(replayCommand, { platform, config }, async (letter, headers, operator) => {
    const { type, outcome } = await receiver.replay(letter, retriesOf(headers) + 1)
    const act = { type, letter: letter.messageId }
    if (outcome instanceof Unreadable) {
      if (outcome instanceof WrongSource)
        logRefused(security, replayCommand, { operator, reason: outcome.message, act })
      else {
        logAct(security, headers, { operator, event: 'message.replayed', outcome: 'refused', ...act })
        platform.log('WARNING', 'replay.unreadable', { ...act, reason: outcome.message })
      }
      await box.release([letter])
      return true
    }
    const isTaken = outcome.status === 204
    // A dead letter that a later attempt may handle is logged when it is handled, not at each attempt.
    if (isTaken) logAct(security, headers, { operator, event: 'message.replayed', outcome: 'done', ...act })
    await (isTaken ? box.acknowledge(letter) : box.release([letter]))
    return isTaken
  })
}

/** Each letter is logged, then deleted. A repeat finds it no more. */
export function createDiscard(platform: RunningPlatform, config: Config): DeadLetterAct {
  const { deadLetterBox: box, security, service } = platform
  return onEachLetter(discardCommand, { platform, config }, async (letter, headers, operator) => {
    const type = typeOf(service.name, letter)
    // Before it is deleted: a crash in between must not delete a message without a line.
    logAct(security, headers, {
      operator,
      event: 'message.discarded',
      outcome: 'done',
      type,
      letter: letter.messageId,
    })
    await recordDiscard(platform, { type, data: letter.data })
    await box.acknowledge(letter)
    return true
  })
}

interface Parts {
  readonly platform: RunningPlatform
  readonly config: Config
}

function onEachLetter(command: DeadLetterCommand, { platform, config }: Parts, handle: Handle): DeadLetterAct {
  const { deadLetterBox: box, security, service } = platform
  return async (body, headers) => {
    const attempt = retriesOf(headers) + 1
    const operator = namedOperator(headers, { type: command, config, security })
    if (!operator) return dropped
    try {
      const messageIds = readIds(body, command)
      const letters = await box.lease(messageIds)
      let later = 0
      await forEachConcurrently(letters, MAX_CONCURRENT_LETTERS, async (letter) => {
        if (!(await handle(letter, headers, operator))) later += 1
      })
      const isMissing = letters.length < messageIds.length
      if (later > 0 ? attempt < MAX_DELIVERY_ATTEMPTS : isMissing && attempt < ATTEMPTS_FOR_MISSING) return notYet
      if (later > 0) platform.log('ERROR', 'replay.failed', { letters: later, attempt, service: service.name })
      return { status: 204 }
    } catch (error) {
      if (error instanceof Unreadable) {
        logRefused(security, command, { operator, reason: error.message })
        return dropped
      }
      platform.log('WARNING', 'message.retry-later', { type: command, error })
      return notYet
    }
  }
}

function logRefused(
  security: SecurityLog,
  command: DeadLetterCommand,
  refused: {
    readonly operator: Operator
    readonly reason: string
    readonly act?: Readonly<Record<string, string>>
  },
): void {
  const event = command === replayCommand ? 'replay-refused' : 'discard-refused'
  const { operator, reason, act = {} } = refused
  security({ event, outcome: 'refused', subject: `operator:${operator.actor}`, reason, act })
}

/** The answer to a task that can never be carried out. It is a success, because Cloud Tasks retries a task without end until it gets one. */
export const dropped: Outcome = { status: 204 }
const notYet: Outcome = { status: 503, retryAfterSeconds: 1 }

/** @throws Unreadable, Unavailable */
function readIds(body: Buffer, command: DeadLetterCommand): readonly string[] {
  const { data } = inCurrentVersion(readEnvelope(body, command), chosenLettersContract)
  return (data as z.output<typeof chosenLettersContract.data>).messageIds
}
