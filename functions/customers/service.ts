/** Keeps customers' addresses, payment methods and consents, and says whose a reference is. Personal data stays here. */

import { defineService } from '../../shared/service/service.ts'
import { customersContracts } from './contracts.ts'

export const customers = defineService({
  name: 'customers',
  ingress: 'internal',
  contracts: customersContracts,
  uses: [],
  on: [],
  sends: ['EraseWithdrawn'],
  collections: { vaults: { unindexed: ['*'] } },
  settings: ['PAYMENT_PROVIDER_URL'],
})
