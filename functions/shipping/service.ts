/** Makes shipments of released orders and hands them to the carrier. */

import type { PlatformOf } from '../../shared/service/platform.ts'
import { defineService } from '../../shared/service/service.ts'
import { customersContracts } from '../customers/contracts.ts'
import { ordersContracts } from '../orders/contracts.ts'
import { shippingApi } from './api.ts'
import { shippingContracts } from './contracts.ts'
import { carrierUrl } from '../shop/fields.ts'
import { piecesPerParcel } from './settings.ts'

export const shipping = defineService({
  name: 'shipping',
  ingress: 'internal',
  contracts: shippingContracts,
  api: shippingApi,
  uses: [customersContracts, ordersContracts],
  on: ['order.released', 'order.payment-renewed'],
  acceptsSubmitted: ['CheckShipments'],
  sends: ['BookCarrier', 'HoldShipments', 'CheckShipments'],
  queries: ['readAddress'],
  collections: { streams: { unindexed: ['*'] } },
  settings: [carrierUrl, piecesPerParcel],
  alertsOn: {
    'booking.not-given-back': {
      severity: 'WARNING',
      labels: ['orderId', 'shipmentId'],
      content:
        'The carrier has answered that a booking is cancelled, and still has it: `docs/operations.md`, A booking that the carrier keeps.',
    },
    'shipment.collected-in-error': {
      severity: 'WARNING',
      labels: ['orderId', 'shipmentId'],
      content:
        'The carrier has collected a parcel whose booking it had given back: `docs/operations.md`, A parcel that was collected in error.',
    },
  },
  secrets: { 'carrier-key': 'Books, reads and cancels parcels.' },
})

export type ShippingPlatform = PlatformOf<typeof shipping>
