/** Takes orders from customers, leads each through its checkout, and keeps its history. */

import { defineService } from '../../shared/service/service.ts'
import { catalogContracts } from '../catalog/contracts.ts'
import { customersContracts } from '../customers/contracts.ts'
import { inventoryContracts } from '../inventory/contracts.ts'
import { paymentsContracts } from '../payments/contracts.ts'
import { shippingContracts } from '../shipping/contracts.ts'
import { checkout } from './checkout.ts'
import { ordersApi } from './api.ts'
import { ordersContracts } from './contracts.ts'
import { facts } from './facts.ts'
import { upcast } from './past-events.ts'
import { chargesSetting, placingBounds, releaseDelaySeconds } from './settings.ts'

export const orders = defineService({
  name: 'orders',
  ingress: 'internal',
  contracts: ordersContracts,
  api: ordersApi,
  uses: [catalogContracts, customersContracts, inventoryContracts, paymentsContracts, shippingContracts],
  on: ['price.changed', 'payment.capture-failed'],
  subscriptions: facts,
  // A price for the replica alone, where the two differ.
  acceptsManualEvents: ['price.changed'],
  acceptsFromOperators: ['AnnounceStatus'],
  acceptsSubmitted: [
    'ImportOrder',
    'RetryCheckout',
    'CloseOrder',
    'RecaptureOrder',
    'CancelOrder',
    'CorrectAddress',
    'PayOrder',
  ],
  // The checkout sends VoidPayment and ReleaseStock as well; an order that is closed or partly cancelled does so on its own.
  sends: [
    'ContinueCheckout',
    'VoidPayment',
    'ReleaseUncaptured',
    'RecapturePayment',
    'RenewAuthorization',
    'CancelShipments',
    'HoldShipments',
    'ResumeShipments',
    'ChangeAddress',
    'CheckShipments',
    'ReleaseStock',
    'ReduceAuthorization',
  ],
  queries: ['readProduct', 'findUnknownReferences'],
  requestsRepublishFrom: ['orders', 'inventory', 'payments', 'shipping'],
  collections: {
    streams: { unindexed: ['*'] },
    prices: { unindexed: ['*'] },
    // It has the orders of the last hour and unpaid ones; none stays unpaid for 40 days.
    placements: { unindexed: ['*'], keptForDays: 40 },
  },
  settings: [releaseDelaySeconds, placingBounds, chargesSetting],
  saga: {
    definition: checkout,
    stateIn(event) {
      // As an earlier revision recorded it, or as this one does.
      const { type, data } = upcast(event)
      return type === 'checkout.progressed' ? data.saga : undefined
    },
    startsOn: 'order.placed',
    endsOn: {
      'order.completed': 'completed',
      'order.closed': 'closed',
      'order.rejected': 'rejected',
      'order.expired': 'expired',
      'order.cancelled': 'cancelled',
    },
    // Declined cards, missing stock, cancellations and customers who do not act are not failures of the platform.
    objective: { name: 'orders-completed', title: 'Orders complete', good: 'completed' },
  },
})
