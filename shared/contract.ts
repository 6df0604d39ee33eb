/** The messages a service owns: one Zod contract per event and per command, checked when sent and when received. */

import type { z } from 'zod'

export interface EventContract {
  /** Raised when the data's shape changes; the old one stays, with an upcaster. */
  readonly version: number
  readonly data: z.ZodType
  /** One frozen example, which a test parses for ever. */
  readonly example: unknown
  /** Lifts the data of an older version to the next one, by the version it starts from. */
  readonly upcast?: Readonly<Record<number, (old: unknown) => unknown>>
}

export interface CommandContract {
  readonly data: z.ZodType
  /** An undo or a timer: it is never given up, however often it failed. */
  readonly endless?: true
  readonly example: unknown
}

export interface Contracts {
  /** The service that owns, emits and accepts these. */
  readonly service: string
  readonly events: Readonly<Record<string, EventContract>>
  readonly commands: Readonly<Record<string, CommandContract>>
}

export type EventType<C extends Contracts> = C extends Contracts ? keyof C['events'] & string : never
export type CommandType<C extends Contracts> = C extends Contracts ? keyof C['commands'] & string : never

/** `{ type, data }` of every event of these contracts: a closed union. */
export type EventOf<C extends Contracts> = C extends Contracts
  ? { [T in EventType<C>]: { readonly type: T; readonly data: z.output<C['events'][T]['data']> } }[EventType<C>]
  : never

/** `{ type, data }` of every command of these contracts: a closed union. */
export type CommandOf<C extends Contracts> = C extends Contracts
  ? { [T in CommandType<C>]: { readonly type: T; readonly data: z.output<C['commands'][T]['data']> } }[CommandType<C>]
  : never

/** Declares the messages of one service, keeping their literal names and types. */
export function defineContracts<const C extends Contracts>(contracts: C): C {
  return contracts
}
