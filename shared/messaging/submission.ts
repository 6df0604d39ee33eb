/**
 * Commands that enter from outside under an idempotency key. The service that took the request submits the command to its
 * owner, whose runtime records the key and enqueues the command: the submitter needs no access to any queue.
 */

import { z } from 'zod'
import type { RefusalCode } from '../base/errors.ts'
import { idempotencyKey, reference } from '../base/fields.ts'
import { submissionPath, submittedPath } from '../base/names.ts'
import { type SubmittedCommand, submittedCommand } from '../contracts/command-status.ts'
import type { Contracts } from '../contracts/contract.ts'
import type { AddressCommand } from './outgoing.ts'
import type { Platform } from '../service/platform.ts'
import { type Call, declared } from './query.ts'

/** An owner that was scaled to zero starts, writes to Firestore and calls Cloud Tasks. */
export const SUBMIT_TIMEOUT_MS = 15_000

/** The body of a submission. Its data is parsed by the contract of the command, in the version that the submitter knows. */
export const submissionSchema = z.strictObject({
  /** Unique for this actor and type of command. */
  key: idempotencyKey,
  /** The actor of the command: `admin:…`, `partner:…`. */
  actor: reference,
  /** Id of the aggregate that the command is about, which is its correlation id as well. */
  subject: reference,
  /** The subject whose objects alone the actor may act on: the owner's check answers 404 for those of others. Absent: every object. */
  limitedTo: reference.exactOptional(),
  /** The network address of a limited actor, as the edge reads it, for the security log. */
  address: z.string().exactOptional(),
  /** The version of the subject's stream that the actor has seen: the command is refused in any other one. */
  expectedVersion: z.int().min(0).exactOptional(),
  /** Of the data. The first is left out, since revisions from before commands had versions refuse the field. */
  version: z.int().min(2).exactOptional(),
  data: z.unknown(),
})

interface SubmitParts {
  readonly uses: readonly Contracts[]
  readonly address: AddressCommand
  readonly call: Call
}

export function createSubmit({ uses, address, call }: SubmitParts): Platform['submit'] {
  return async (command, { key, actor, subject, limitedTo, address: network, expectedVersion }) => {
    const { target, type, version, data } = address(command)
    const body = {
      key,
      actor,
      subject,
      ...(limitedTo === undefined ? {} : { limitedTo, ...(network === undefined ? {} : { address: network }) }),
      ...(expectedVersion === undefined ? {} : { expectedVersion }),
      ...(version > 1 ? { version } : {}),
      data,
    } satisfies z.input<typeof submissionSchema>
    const response = await call(target, submissionPath(type), { method: 'POST', body, timeoutMs: SUBMIT_TIMEOUT_MS })
    return declared(response, {
      statuses: ['202'],
      refuses: ['idempotency-key-reused', 'not-found', 'precondition-failed', ...refusalsOf(uses, target, type)],
      about: `${target} answered the submission of ${type}`,
    })
  }
}

interface ReadParts {
  readonly uses: readonly Contracts[]
  readonly submits: readonly string[]
  readonly call: Call
}

export function createReadSubmitted({ uses, submits, call }: ReadParts): Platform['readSubmitted'] {
  const ownersOf = (commands: readonly string[]): string[] =>
    uses.filter((owner) => commands.some((one) => Object.hasOwn(owner.commands, one))).map(({ service }) => service)
  return async (commandId, command) => {
    const readings = ownersOf(command === undefined ? submits : [command]).map(async (owner) =>
      submittedIn(await call(owner, submittedPath(commandId)), `${owner} answered the reading of ${commandId}`),
    )
    try {
      return await Promise.any(
        readings.map(async (reading) => (await reading) ?? Promise.reject(new Error('not here'))),
      )
    } catch {
      // One that did not answer could have it.
      await Promise.all(readings)
      return undefined
    }
  }
}

/** @throws Unavailable while the owner is being deployed; Error for any other answer. */
async function submittedIn(answer: Response, about: string): Promise<SubmittedCommand | undefined> {
  const { response, refused } = await declared(answer, { statuses: ['200'], refuses: ['not-found'], about })
  return refused ? undefined : submittedCommand.parse(await response.json())
}

const refusalsOf = (uses: readonly Contracts[], target: string, type: string): readonly RefusalCode[] =>
  uses.find(({ service }) => service === target)?.commands[type]?.refuses ?? []
