/** Requests between services, derived from their descriptions. Sent commands are messages, and not among them. */

import type { Service } from './service.ts'

/** The services that query this one, or submit commands to it. */
export function callersOf(service: Service, services: readonly Service[]): string[] {
  return services
    .filter(
      ({ calls, submits }) =>
        calls.includes(service.name) || submits.some((command) => service.acceptsSubmitted.includes(command)),
    )
    .map(({ name }) => name)
}

/** The services to which it sends requests: queries, and commands that it submits. Sent commands go to Cloud Tasks. */
export const calleesOf = (service: Service, services: readonly Service[]): string[] =>
  services.filter((other) => callersOf(other, services).includes(service.name)).map(({ name }) => name)
