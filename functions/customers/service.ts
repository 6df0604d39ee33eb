/** Keeps customers' addresses, payment methods and consents, and says whose a reference is. Personal data stays here. */

import { defineService } from '../../shared/service/service.ts'
import { paymentProviderUrl } from '../shop/fields.ts'
import { customersContracts } from './contracts.ts'

export const customers = defineService({
  name: 'customers',
  ingress: 'internal',
  contracts: customersContracts,
  uses: [],
  on: [],
  sends: ['EraseWithdrawn'],
  collections: { vaults: { unindexed: ['*'] } },
  settings: [paymentProviderUrl],
})
