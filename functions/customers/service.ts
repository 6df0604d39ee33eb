/** Keeps customers' addresses, payment methods and consents, and says whose a reference is. Personal data stays here. */

import type { PlatformOf } from '../../shared/service/platform.ts'
import { defineService } from '../../shared/service/service.ts'
import { paymentProviderApi, paymentProviderUrl } from '../shop/fields.ts'
import { customersApi } from './api.ts'
import { customersContracts } from './contracts.ts'

export const customers = defineService({
  name: 'customers',
  ingress: 'internal',
  contracts: customersContracts,
  api: customersApi,
  uses: [],
  on: [],
  sends: ['EraseWithdrawn'],
  // By pseudonym: the customer at Stripe.
  collections: { vaults: { unindexed: ['*'] }, holders: { unindexed: ['*'] } },
  settings: [paymentProviderUrl, paymentProviderApi],
  secrets: { 'payment-provider-key': 'Attaches and detaches payment methods.' },
})

export type CustomersPlatform = PlatformOf<typeof customers>
