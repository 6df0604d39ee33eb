/** Commands on their way out: each is sent to the service that owns it, with data that keep its contract. */

import type { CommandContract, Contracts } from '../contracts/contract.ts'
import type { Envelope } from '../contracts/envelope.ts'
import { freshId } from '../base/ids.ts'
import type { Platform } from '../service/platform.ts'
import type { Message, OutgoingCommand } from '../contracts/message.ts'
import { republishCommand, republishContract } from './republish.ts'

export interface AddressedCommand {
  readonly target: string
  readonly type: string
  /** Of its contract, with which it is sent. */
  readonly version: number
  /** As its contract parses it. */
  readonly data: unknown
  readonly notBeforeMs?: number
}

/**
 * @throws Error for a command that the description or no contract has, and for data that break its contract: it would lack
 * its grant in the cloud, or be dead-lettered.
 */
export type AddressCommand = (command: OutgoingCommand) => AddressedCommand

/** The part of a description that says which commands leave the service. */
export interface Sender {
  readonly name: string
  readonly contracts: Contracts
  readonly uses: readonly Contracts[]
  /** The commands that it may send. */
  readonly sends: readonly string[]
  readonly requestsRepublishFrom: readonly string[]
}

export function addressing({ name, contracts, uses, sends, requestsRepublishFrom }: Sender): AddressCommand {
  const all = [contracts, ...uses]
  const owners = new Map(
    all.flatMap((owned) => Object.keys(owned.commands).map((command) => [command, owned.service] as const)),
  )
  const find = findCommand({ contracts, uses })
  return (command) => {
    const { type, notBeforeMs } = command
    const target = command.target ?? owners.get(type)
    const contract = target === undefined ? undefined : find(target, type)
    if (target === undefined || !contract) throw new Error(`${name} sends ${type}, which none of its contracts has.`)
    const isDescribed = type === republishCommand ? requestsRepublishFrom.includes(target) : sends.includes(type)
    if (!isDescribed)
      throw new Error(
        `${name} sends ${type} to ${target}, which its description does not have: add it to ${type === republishCommand ? `requestsRepublishFrom: ['${target}']` : `sends: ['${type}']`}.`,
      )
    const { version } = contract
    return {
      target,
      type,
      version,
      data: checked(command, contract.data),
      ...(notBeforeMs === undefined ? {} : { notBeforeMs }),
    }
  }
}

/** The contract of a command of this owner, among those of the service and of the runtime. */
export const findCommand =
  ({ contracts, uses }: Pick<Sender, 'contracts' | 'uses'>) =>
  (owner: string, type: string): CommandContract | undefined => {
    if (type === republishCommand) return republishContract
    const owned = [contracts, ...uses].find(({ service }) => service === owner)?.commands ?? {}
    return Object.hasOwn(owned, type) ? owned[type] : undefined
  }

/** @throws Error that names the message, and what is wrong with it as its cause. */
export function checked(message: Message, schema: { parse(value: unknown): unknown }): unknown {
  try {
    return schema.parse(message.data)
  } catch (error) {
    throw new Error(`${message.type} was decided with data that break its contract.`, { cause: error })
  }
}

interface SendParts {
  readonly service: string
  readonly address: AddressCommand
  now(): number
  /** The traceparent of the span in which the message is sent. */
  traceparent(): string
  enqueue(
    commands: readonly {
      readonly target: string
      readonly envelope: Envelope
      readonly notBeforeMs?: number
      readonly unnamed?: true
    }[],
  ): Promise<void>
}

export function createSend({ service, address, now, traceparent, enqueue }: SendParts): Platform['send'] {
  return async (command, { id, subject, correlationId, actor, expectedVersion, isUnnamed }) => {
    const { target, type, version, data, notBeforeMs } = address(command)
    const nowMs = now()
    await enqueue([
      {
        target,
        ...(id === undefined || isUnnamed ? { unnamed: true } : {}),
        ...(notBeforeMs === undefined ? {} : { notBeforeMs }),
        envelope: {
          id: id ?? freshId(nowMs),
          type,
          version,
          source: service,
          subject,
          sequence: 0,
          time: new Date(nowMs).toISOString(),
          correlationId,
          causationId: subject,
          traceparent: traceparent(),
          actor,
          ...(expectedVersion === undefined ? {} : { expectedVersion }),
          data,
        },
      },
    ])
  }
}
