/** The timeline of each order, from the events of all services: a read model that can be rebuilt. */

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
  emits: [],
  on: [
    'order.placed',
    'order.rejected',
    'order.expired',
    'order.confirmed',
    'order.released',
    'order.completed',
    'order.stalled',
    'order.closed',
    'saga.stuck',
    'stock.reserved',
    'stock.rejected',
    'stock.committed',
    'stock.released',
    'payment.authorized',
    'payment.declined',
    'payment.action-required',
    'payment.captured',
    'payment.capture-failed',
    'payment.voided',
    'shipment.created',
    'shipment.dispatched',
  ],
  accepts: [],
  sends: [],
  collections: { timelines: { unindexed: ['*'], keptForDays: 400 } },
})
