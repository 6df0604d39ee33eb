/** The public operations of the inventory. */

import { derivedId } from '../../shared/base/ids.ts'
import type { Caller } from '../../shared/service/operation.ts'
import { catalogContracts } from '../catalog/contracts.ts'
import { shopCodes } from '../shop/errors.ts'
import { defineApi } from '../shop/roles.ts'
import { inventoryContracts } from './contracts.ts'

const adjustmentId = ({ sub }: Caller, key: string): string => derivedId('adjustment', sub, key)

export const inventoryApi = defineApi(
  inventoryContracts,
  ({ asks, submits }) => ({
    receiveStock: submits('ReceiveStock', {
      path: '/v1/stock',
      summary: 'Book a delivery of stock',
      access: 'warehouse',
      derives: { deliveryId: ({ sub }, key) => derivedId('delivery', sub, key) },
      subject: 'deliveryId',
      answers: ['deliveryId'],
      isChecked: true,
      problems: [shopCodes['unknown-sku']],
    }),
    adjustStock: submits('AdjustStock', {
      path: '/v1/stock/{sku}/adjustments',
      summary: 'Add or write off pieces, with the reason',
      access: 'warehouse',
      derives: { adjustmentId },
      subject: 'sku',
      answers: ['adjustmentId'],
    }),
    countStock: submits('CountStock', {
      path: '/v1/stock/{sku}/counts',
      summary: 'Make the stock what was counted, reserved pieces included',
      access: 'warehouse',
      derives: { adjustmentId },
      subject: 'sku',
      answers: ['adjustmentId'],
    }),
    readStock: asks('readStock', {
      path: '/v1/stock/{sku}',
      summary: 'Read the stock of a product',
      access: 'staff',
      answers: { 200: 'Its stock, summed over all shards: on hand is the sum of available and reserved.' },
    }),
    readDelivery: asks('readDelivery', {
      path: '/v1/deliveries/{deliveryId}',
      summary: 'See whether a delivery is booked',
      access: 'warehouse',
      answers: { 200: 'The delivery is booked.' },
    }),
  }),
  { uses: [catalogContracts], queries: ['findUnknownSkus'] },
)
