/** The stacks of an environment by their parts of the name, and those on which each depends. */

import type { Service } from './service.ts'

/** By part, in the order in which the stacks are applied. */
export type StackOrder = Readonly<Record<string, readonly string[]>>

export function stackOrderOf(services: readonly Pick<Service, 'name' | 'ingress'>[]): StackOrder {
  const internal = services.filter(({ ingress }) => ingress === 'internal').map(({ name }) => name)
  return {
    platform: [],
    bus: ['platform'],
    ...Object.fromEntries(
      services.map(({ name, ingress }) => [
        name,
        // Its new revision may ask and submit what only new revisions of the others know.
        ['bus', ...(ingress === 'internal' ? [] : internal)],
      ]),
    ),
    observability: services.map(({ name }) => name),
  }
}
