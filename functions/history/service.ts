/** The timeline of each order, from the events of all services: a read model that can be rebuilt. */

import { allEventsOf } from '../../shared/contracts/contract.ts'
import { runtimeContracts } from '../../shared/contracts/runtime-events.ts'
import { defineService } from '../../shared/service/service.ts'
import { inventoryContracts } from '../inventory/contracts.ts'
import { ordersContracts } from '../orders/contracts.ts'
import { paymentsContracts } from '../payments/contracts.ts'
import { shippingContracts } from '../shipping/contracts.ts'
import { historyContracts } from './contracts.ts'

export const history = defineService({
  name: 'history',
  ingress: 'internal',
  contracts: historyContracts,
  uses: [ordersContracts, inventoryContracts, paymentsContracts, shippingContracts],
  // The correlation id of each event is an order's id.
  on: allEventsOf(ordersContracts, inventoryContracts, paymentsContracts, shippingContracts, runtimeContracts),
  sends: [],
  collections: { timelines: { unindexed: ['*'], keptForDays: 400 } },
})
