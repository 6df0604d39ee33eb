/** Commands on their way out: each is sent to the service that owns it, with data that keep its contract. */

import type { Contracts } from '../contracts/contract.ts'
import type { Envelope } from '../contracts/envelope.ts'
import { freshId } from '../base/ids.ts'
import type { Platform } from '../service/platform.ts'
import type { Message, OutgoingCommand } from '../contracts/message.ts'
import { republishCommand, republishSchema } from './republish.ts'

export interface AddressedCommand {
  readonly target: string
  readonly type: string
  /** As its contract parses it. */
  readonly data: unknown
  readonly notBeforeMs?: number
}

/** @throws Error for a command that no contract has, and for data that break its contract: it would be dead-lettered. */
export type AddressCommand = (command: OutgoingCommand) => AddressedCommand

/** @param contracts the sender's own, and those of the services that it sends commands to */
export function addressing(service: string, contracts: readonly Contracts[]): AddressCommand {
  const owners = new Map(
    contracts.flatMap((owned) => Object.keys(owned.commands).map((command) => [command, owned.service] as const)),
  )
  return (command) => {
    const target = command.target ?? owners.get(command.type)
    const owned = contracts.find((one) => one.service === target)?.commands ?? {}
    const schema =
      command.type === republishCommand
        ? republishSchema
        : Object.hasOwn(owned, command.type)
          ? owned[command.type]!.data
          : undefined
    if (!target || !schema) throw new Error(`${service} sends ${command.type}, which none of its contracts has.`)
    return {
      target,
      type: command.type,
      data: checked(command, schema),
      ...(command.notBeforeMs === undefined ? {} : { notBeforeMs: command.notBeforeMs }),
    }
  }
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
  return async (command, { id, subject, correlationId, actor }) => {
    const { target, type, data, notBeforeMs } = address(command)
    const nowMs = now()
    await enqueue([
      {
        target,
        ...(id === undefined ? { unnamed: true } : {}),
        ...(notBeforeMs === undefined ? {} : { notBeforeMs }),
        envelope: {
          id: id ?? freshId(nowMs),
          type,
          version: 1,
          source: service,
          subject,
          sequence: 0,
          time: new Date(nowMs).toISOString(),
          correlationId,
          causationId: subject,
          traceparent: traceparent(),
          actor,
          data,
        },
      },
    ])
  }
}
