/** Upcasts an event of a previous version, step by step, to the current one, whenever it is read from a message or a stream. */

import type { EventContract } from './contract.ts'

/** @throws Error that names the version that has no upcaster, or whose data breaks that version's contract. */
export function upcastToCurrent(
  contract: EventContract,
  { type, version, data }: { type: string; version: number; data: unknown },
): unknown {
  if (version > contract.version)
    throw new Error(`${type} has version ${version}, which is newer than ${contract.version}`)
  let current = data
  for (let from = version; from < contract.version; from++) {
    const previous = contract.previousVersions?.[from]
    if (!previous) throw new Error(`${type} has version ${version}, and no upcaster from ${from} to ${from + 1}`)
    current = previous.upcast(previous.data.parse(current))
  }
  return current
}
