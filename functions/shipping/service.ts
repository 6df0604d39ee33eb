/** Makes shipments of released orders and hands them to the carrier. */

import type { PlatformOf } from '../../shared/service/platform.ts'
import { defineService } from '../../shared/service/service.ts'
import { customersContracts } from '../customers/contracts.ts'
import { ordersContracts } from '../orders/contracts.ts'
import { shippingContracts } from './contracts.ts'
import { carrierUrl } from '../shop/fields.ts'
import { piecesPerParcel } from './settings.ts'

export const shipping = defineService({
  name: 'shipping',
  ingress: 'internal',
  contracts: shippingContracts,
  uses: [customersContracts, ordersContracts],
  on: ['order.released', 'order.payment-renewed'],
  acceptsSubmitted: ['CheckShipments'],
  sends: ['BookCarrier', 'HoldShipments'],
  queries: ['readAddress'],
  collections: { streams: { unindexed: ['*'] } },
  settings: [carrierUrl, piecesPerParcel],
  secrets: { 'carrier-key': 'Books, reads and cancels parcels.' },
})

export type ShippingPlatform = PlatformOf<typeof shipping>
