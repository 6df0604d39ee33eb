/** Notifies customers of their orders, and keeps a log of the sent notifications. */

import { defineService } from '../../shared/service/service.ts'
import { ordersContracts } from '../orders/contracts.ts'
import { paymentsContracts } from '../payments/contracts.ts'
import { shippingContracts } from '../shipping/contracts.ts'
import { notificationsContracts } from './contracts.ts'

export const notifications = defineService({
  name: 'notifications',
  ingress: 'internal',
  runtime: 'cloudevent',
  contracts: notificationsContracts,
  uses: [ordersContracts, paymentsContracts, shippingContracts],
  on: [
    'order.placed',
    'order.payment-needed',
    'order.rejected',
    'order.expired',
    'order.cancelled',
    'order.partly-cancelled',
    'order.cancel-refused',
    'order.confirmed',
    'order.completed',
    'shipment.failed',
    'shipment.delivered',
    'order.delayed',
    'shipment.dispatched',
    'payment.capture-failed',
    'refund.pending',
    'refund.issued',
    'refund.failed',
  ],
  sends: [],
  collections: { sends: { unindexed: ['*'], keptForDays: 400 } },
})
