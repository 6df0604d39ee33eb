/** The address of a shipment: queried from the vault when the carrier is booked, passed to the carrier, and stored nowhere else. */

import type { Platform } from '../../shared/service/platform.ts'
import { type Address, customersContracts } from '../customers/contracts.ts'

/** Undefined: it was withdrawn, and erased since. @throws Unavailable when the vault does not answer */
export async function addressOf(platform: Platform, addressRef: string): Promise<Address | undefined> {
  const answer = await platform.query(customersContracts, 'readAddress', { addressRef })
  return answer.refused ? undefined : answer.body
}
