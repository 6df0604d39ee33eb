/** Commands that a public operation has submitted: answers with their status, at once or after `Prefer: wait` (RFC 7240). */

import { setTimeout as after } from 'node:timers/promises'
import { remainingMs, requestContext } from '../base/deadline.ts'
import { platformCodes, Refused, Unavailable } from '../base/errors.ts'
import type { SubmittedCommand } from '../contracts/command-status.ts'
import type { OperationContext } from '../service/operation-context.ts'
import type { Platform } from '../service/platform.ts'
import { type commandOperations, commandPathOf, type OperationHandler, type PublicApi } from '../service/public-api.ts'

/** The first pause before the owner is asked again; each is twice the last, up to the longest. 20 s take 12 readings at most. */
const FIRST_PAUSE_MS = 100
const MAX_PAUSE_MS = 2_500
/** Of the request's own time, left for the answer. */
const ANSWER_MS = 1_000

interface Submitted {
  readonly commandId: string
  /** The type of the command. */
  readonly command: string
  /** Joins the command's id in the answer. */
  readonly answer?: object
}

/**
 * The answer to a request whose command is in its owner's queue: 200 when it was done within the time that the caller waits, the
 * refusal when it was refused, 202 otherwise. `Location` names the operation that answers later.
 */
export async function answerSubmitted(
  c: OperationContext,
  platform: Platform,
  { commandId, command, answer = {} }: Submitted,
): Promise<Response> {
  const { waitSeconds } = c
  c.header('location', commandPathOf(commandId))
  if (waitSeconds > 0) c.header('preference-applied', `wait=${waitSeconds}`)
  const outcome = waitSeconds > 0 ? await awaited(platform, { commandId, command, waitSeconds }) : undefined
  if (outcome?.status === 'refused') return refused(c, outcome)
  return outcome ? c.json({ commandId, status: outcome.status, ...answer }, 200) : c.json({ commandId, ...answer }, 202)
}

/** Undefined: it is not known yet, or its owner does not answer now. The command itself goes on in either case. */
async function awaited(
  platform: Platform,
  { commandId, command, waitSeconds }: Submitted & Pick<OperationContext, 'waitSeconds'>,
): Promise<SubmittedCommand | undefined> {
  const untilMs = performance.now() + Math.min(waitSeconds * 1_000, (remainingMs() ?? Infinity) - ANSWER_MS)
  const signal = requestContext()?.signal
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, MAX_PAUSE_MS)) {
    const leftMs = untilMs - performance.now()
    if (leftMs <= 0) return undefined
    // The request ends with the reason of its signal.
    await after(Math.min(pauseMs, leftMs), undefined, signal ? { signal } : {}).catch(() => signal?.throwIfAborted())
    const found = await platform.readSubmitted(commandId, command).catch((error: unknown) => {
      if (error instanceof Unavailable) return undefined
      throw error
    })
    if (found && found.status !== 'waiting') return found
  }
}

/** The owner has logged the refusal. */
const refused = (
  c: OperationContext,
  { commandId, code = '', detail, httpStatus: status = platformCodes['request-invalid'].status }: SubmittedCommand,
): Response =>
  c.problem(
    {
      type: `urn:millrace:problem:${code}`,
      title: code.replaceAll('-', ' '),
      status,
      code,
      detail,
      instance: c.instance,
      commandId,
    },
    status,
  )

/** Its submitter and callers with a privileged role may read a command: all others get 404. */
export const commandHandlers = (
  platform: Platform,
  { subjectOf, roles: { privileged } }: Pick<PublicApi, 'subjectOf' | 'roles'>,
): Readonly<Record<keyof typeof commandOperations, OperationHandler<(typeof commandOperations)['readCommand']>>> => ({
  async readCommand({ c, caller, params: { commandId } }) {
    const found = await platform.readSubmitted(commandId)
    const mayRead =
      found && (found.actor === subjectOf(caller) || caller.roles.some((role) => privileged.includes(role)))
    if (!mayRead) throw new Refused('not-found', `There is no command ${commandId}.`)
    return c.json(found, 200)
  },
})
