/** An old version of an event is lifted step by step to the one that is spoken now, wherever it is read: from a message or from a stream. */

import type { EventContract } from './contract.ts'

/** @throws Error that says which version can't be lifted, or breaks its own old contract. */
export function lifted(
  contract: EventContract,
  { type, version, data }: { type: string; version: number; data: unknown },
): unknown {
  if (version > contract.version)
    throw new Error(`${type} has version ${version}, which is newer than ${contract.version}`)
  let current = data
  for (let from = version; from < contract.version; from++) {
    const past = contract.past?.[from]
    if (!past) throw new Error(`${type} has version ${version}, and nothing lifts ${from} to ${from + 1}`)
    current = past.upcast(past.data.parse(current))
  }
  return current
}
