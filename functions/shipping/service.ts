/** Makes shipments of released orders and hands them to the carrier. */

import { defineService } from '../../shared/service/service.ts'
import { customersContracts } from '../customers/contracts.ts'
import { ordersContracts } from '../orders/contracts.ts'
import { shippingContracts } from './contracts.ts'
import { carrierUrl } from './settings.ts'

export const shipping = defineService({
  name: 'shipping',
  ingress: 'internal',
  contracts: shippingContracts,
  uses: [customersContracts, ordersContracts],
  on: ['order.released'],
  sends: ['BookCarrier'],
  queries: ['readAddress'],
  collections: { streams: { unindexed: ['*'] } },
  settings: [carrierUrl],
})
