/** Parses the bytes of a message by its contract. */

import type { Contracts, EventContract } from '../contracts/contract.ts'
import { type Issues, listOf } from '../base/issues.ts'
import { jsonFrom } from '../base/json-bytes.ts'
import { type Envelope, envelopeSchema } from '../contracts/envelope.ts'
import { upcastToCurrent } from '../contracts/versions.ts'

/** The message is invalid, and would be at each retry. It is dead-lettered, with this error's message as the reason. */
export class Unreadable extends Error {}

/** The message is valid, but the service in its `source` may not send it. */
export class WrongSource extends Unreadable {}

/** An event with data of the current version: data of earlier versions is upcast. @throws Unreadable */
export function readEvent(bytes: Buffer, type: string, contracts: readonly Contracts[]): Envelope {
  const envelope = readEnvelope(bytes, type)
  const contract = contracts.map(({ events }) => events[type]).find((found) => found !== undefined)
  if (!contract) throw new Unreadable(`no contract has the event ${type}`)
  return { ...envelope, version: contract.version, data: parsed(contract.data, upcast(envelope, contract), type) }
}

/** A command of this service. @param own the service's contracts. @throws Unreadable */
export function readCommand(bytes: Buffer, type: string, own: Contracts): Envelope {
  const contract = Object.hasOwn(own.commands, type) ? own.commands[type] : undefined
  if (!contract) throw new Unreadable(`${own.service} has no command ${type}`)
  const envelope = readEnvelope(bytes, type)
  return { ...envelope, data: parsed(contract.data, envelope.data, type) }
}

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

function upcast(envelope: Envelope, contract: EventContract): unknown {
  try {
    return upcastToCurrent(contract, envelope)
  } catch (error) {
    throw new Unreadable((error as Error).message)
  }
}

interface Schema {
  safeParse(value: unknown): { success: true; data: unknown } | { success: false; error: Issues }
}

function parsed(schema: Schema, data: unknown, type: string): unknown {
  const result = schema.safeParse(data)
  if (!result.success) throw new Unreadable(`${type} breaks its contract: ${listOf(result.error, 'the whole')}`)
  return result.data
}
