/** Each grant of the stacks alone, so that one member can be taken out of a binding and put back. */

import type { Provisioned } from 'local-google-cloud'
import { planOf } from '../../emulators/start.ts'

/** Every member of every binding as a resource of its own, with the member in its address; other resources as they are. */
export function withEachGrant(provisioned: readonly Provisioned[]): Provisioned[] {
  return provisioned.flatMap((one) => {
    const { type, address, attributes, ...of } = one.resource
    if (!type.endsWith('_iam_binding')) return [one]
    const { members, ...others } = attributes
    return planOf(
      (members as readonly string[]).map((member) => ({
        ...of,
        type: type.replace(/binding$/, 'member'),
        address: `${address} ${member}`,
        attributes: { ...others, member },
      })),
    )
  })
}
