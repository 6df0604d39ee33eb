/** Parses the bytes of a message by its contract. */

import { z } from 'zod'
import type { CommandContract, Contracts, EventContract, MessageContract } from '../contracts/contract.ts'
import { Unavailable } from '../base/errors.ts'
import { listOf } from '../base/issues.ts'
import { jsonFrom } from '../base/json-bytes.ts'
import { type Envelope, envelopeSchema } from '../contracts/envelope.ts'
import { upcastToCurrent } from '../contracts/versions.ts'

/** The message is invalid, and would be at each retry. It is dead-lettered, with this error's message as the reason. */
export class Unreadable extends Error {}

/** No revision up to this one has had the command: a later one may have sent it. */
export class UnknownCommand extends Unreadable {}

/** The message is valid, but the service in its `source` may not send it. */
export class WrongSource extends Unreadable {}

/** The contract of an event. @throws Unreadable */
export function eventContract(type: string, contracts: readonly Contracts[]): EventContract {
  const contract = contracts.map(({ events }) => events[type]).find((found) => found !== undefined)
  if (!contract) throw new Unreadable(`no contract has the event ${type}`)
  return contract
}

/** The contract of a command of this service. @throws UnknownCommand */
export function commandContract(type: string, own: Contracts): CommandContract {
  const contract = Object.hasOwn(own.commands, type) ? own.commands[type] : undefined
  if (!contract) throw new UnknownCommand(`${own.service} has no command ${type}`)
  return contract
}

/**
 * An event or a command as its handler gets it: data of earlier versions is upcast.
 * @throws Unreadable; Unavailable for data of a version that only a later revision knows
 */
export function inCurrentVersion(message: Envelope, contract: MessageContract): Envelope {
  const { type, version } = message
  return { ...message, version: contract.version, data: currentData({ type, version, data: message.data }, contract) }
}

/** The same for data without an envelope. */
export function currentData(
  given: { readonly type: string; readonly version: number; readonly data: unknown },
  contract: MessageContract,
): unknown {
  const result = contract.data.safeParse(upcast(given, contract))
  if (!result.success) throw broken(given.type, result.error)
  return result.data
}

const broken = (type: string, error: z.ZodError): Unreadable =>
  new Unreadable(`${type} breaks its contract: ${listOf(error, 'the whole')}`)

/**
 * An envelope of this type, with data that is not parsed yet. @param former the type's name in an earlier release
 * @throws Unreadable
 */
export function readEnvelope(bytes: Buffer, type: string, former = type): Envelope {
  const parsedEnvelope = envelopeSchema.safeParse(json(bytes))
  if (!parsedEnvelope.success) throw new Unreadable(`not an envelope: ${listOf(parsedEnvelope.error, 'the whole')}`)
  if (parsedEnvelope.data.type !== type && parsedEnvelope.data.type !== former)
    throw new Unreadable(`the type in the envelope is ${parsedEnvelope.data.type}, not ${type}`)
  return { ...parsedEnvelope.data, type }
}

function json(bytes: Buffer): unknown {
  try {
    return jsonFrom(bytes)
  } catch (error) {
    throw new Unreadable(`not JSON: ${(error as Error).message}`)
  }
}

function upcast(given: Parameters<typeof upcastToCurrent>[1], contract: MessageContract): unknown {
  try {
    return upcastToCurrent(contract, given)
  } catch (error) {
    if (error instanceof Unavailable) throw error
    // Data of an earlier version are checked by that version's contract.
    if (error instanceof z.ZodError) throw broken(given.type, error)
    throw new Unreadable((error as Error).message)
  }
}
