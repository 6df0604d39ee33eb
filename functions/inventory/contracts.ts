/** Reservations, releases, shipments, deliveries and adjustments of stock. */

import { z } from 'zod'
import { inventoryRecordQueries } from './record-contracts.ts'
import { defineContracts } from '../../shared/contracts/contract.ts'
import { reference } from '../../shared/base/fields.ts'
import { shopCodes } from '../shop/errors.ts'
import { goods, minor, orderId, sku } from '../shop/fields.ts'

const reservationId = reference
const MAX_PIECES = 10_000_000
const deliveredLines = z
  .array(z.strictObject({ sku, quantity: z.int().min(1).max(MAX_PIECES) }))
  .min(1)
  .max(100)
const lines = [{ lineId: '1', sku: 'TEA-001', quantity: 2 }]

/** `found`: pieces that were thought lost. `returned`: pieces that a customer sent back, and that can be sold again. */
const adjustmentReason = z.enum(['damaged', 'lost', 'found', 'returned'])
const pieces = z.int().min(-MAX_PIECES).max(MAX_PIECES)
const stock = { available: minor, backorderable: z.boolean() }
const rejected = <Shortage extends z.ZodType>(shortage: Shortage) =>
  z.strictObject({ orderId, shortages: z.array(shortage) })
const rejectedV1 = rejected(z.strictObject({ sku, asked: z.int().min(1), ...stock }))

export type { MovementRow, ReservationRow, ShardRow } from './record-contracts.ts'

export const inventoryContracts = defineContracts({
  service: 'inventory',
  events: {
    'stock.reserved': {
      version: 1,
      data: z.strictObject({ orderId, reservationId, lines: goods }),
      example: { orderId: 'o-1', reservationId: 'r-1', lines },
    },
    'stock.rejected': {
      version: 2,
      // `requested`: by all lines of that SKU together, which may be more than one line may request.
      data: rejected(z.strictObject({ sku, requested: z.int().min(1), ...stock })),
      example: { orderId: 'o-1', shortages: [{ sku: 'TEA-001', requested: 2, available: 0, backorderable: false }] },
      previousVersions: {
        1: {
          data: rejectedV1,
          upcast: (old) => {
            const { orderId: id, shortages } = old as z.output<typeof rejectedV1>
            return { orderId: id, shortages: shortages.map(({ asked, ...rest }) => ({ ...rest, requested: asked })) }
          },
        },
      },
    },
    'stock.committed': {
      version: 1,
      data: z.strictObject({ orderId, reservationId, shipmentId: reference, lines: goods }),
      example: { orderId: 'o-1', reservationId: 'r-1', shipmentId: 's-1', lines },
    },
    /** Also the answer when there was nothing to release: then without lines. */
    'stock.released': {
      version: 1,
      data: z.strictObject({ orderId, reservationId, lines: z.array(goods.element) }),
      example: { orderId: 'o-1', reservationId: 'r-1', lines },
    },
    /** A delivery arrived. */
    'stock.received': {
      version: 1,
      data: z.strictObject({ deliveryId: reference, lines: deliveredLines }),
      example: { deliveryId: 'd-1', lines: [{ sku: 'TEA-001', quantity: 100 }] },
    },
    /** Pieces came or went without a delivery or a shipment: `change` of them. `counted`: on hand by a count, the reason of the change. */
    'stock.adjusted': {
      version: 1,
      data: z.strictObject({
        adjustmentId: reference,
        sku,
        // A count may correct many deliveries at once.
        change: z.int(),
        reason: z.enum([...adjustmentReason.options, 'counted']),
        counted: minor.exactOptional(),
      }),
      example: { adjustmentId: 'a-1', sku: 'TEA-001', change: -3, reason: 'damaged' },
    },
  },
  recorded: {
    /** Per SKU, the pieces of each shard that the order holds from now on. */
    'reservation.held': {
      version: 1,
      data: z.record(sku, z.array(minor)),
      example: { 'TEA-001': [2, 0, 0, 0] },
    },
    /** Recorded until deliveries were documents. */
    'delivery.booked': {
      version: 1,
      data: z.strictObject({ lines: deliveredLines }),
      example: { lines: [{ sku: 'TEA-001', quantity: 100 }] },
    },
  },
  commands: {
    ReserveStock: { version: 1, data: z.strictObject({ orderId, lines: goods }), example: { orderId: 'o-1', lines } },
    ReleaseStock: {
      version: 1,
      retryForever: true,
      compensates: 'ReserveStock',
      /** `lines`: release these alone, since the others were shipped; absent: all that the order still holds. */
      data: z.strictObject({ orderId, lines: goods.exactOptional() }),
      example: { orderId: 'o-1', lines },
    },
    /** Goods that arrived, as one delivery: the same `deliveryId` again changes nothing. The query `readDelivery` answers once it is booked. */
    ReceiveStock: {
      version: 1,
      formerSenders: ['gateway'],
      data: z.strictObject({
        deliveryId: reference,
        lines: deliveredLines,
      }),
      example: { deliveryId: 'd-1', lines: [{ sku: 'TEA-001', quantity: 100 }] },
    },
    /** Adds or writes off pieces. The same `adjustmentId` again changes nothing. */
    AdjustStock: {
      version: 1,
      refuses: [shopCodes['unknown-sku'], shopCodes['not-available']],
      data: z.strictObject({
        adjustmentId: reference,
        sku,
        change: pieces.refine((change) => change !== 0, 'takes the pieces that came, or minus those that went'),
        reason: adjustmentReason,
      }),
      example: { adjustmentId: 'a-1', sku: 'TEA-001', change: -3, reason: 'damaged' },
    },
    /** Makes the pieces on hand those that were counted, reserved ones included. The same `adjustmentId` again changes nothing. */
    CountStock: {
      version: 1,
      refuses: [shopCodes['unknown-sku'], shopCodes['not-available']],
      data: z.strictObject({ adjustmentId: reference, sku, counted: z.int().min(0).max(MAX_PIECES) }),
      example: { adjustmentId: 'a-2', sku: 'TEA-001', counted: 97 },
    },
  },
  queries: {
    ...inventoryRecordQueries,
    readStock: {
      method: 'get',
      path: '/stock/{sku}',
      parameters: { sku },
      answers: {
        /** Summed over all shards: on hand is the sum of available and reserved. */
        200: z.object({ sku, available: minor, onHand: minor, reserved: minor, sold: minor }),
      },
      refuses: ['not-found'],
    },
    readDelivery: {
      method: 'get',
      path: '/deliveries/{deliveryId}',
      parameters: { deliveryId: reference },
      answers: { 200: z.object({ deliveryId: reference, lines: deliveredLines }) },
      refuses: ['not-found'],
    },
  },
})
