/**
 * Replays: operators make a service pull dead letters from its own subscription again. They send only the ids; the
 * content is that of Pub/Sub or of the service, so operators can not send content in the name of a service.
 */

import { MAX_DELIVERY_ATTEMPTS } from '../base/attempts.ts'
import type { Config } from '../base/config.ts'
import type { RunningPlatform } from './create-platform.ts'
import type { Waiting } from '../gcp/waiting.ts'
import { type Operator, operatorOf } from '../base/operator.ts'
import { replayCommand, replaySchema } from '../messaging/replay.ts'
import type { SecurityLog } from '../signals/security-log.ts'
import { WrongSource, readEnvelope, Unreadable } from './messages.ts'
import type { Outcome, Receiver } from './receive.ts'

interface Headers {
  get(name: string): string | undefined
}

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

/** One delivery of `ReplayDeadLetters`. */
export type Replay = (body: Buffer, headers: Headers) => Promise<Outcome>

export function createReplay(receiver: Receiver, platform: RunningPlatform, config: Config): Replay {
  const { deadLetterBox: box, security, service } = platform
  const logReplayRefused = ({ actor }: Operator, reason: string, act: Readonly<Record<string, string>> = {}): void =>
    security({ event: 'replay-refused', outcome: 'refused', subject: `operator:${actor}`, reason, act })

  /** Handles one dead letter. False if a later attempt may succeed; true if it was handled, or never can be and stays. */
  const replayed = async (letter: Waiting, headers: Headers, operator: Operator): Promise<boolean> => {
    const { type, outcome } = await receiver.replay(letter, retriesOf(headers) + 1)
    if (outcome instanceof Unreadable) {
      const act = { type, letter: letter.messageId }
      if (outcome instanceof WrongSource) logReplayRefused(operator, outcome.message, act)
      else {
        logAct(security, headers, { operator, event: 'message.replayed', outcome: 'refused', ...act })
        platform.log('WARNING', 'replay.unreadable', { ...act, reason: outcome.message })
      }
      await box.release([letter])
      return true
    }
    const isTaken = outcome.status === 204
    // A dead letter that a later attempt may handle is logged when it is handled, not at each attempt.
    if (isTaken)
      logAct(security, headers, {
        operator,
        event: 'message.replayed',
        outcome: 'done',
        type,
        letter: letter.messageId,
      })
    await (isTaken ? box.acknowledge(letter) : box.release([letter]))
    return isTaken
  }

  return async (body, headers) => {
    const attempt = retriesOf(headers) + 1
    const operator = namedOperator(headers, { type: replayCommand, config, security })
    if (!operator) return dropped
    try {
      const messageIds = readReplay(body)
      const letters = await box.lease(messageIds)
      let later = 0
      for (const letter of letters) if (!(await replayed(letter, headers, operator))) later += 1
      const isMissing = letters.length < messageIds.length
      if (later > 0 ? attempt < MAX_DELIVERY_ATTEMPTS : isMissing && attempt < ATTEMPTS_FOR_MISSING) return notYet
      if (later > 0) platform.log('ERROR', 'replay.failed', { letters: later, attempt, service: service.name })
      return { status: 204 }
    } catch (error) {
      if (error instanceof Unreadable) {
        logReplayRefused(operator, error.message)
        return dropped
      }
      platform.log('WARNING', 'message.retry-later', { type: replayCommand, error })
      return notYet
    }
  }
}

/** The answer to a task that can never be carried out. It is a success, because Cloud Tasks retries a task without end until it gets one. */
export const dropped: Outcome = { status: 204 }
const notYet: Outcome = { status: 503, retryAfterSeconds: 1 }

/** @throws Unreadable */
function readReplay(body: Buffer): readonly string[] {
  const parsed = replaySchema.safeParse(readEnvelope(body, replayCommand).data)
  if (!parsed.success) throw new Unreadable(`${replayCommand} breaks its contract: ${parsed.error.message}`)
  return parsed.data.messageIds
}
