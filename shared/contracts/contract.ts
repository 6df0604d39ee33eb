/** The contracts of a service: one Zod schema per event, command and query, checked when sent and when received. */

import type { z } from 'zod'
import type { RefusalCode } from '../base/errors.ts'
import { shapeOf } from './answer-shape.ts'
import type { Immutable } from './immutable.ts'
import type { OutgoingCommand, RepublishEvents } from './message.ts'
import { checkRefusals, type QueryContract } from './query.ts'

/** The contract of an event or a command: the present shape of its data, and every earlier one. */
export interface MessageContract {
  /** Raised when the data's shape changes; the old one stays, with an upcaster. */
  readonly version: number
  readonly data: z.ZodType
  /**
   * Kept for ever in the service's `frozen-messages.json`, as is that of each previous version.
   */
  readonly example: unknown
  /**
   * Earlier shapes of the data, by version: never deleted, since streams, queues and dead letters hold them for as long as
   * they are kept.
   */
  readonly previousVersions?: Readonly<Record<number, PreviousVersion>>
}

export interface EventContract extends MessageContract {
  /** People read it in BigQuery, where every event is: no service needs to subscribe to it. `npm run check` asks for a listener otherwise. */
  readonly forAnalysis?: true
}

export interface PreviousVersion {
  readonly data: z.ZodType
  /** Turns data of this version into data of the next version. */
  readonly upcast: (old: unknown) => unknown
}

export interface CommandContract extends MessageContract {
  /** Never dead-lettered, however often it fails, also while it can not be read: for compensations, timers, and what no other message would begin anew. */
  readonly retryForever?: true
  /**
   * The command that it compensates. The owner answers the compensation even if that command was never performed, and refuses
   * the command if it arrives later. So a saga can compensate a step whose reply was lost.
   */
  readonly compensates?: string
  /** It changes nothing, inside or outside: there is nothing to compensate. */
  readonly readOnly?: true
  /**
   * Services that sent it in an earlier release: their commands in the queue and among the dead letters, which are kept for 31
   * days, are still taken. They get no right to the queue.
   */
  readonly formerSenders?: readonly string[]
  /**
   * A second execution changes nothing more, and no caller waits for the outcome: a question after a webhook. So its
   * submission records neither key nor outcome, and no caller can read its status.
   */
  readonly repeatable?: true
  /** The codes with which its owner's check refuses a submission of it, besides `not-found`. */
  readonly refuses?: readonly RefusalCode[]
}

export interface Contracts {
  /** The service that owns, emits and accepts these. */
  readonly service: string
  readonly events: Readonly<Record<string, EventContract>>
  /** Recorded in the service's own streams and published to no other: versioned and frozen as events are. */
  readonly recorded?: Readonly<Record<string, EventContract>>
  readonly commands: Readonly<Record<string, CommandContract>>
  /** The queries of other services to it over HTTP, by name. The names are unique among all services. */
  readonly queries?: Readonly<Record<string, QueryContract>>
}

export type EventType<C extends Contracts> = C extends Contracts ? keyof C['events'] & string : never
export type CommandType<C extends Contracts> = C extends Contracts ? keyof C['commands'] & string : never

export type QueryName<C extends Contracts> = C extends { readonly queries: infer Q } ? keyof Q & string : never

/** The contract of a query, by its name. */
export type QueryNamed<C extends Contracts, N extends string> = C extends { readonly queries: infer Q }
  ? N extends keyof Q
    ? Q[N]
    : never
  : never

/** Each event of these contracts, events that are added later included: for a service that subscribes to all of them. */
export const allEventsOf = <const All extends readonly Contracts[]>(...all: All): readonly EventType<All[number]>[] =>
  all.flatMap(({ events }) => Object.keys(events) as EventType<All[number]>[])

/** `{ type, data }` of every event of these contracts: a closed union. */
export type EventOf<C extends Contracts> = C extends Contracts
  ? { [T in EventType<C>]: { readonly type: T; readonly data: z.output<C['events'][T]['data']> } }[EventType<C>]
  : never

/** `{ type, data }` of every command of these contracts: a closed union. */
export type CommandOf<C extends Contracts> = C extends Contracts
  ? { [T in CommandType<C>]: { readonly type: T; readonly data: z.output<C['commands'][T]['data']> } }[CommandType<C>]
  : never

interface Sender {
  readonly contracts: Contracts
  readonly uses: readonly Contracts[]
  readonly sends: readonly string[]
}

type CommandIn<C extends Contracts, Name extends string> = C extends Contracts
  ? {
      [T in CommandType<C> & Name]: { readonly type: T; readonly data: Immutable<z.input<C['commands'][T]['data']>> }
    }[CommandType<C> & Name]
  : never

/** A command as it leaves: when, and under which key. */
type Leaving = Omit<OutgoingCommand, 'type' | 'data' | 'target'>

/** The commands that a described service sends, with their data, and `RepublishEvents`: a closed union. */
export type SentBy<S extends Sender> =
  | (CommandIn<S['contracts'] | S['uses'][number], S['sends'][number]> & Leaving)
  | RepublishEvents

/** The commands that a described service submits to their owners, with their data: a closed union. */
export type SubmittedBy<S extends Omit<Sender, 'sends'> & { readonly submits: readonly string[] }> = CommandIn<
  S['uses'][number],
  S['submits'][number]
>

type RecordedIn<Events> = {
  [T in keyof Events & string]: Events[T] extends { readonly data: infer Schema extends z.ZodType }
    ? { readonly type: T; readonly data: Immutable<z.output<Schema>> }
    : never
}[keyof Events & string]

/** `{ type, data }` of all that a service records in its streams, published or not: a closed union. */
export type RecordOf<C extends Contracts> = C extends { readonly recorded: infer Own }
  ? RecordedIn<C['events']> | RecordedIn<Own>
  : RecordedIn<C['events']>

/**
 * Declares the messages and queries of one service, keeping their literal names and types. An answer is checked for its
 * shape alone, so that data stored under earlier bounds is still answered.
 * @throws Error for a query that could not tell its owner's refusal from an answer of the runtime
 */
export function defineContracts<const C extends Contracts>(contracts: C): C {
  if (!contracts.queries) return contracts
  const queries = Object.entries(contracts.queries).map(([name, query]) => {
    checkRefusals(name, query)
    return [name, withShapes(query)]
  })
  return { ...contracts, queries: Object.fromEntries(queries) as NonNullable<C['queries']> }
}

const withShapes = (query: QueryContract): QueryContract => ({
  ...query,
  answers: Object.fromEntries(
    Object.entries(query.answers).map(([status, schema]) => [status, schema && shapeOf(schema)]),
  ),
})
