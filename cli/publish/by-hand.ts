/** The event types that may be published by hand, as the descriptions of the services declare them. */

import type { EventContract } from '../../shared/contracts/contract.ts'
import { runtimeContracts } from '../../shared/contracts/runtime-events.ts'
import type { Service } from '../../shared/service/service.ts'
import { nearest } from '../../shared/base/nearest.ts'

export interface ManualEvent {
  readonly contract: EventContract
  /** The service whose event it is. It does not record what is published by hand. */
  readonly owner: string
  /** The services that handle it when it is published by hand. All other subscribers dead-letter it. */
  readonly acceptedBy: readonly string[]
  readonly rejectedBy: readonly string[]
}

/** Event type → those of the services' events that some service accepts by hand. */
export function manualEvents(services: readonly Service[]): ReadonlyMap<string, ManualEvent> {
  return new Map(
    services.flatMap(({ contracts }) =>
      Object.entries(contracts.events).flatMap(([type, contract]): [string, ManualEvent][] => {
        const { true: accepting = [], false: rejecting = [] } = Object.groupBy(
          services.filter(({ on }) => on.includes(type)),
          ({ acceptsManualEvents }) => String(acceptsManualEvents.includes(type)),
        )
        const event = {
          contract,
          owner: contracts.service,
          acceptedBy: namesOf(accepting),
          rejectedBy: namesOf(rejecting),
        }
        return accepting.length === 0 ? [] : [[type, event]]
      }),
    ),
  )
}

/** Why this type can not be published by hand, with the right way: `instead` has a command for some of the services. */
export function refusalOf(
  type: string,
  services: readonly Service[],
  instead: Readonly<Record<string, string>> = {},
): string {
  const accepted = [...manualEvents(services).keys()]
  const offered = accepted.length === 0 ? 'No service accepts an event by hand' : `By hand go: ${accepted.join(', ')}`
  const owner = services.find(({ emits }) => emits.includes(type))?.name
  if (owner === undefined && !Object.hasOwn(runtimeContracts.events, type)) {
    const meant = nearest(
      type,
      services.flatMap(({ emits }) => emits),
    )
    return `No service emits "${type}".${meant === undefined ? '' : ` Did you mean ${meant}?`} ${offered}.`
  }
  const way = owner !== undefined && Object.hasOwn(instead, owner) ? `: ${instead[owner]}` : ', for what happened there'
  return `${owner ? `The service ${owner}` : 'The runtime'} owns ${type} and publishes it itself${way}. ${offered}.`
}

const namesOf = (services: readonly Service[]): string[] => services.map(({ name }) => name)
