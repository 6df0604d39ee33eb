/** From bytes to a message that keeps its contract, or the reason why it is none. */

import type { Contracts, EventContract } from '../contract.ts'
import { type Envelope, envelopeSchema } from '../envelope.ts'

/** What can't be taken, ever: it is put aside with this reason. */
export class Unreadable extends Error {}

/** @throws Unreadable */
export function readEvent(bytes: Buffer, type: string, contracts: readonly Contracts[]): Envelope {
  const envelope = readEnvelope(bytes, type)
  const contract = contracts.map(({ events }) => events[type]).find((found) => found !== undefined)
  if (!contract) throw new Unreadable(`no contract has the event ${type}`)
  return { ...envelope, version: contract.version, data: parsed(contract.data, upcasted(envelope, contract), type) }
}

/** @throws Unreadable */
export function readCommand(bytes: Buffer, type: string, own: Contracts): Envelope {
  const contract = own.commands[type]
  if (!contract) throw new Unreadable(`${own.service} has no command ${type}`)
  const envelope = readEnvelope(bytes, type)
  return { ...envelope, data: parsed(contract.data, envelope.data, type) }
}

export function readEnvelope(bytes: Buffer, type: string): Envelope {
  const parsedEnvelope = envelopeSchema.safeParse(json(bytes))
  if (!parsedEnvelope.success) throw new Unreadable(`not an envelope: ${faults(parsedEnvelope.error)}`)
  if (parsedEnvelope.data.type !== type)
    throw new Unreadable(`an envelope of ${parsedEnvelope.data.type} came where ${type} is taken`)
  return parsedEnvelope.data
}

function json(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'))
  } catch (error) {
    throw new Unreadable(`not JSON: ${(error as Error).message}`)
  }
}

/** An old version is lifted step by step to the one that is spoken now. */
function upcasted({ version, data, type }: Envelope, contract: EventContract): unknown {
  if (version > contract.version)
    throw new Unreadable(`${type} has version ${version}, which is newer than ${contract.version}`)
  let lifted = data
  for (let from = version; from < contract.version; from++) {
    const upcast = contract.upcast?.[from]
    if (!upcast) throw new Unreadable(`${type} has version ${version}, and nothing lifts ${from} to ${from + 1}`)
    lifted = upcast(lifted)
  }
  return lifted
}

interface Schema {
  safeParse(
    value: unknown,
  ):
    | { success: true; data: unknown }
    | { success: false; error: { issues: readonly { path: readonly PropertyKey[]; message: string }[] } }
}

function parsed(schema: Schema, data: unknown, type: string): unknown {
  const result = schema.safeParse(data)
  if (!result.success) throw new Unreadable(`${type} breaks its contract: ${faults(result.error)}`)
  return result.data
}

const faults = ({ issues }: { issues: readonly { path: readonly PropertyKey[]; message: string }[] }): string =>
  issues.map(({ path, message }) => `${path.map(String).join('.') || 'the whole'}: ${message}`).join('; ')
