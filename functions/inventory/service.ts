/** Stock in shards, and the reservations of orders. */

import { defineService } from '../../shared/service/service.ts'
import { shippingContracts } from '../shipping/contracts.ts'
import { inventoryApi } from './api.ts'
import { inventoryContracts } from './contracts.ts'

export const inventory = defineService({
  name: 'inventory',
  ingress: 'internal',
  contracts: inventoryContracts,
  api: inventoryApi,
  uses: [shippingContracts],
  on: ['shipment.dispatched'],
  acceptsSubmitted: ['ReceiveStock', 'AdjustStock', 'CountStock'],
  sends: [],
  collections: {
    streams: { unindexed: ['*'] },
    shards: { unindexed: ['*'] },
    // Deliveries that were booked before they were events. As long as the key under which a delivery was asked for.
    deliveries: { unindexed: ['*'], keptForDays: 400 },
  },
})
