/** Events to which a service subscribes, each with its meaning for the service's rules: one table is subscription and translation. */

import type { Contracts, EventOf, EventType } from '../contracts/contract.ts'
import type { Envelope } from '../contracts/envelope.ts'

export interface Subscriptions<Meaning = unknown> {
  readonly contracts: readonly Contracts[]
  /** By the type of the event. */
  readonly meanings: Readonly<Record<string, (message: never) => Meaning>>
}

type DataOf<C extends Contracts, Type> = Extract<EventOf<C>, { type: Type }>['data']

/**
 * @param contracts of the services whose events these are
 * @param meanings pure functions without the service's rules: every program that reads descriptions loads them
 */
export const subscriptionsFor =
  <Meaning>() =>
  <const Uses extends readonly Contracts[]>(
    contracts: Uses,
    meanings: {
      readonly [Type in EventType<Uses[number]>]?: (message: Envelope<Type, DataOf<Uses[number], Type>>) => Meaning
    },
  ): Subscriptions<Meaning> => ({ contracts, meanings: meanings as Subscriptions<Meaning>['meanings'] })
