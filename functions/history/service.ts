/** The timeline of each order and the lists of orders and shipments, from the events of all services: read models that can be rebuilt. */

import { allEventsOf } from '../../shared/contracts/contract.ts'
import { runtimeContracts } from '../../shared/contracts/runtime-events.ts'
import { defineService } from '../../shared/service/service.ts'
import { inventoryContracts } from '../inventory/contracts.ts'
import { ordersContracts } from '../orders/contracts.ts'
import { paymentsContracts } from '../payments/contracts.ts'
import { shippingContracts } from '../shipping/contracts.ts'
import { historyApi } from './api.ts'
import { historyContracts } from './contracts.ts'

/** Facts about a SKU: they belong to no order. */
const ofNoOrder = ['stock.received', 'stock.adjusted'] as const
const all = allEventsOf(ordersContracts, inventoryContracts, paymentsContracts, shippingContracts, runtimeContracts)

export const history = defineService({
  name: 'history',
  ingress: 'internal',
  contracts: historyContracts,
  api: historyApi,
  uses: [ordersContracts, inventoryContracts, paymentsContracts, shippingContracts],
  // The correlation id of each event is an order's id.
  on: all.filter(
    (type): type is Exclude<(typeof all)[number], (typeof ofNoOrder)[number]> =>
      !(ofNoOrder as readonly string[]).includes(type),
  ),
  sends: [],
  collections: {
    timelines: {
      unindexed: ['*'],
      // Orders of a customer, orders by status, both, and all: the newest first, and the oldest first.
      indexes: [
        ['customerRef', '-placedAt'],
        ['standing', '-placedAt'],
        ['customerRef', 'standing', '-placedAt'],
        ['-placedAt'],
        ['customerRef', 'placedAt'],
        ['standing', 'placedAt'],
        ['customerRef', 'standing', 'placedAt'],
        ['placedAt'],
      ],
      keptForDays: 400,
    },
    shipments: {
      unindexed: ['*'],
      indexes: [['standing', '-createdAt'], ['-createdAt'], ['standing', 'createdAt'], ['createdAt']],
      keptForDays: 400,
    },
  },
})
