/** Upcasts the data of an event or a command from an earlier version, step by step, to the present one, wherever it is read. */

import { Unavailable } from '../base/errors.ts'
import type { MessageContract } from './contract.ts'

interface Versioned {
  readonly type: string
  readonly version: number
  readonly data: unknown
}

/**
 * @throws Error that names the version that has no upcaster, or whose data breaks that version's contract; Unavailable for a
 * version that a later revision sends, which this one can be delivered while both run, and after a roll-back.
 */
export function upcastToCurrent(contract: MessageContract, { type, version, data }: Versioned): unknown {
  if (version > contract.version)
    throw new Unavailable(
      `${type} has version ${version}, which is newer than ${contract.version}: a later revision knows it.`,
    )
  let current = data
  for (let from = version; from < contract.version; from++) {
    const previous = contract.previousVersions?.[from]
    if (!previous) throw new Error(`${type} has version ${version}, and no upcaster from ${from} to ${from + 1}`)
    current = previous.upcast(previous.data.parse(current))
  }
  return current
}

/**
 * A recorded message as decisions see it: upcast. One of a later revision, and one that no contract has any more, stay as
 * they were recorded. Messages were once recorded without a version: they have the first.
 */
export function asDecided<
  Recorded extends { readonly type: string; readonly data: unknown; readonly version?: number },
>(contract: MessageContract | undefined, recorded: Recorded): Recorded {
  const version = recorded.version || 1
  return contract && version < contract.version
    ? { ...recorded, data: upcastToCurrent(contract, { ...recorded, version }) }
    : recorded
}
