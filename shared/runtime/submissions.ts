/**
 * Takes the commands that other services submit: asks the owner's check of the command, records the idempotency key with the request's hash, enqueues the command to
 * the service's own queue, answers 202. A crash between the two is completed by the same submission again: its task has the
 * same name.
 */

import type { Context, Hono } from 'hono'
import type { RunningPlatform } from './create-platform.ts'
import { refuseIf } from '../base/errors.ts'
import { jsonBody } from '../http/http.ts'
import { derivedId } from '../base/ids.ts'
import { submissionPath } from '../base/names.ts'
import { isHashOfRequest, requestHashOf } from '../base/request-hash.ts'
import { type DocumentPath, documentPath } from '../service/document-path.ts'
import type { OutgoingCommand } from '../contracts/message.ts'
import type { ServiceApp } from '../service/service-app.ts'
import type { Platform } from '../service/platform.ts'
import { submissionOf } from '../messaging/submission.ts'

/** The service that submits this type of command. @throws Refused for a service that may not. */
export type SubmitterOf = (c: Context, type: string) => Promise<string>

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
    const schema = submissionOf(contracts.commands[type]!.data)
    http.post(submissionPath(type), async (c) => {
      const submitter = await submitterOf(c, type)
      const { key, actor, subject, data } = await jsonBody(c, schema)
      const commandId = derivedId(submitter, type, actor, key)
      // The data was parsed by the contract of the command that the check is of.
      await checksSubmitted?.[type]?.(data as never, platform).catch(async (error: unknown) => {
        if (!(await isRecorded(platform, commandId, data))) throw error
      })
      // The key is recorded first: a task that is enqueued under it belongs to the recorded request.
      await recordIdempotencyKey(platform, commandId, { submitter, command: type, actor, data })
      await platform.send<OutgoingCommand>({ type, data }, { id: commandId, subject, correlationId: subject, actor })
      return c.json({ commandId }, 202)
    })
  }
}

/** True for the repeat of a submission that was taken, whatever became of the command's object since. */
async function isRecorded({ documents }: Platform, commandId: string, data: unknown): Promise<boolean> {
  return isHashOfRequest((await documents.get(keyPath(commandId)))?.['requestHash'], data)
}

interface KeyedRequest {
  readonly submitter: string
  readonly command: string
  readonly actor: string
  readonly data: unknown
}

/** @throws Refused when the key belongs to another request. Of two concurrent requests the document decides which is first. */
async function recordIdempotencyKey(
  platform: Platform,
  commandId: string,
  { data, ...about }: KeyedRequest,
): Promise<void> {
  const submittedAt = new Date(platform.now()).toISOString()
  if (await platform.documents.create(keyPath(commandId), { requestHash: requestHashOf(data), ...about, submittedAt }))
    return
  refuseIf(
    !(await isRecorded(platform, commandId, data)),
    'idempotency-key-reused',
    'The idempotency key was used for another request: take a new key for a new request.',
  )
}
