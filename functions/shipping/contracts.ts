/** Shipments and their way to the customer. */

import { z } from 'zod'
import { defineContracts } from '../../shared/contracts/contract.ts'
import { reference } from '../../shared/base/fields.ts'
import { goods, limits, orderId } from '../shop/fields.ts'

const shipmentId = reference
/** May be empty. */
const someGoods = z.array(goods.element).max(limits.linesPerOrder)
const lines = [{ lineId: '1', sku: 'TEA-001', quantity: 2 }]

export const shippingContracts = defineContracts({
  service: 'shipping',
  events: {
    'shipment.created': {
      version: 1,
      data: z.strictObject({ orderId, shipmentId, lines: goods }),
      example: { orderId: 'o-1', shipmentId: 's-1', lines },
    },
    'shipment.dispatched': {
      version: 1,
      data: z.strictObject({ orderId, shipmentId, lines: goods, trackingRef: reference }),
      example: { orderId: 'o-1', shipmentId: 's-1', lines, trackingRef: 't-1' },
    },
    /** The answer to CancelShipments, once for each cancellation. What is cancelled never leaves; what is refused has left. */
    'shipment.cancel-decided': {
      version: 1,
      data: z.strictObject({
        orderId,
        cancellationId: reference,
        cancelled: someGoods,
        refused: someGoods,
        cancelledShipments: z.array(shipmentId),
      }),
      example: {
        orderId: 'o-1',
        cancellationId: 'c-1',
        cancelled: lines,
        refused: [],
        cancelledShipments: ['s-1'],
      },
    },
  },
  recorded: {
    /** The reference of the address, which the vault answers when the carrier is booked. The name is stored, so it stays. */
    'address.noted': { version: 1, data: z.strictObject({ addressRef: reference }), example: { addressRef: 'a-1' } },
  },
  commands: {
    /** To itself: the carrier's answer is a second commit, so it is a delivery of its own. */
    BookCarrier: { data: z.strictObject({ orderId, shipmentId }), example: { orderId: 'o-1', shipmentId: 's-1' } },
    /**
     * Cancels what has not left of these lines. Without a shipment they are cancelled too: one that is released later is
     * not created. Shipping alone decides between this and the dispatch.
     */
    CancelShipments: {
      retryForever: true,
      data: z.strictObject({ orderId, cancellationId: reference, lines: goods }),
      example: { orderId: 'o-1', cancellationId: 'c-1', lines },
    },
  },
})
