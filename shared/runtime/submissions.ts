/**
 * Takes the commands that other services submit. It runs the owner's check of the command, records the idempotency key with the hash
 * of the request, enqueues the command to the service's own queue, and answers 202. After a crash between the key and the task, the
 * same submission enqueues the task: its name is derived from the key.
 */

import type { Context, Hono } from 'hono'
import type { RunningPlatform } from './create-platform.ts'
import { checkVersion } from '../messaging/expected-version.ts'
import { Refused, refuseIf } from '../base/errors.ts'
import type { CommandContract } from '../contracts/contract.ts'
import { jsonBody } from '../http/http.ts'
import { derivedId } from '../base/ids.ts'
import { submissionPath } from '../base/names.ts'
import { isHashOfRequest, requestHashOf } from '../base/request-hash.ts'
import { type DocumentPath, documentPath } from '../service/document-path.ts'
import type { OutgoingCommand } from '../contracts/message.ts'
import type { ServiceApp, Submitter } from '../service/service-app.ts'
import type { Platform } from '../service/platform.ts'
import { submissionSchema } from '../messaging/submission.ts'
import { currentData, Unreadable } from './messages.ts'

/** The service that submits this type of command. @throws Refused for a service that may not. */
export type SubmitterOf = (c: Context, type: string) => Promise<string>

/** The code of a command whose dead letter an operator has deleted. */
export const DISCARDED = 'discarded'

/** The document of an idempotency key. The description of a service with submitted commands gets its collection. */
export const keyPath = (commandId: string): DocumentPath =>
  documentPath<{ readonly collections: { readonly keys: object } }>('keys', commandId)

/** A path for each command that the service's description opens: other commands have no path. */
export function submissionRoutes(
  http: Hono,
  { checksSubmitted }: Pick<ServiceApp, 'checksSubmitted'>,
  platform: RunningPlatform,
  submitterOf: SubmitterOf,
): void {
  const { contracts, acceptsSubmitted } = platform.service
  for (const type of acceptsSubmitted) {
    http.post(submissionPath(type), async (c) => {
      const submitter = await submitterOf(c, type)
      const submission = await jsonBody(c, submissionSchema)
      const { key, actor, subject, limitedTo, address, expectedVersion, version = 1, data: given } = submission
      // A refusal that names a security event is logged with it.
      if (address !== undefined) c.set('address', address)
      const contract = contracts.commands[type]!
      const data = submittedData({ type, version, data: given }, contract)
      const commandId = derivedId(submitter, type, actor, key)
      const request: KeyedRequest = { submitter, command: type, actor, data, given, contract }
      const access = accessOf(actor, limitedTo)
      try {
        // The data was parsed by the contract of the command that the check is of.
        await checksSubmitted?.[type]?.(data as never, platform, access)
        if (!access.isKnown())
          throw new Error(`The check of ${type} does not ask mayActOn: ${actor} could act on objects of others.`)
        // Most conditions that fail do so here, while the caller waits; the others when the command is handled.
        if (expectedVersion !== undefined) checkVersion(submission, await platform.streams.read(subject))
      } catch (error) {
        if (contract.repeatable || !(await isRecorded(platform, commandId, request))) throw error
      }
      // The key is recorded first: a task that is enqueued under it belongs to the recorded request.
      const isDiscarded = !contract.repeatable && (await recordIdempotencyKey(platform, commandId, request))
      await platform.send<OutgoingCommand>(
        { type, data },
        // Cloud Tasks may still know the name of the task that was discarded.
        { id: commandId, subject, correlationId: subject, actor, expectedVersion, isUnnamed: isDiscarded },
      )
      if (isDiscarded) await waitAgain(platform, commandId)
      return c.json({ commandId }, 202)
    })
  }
}

/** @param limitedTo As in `submissionSchema`. */
export function accessOf(actor: string, limitedTo: string | undefined): Submitter & { isKnown(): boolean } {
  let isKnown = limitedTo === undefined
  return {
    actor,
    mayActOn(subject) {
      isKnown = true
      return limitedTo === undefined || subject === limitedTo
    },
    isKnown: () => isKnown,
  }
}

/** @throws Refused for data that break the contract; Unavailable for a version that only a later revision knows. */
export function submittedData(given: Parameters<typeof currentData>[0], contract: CommandContract): unknown {
  try {
    return currentData(given, contract)
  } catch (error) {
    if (error instanceof Unreadable) throw new Refused('invalid-body', error.message)
    throw error
  }
}

interface KeyedRequest {
  readonly submitter: string
  readonly command: string
  readonly actor: string
  /** In the present version. */
  readonly data: unknown
  /** As it was submitted. */
  readonly given: unknown
  readonly contract: CommandContract
}

/**
 * True for the repeat of a submission that was taken, whatever became of the command's object since, and in whatever
 * version of its data either was submitted.
 * @throws Unavailable if a later revision recorded it
 */
const isRecorded = async (platform: Platform, commandId: string, keyed: KeyedRequest): Promise<boolean> =>
  isOf(await recordedIn(platform, commandId), keyed)

interface Recorded {
  readonly requestHash?: unknown
  readonly request?: unknown
  readonly outcome?: { readonly code?: string }
}

const recordedIn = async ({ documents }: Platform, commandId: string): Promise<Recorded> =>
  (await documents.get(keyPath(commandId))) ?? {}

function isOf({ requestHash, request }: Recorded, { command, data, given, contract }: KeyedRequest): boolean {
  // Keys from before commands had versions have the hash alone.
  if (request === undefined) return isHashOfRequest(requestHash, data) || isHashOfRequest(requestHash, given)
  const recorded = JSON.parse(String(request)) as { readonly version: number; readonly data: unknown }
  return requestHashOf(currentData({ type: command, ...recorded }, contract)) === requestHashOf(data)
}

/** Only after its task was enqueued: until then the same submission finds it discarded, and enqueues the task. */
const waitAgain = ({ documents }: Platform, commandId: string): Promise<void> =>
  documents.update(keyPath(commandId), (current) => {
    const { outcome, ...others } = (current ?? {}) as Recorded
    return outcome?.code === DISCARDED ? others : undefined
  })

/**
 * @returns true if the command of the key was discarded
 * @throws Refused when the key belongs to another request. Of two concurrent requests the document decides which is first.
 */
async function recordIdempotencyKey(platform: Platform, commandId: string, keyed: KeyedRequest): Promise<boolean> {
  const { submitter, command, actor, data, contract } = keyed
  const isNew = await platform.documents.create(keyPath(commandId), {
    requestHash: requestHashOf(data),
    // The hash of data in another version is another one. A map could hold no list of lists.
    request: JSON.stringify({ version: contract.version, data }),
    submitter,
    command,
    actor,
    submittedAt: new Date(platform.now()).toISOString(),
  })
  if (isNew) return false
  const recorded = await recordedIn(platform, commandId)
  refuseIf(
    !isOf(recorded, keyed),
    'idempotency-key-reused',
    'The idempotency key was used for another request: take a new key for a new request.',
  )
  return recorded.outcome?.code === DISCARDED
}
