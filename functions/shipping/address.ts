/** The address of a shipment: queried from the vault when the carrier is booked, passed to the carrier, and stored nowhere else. */

import { Unavailable } from '../../shared/base/errors.ts'
import type { Platform } from '../../shared/service/platform.ts'
import { type Address, customersContracts } from '../customers/contracts.ts'

/** @throws Unavailable when the vault does not answer, or has none: an operator finds the command among the dead letters. */
export async function addressOf(platform: Platform, addressRef: string): Promise<Address> {
  const answer = await platform.query(customersContracts, 'readAddress', { addressRef })
  if (answer.refused) throw new Unavailable('The vault has no address for this shipment.')
  return answer.body
}
