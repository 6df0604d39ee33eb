/** Records the outcome of a submitted command in the document of its idempotency key, and answers the submitter who reads it. A command that is discarded as a dead letter has one too. */

import type { Context, Hono } from 'hono'
import { z } from 'zod'
import { Refused } from '../base/errors.ts'
import { shortened } from '../base/shortened.ts'
import type { SubmittedCommand } from '../contracts/command-status.ts'
import type { Platform } from '../service/platform.ts'
import type { RunningPlatform } from './create-platform.ts'
import { readEnvelope, Unreadable } from './messages.ts'
import { DISCARDED, keyPath } from './submissions.ts'

const DETAIL_CHARACTERS = 2_000

/** The document of a key. Those from before commands had a status have the hash alone. */
interface KeyDocument {
  readonly requestHash: string
  readonly request?: string
  readonly submitter?: string
  readonly command?: string
  readonly actor?: string
  readonly submittedAt?: string
  readonly outcome?: Outcome
}

type Outcome = Pick<SubmittedCommand, 'finishedAt' | 'code' | 'detail' | 'httpStatus'> & {
  readonly status: 'done' | 'refused'
}

/**
 * Handles a delivery of a command that may have been submitted, and records whether it was done or refused: one read, and one
 * write unless it is recorded already. The delivery ends only after that, so that a crash or a failure before it is made good by the
 * redelivery, which decides nothing new.
 * @throws what `act` throws; Unavailable when the outcome could not be recorded.
 */
export async function withOutcome(platform: Platform, commandId: string, act: () => Promise<unknown>): Promise<void> {
  try {
    await act()
  } catch (error) {
    if (error instanceof Refused)
      await record(platform, commandId, {
        status: 'refused',
        code: error.code,
        detail: shortened(error.message, DETAIL_CHARACTERS),
        httpStatus: error.status,
      })
    throw error
  }
  await record(platform, commandId, { status: 'done' })
}

const record = (platform: Platform, commandId: string, outcome: Outcome): Promise<void> =>
  // The same type of command that the service sent to itself has no key.
  platform.documents.update(keyPath(commandId), (current) =>
    current === undefined || isFinal((current as unknown as KeyDocument).outcome, outcome)
      ? undefined
      : { ...current, outcome: { ...outcome, finishedAt: new Date(platform.now()).toISOString() } },
  )

/** The first outcome stays. A discarded command has one only once it is handled after all: by another task, or another dead letter. */
const isFinal = (recorded: Outcome | undefined, { code }: Outcome): boolean =>
  recorded !== undefined && (recorded.code !== DISCARDED || code === DISCARDED)

const DISCARDED_STATUS = 409

/** An operator deletes the dead letter of a command: its submitter waits no longer, unless the same submission comes again. A letter that is no envelope has none. */
export async function recordDiscard(
  platform: RunningPlatform,
  { type, data }: { readonly type: string; readonly data: Buffer },
): Promise<void> {
  const commandId = platform.service.acceptsSubmitted.includes(type) ? idIn(type, data) : undefined
  if (commandId === undefined) return
  const detail =
    'It failed at every attempt, and an operator has discarded it. If it is still needed, repeat the same request under the same key: what it has done already is not done again.'
  await record(platform, commandId, { status: 'refused', code: DISCARDED, detail, httpStatus: DISCARDED_STATUS })
}

function idIn(type: string, data: Buffer): string | undefined {
  try {
    return readEnvelope(data, type).id
  } catch (error) {
    if (error instanceof Unreadable) return undefined
    throw error
  }
}

/** `GET /submissions/{commandId}` for the services that submit commands to this one: each reads its own. */
export function outcomeRoute(http: Hono, platform: Platform, submitterOf: (c: Context) => Promise<string>): void {
  http.get('/submissions/:commandId', async (c) => {
    const submitter = await submitterOf(c)
    const commandId = z.uuid().safeParse(c.req.param('commandId')).data
    const document = commandId && ((await platform.documents.get(keyPath(commandId))) as KeyDocument | undefined)
    if (!document || document.submitter !== submitter) throw new Refused('not-found', 'There is no such command.')
    const { command, actor, submittedAt, outcome = { status: 'waiting' } } = document
    return c.json({ commandId, command, actor, submittedAt, ...outcome }, 200)
  })
}
