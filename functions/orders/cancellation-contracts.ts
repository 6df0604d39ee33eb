/** The events and the command of a cancellation, which `contracts.ts` joins to those of an order. */

import { z } from 'zod'
import { reference } from '../../shared/base/fields.ts'
import { shopCodes } from '../shop/errors.ts'
import { goods, minor, orderId } from '../shop/fields.ts'

/** Codes and no text: what a person writes may name persons, and events are kept for years. */
export const cancelReasons = [
  'changed-mind',
  'ordered-by-mistake',
  'takes-too-long',
  'found-elsewhere',
  'asked-by-customer',
  'not-deliverable',
  'suspected-fraud',
  'other',
] as const
const cancelReason = z.enum(cancelReasons)

const by = z.enum(['customer', 'staff'])
const lines = [{ lineId: '1', sku: 'TEA-001', quantity: 2 }]
const cancelled = z.strictObject({
  orderId,
  by,
  reason: cancelReason,
  lines: goods,
  /** The amount that the customer does not pay: the lines at their prices, for the whole order its total. */
  amountMinor: minor,
})

export const cancellationEvents = {
  'order.cancel-requested': {
    version: 1,
    data: z.strictObject({
      orderId,
      cancellationId: reference,
      by,
      reason: cancelReason,
      /** Where the order stood. `shipping`: it was released, so shipping decides; before, orders does. */
      stage: z.enum(['checkout', 'before-release', 'shipping']),
    }),
    example: { orderId: 'o-1', cancellationId: 'c-1', by: 'customer', reason: 'changed-mind', stage: 'shipping' },
  },
  /** The whole order ends: nothing of it is shipped or charged. */
  'order.cancelled': {
    version: 1,
    data: cancelled,
    example: { orderId: 'o-1', by: 'customer', reason: 'changed-mind', lines, amountMinor: 2380 },
  },
  /** Only these lines end: the others have left, and the order goes on with them. */
  'order.partly-cancelled': {
    version: 1,
    data: cancelled,
    example: { orderId: 'o-1', by: 'customer', reason: 'changed-mind', lines, amountMinor: 2380 },
  },
  'order.cancel-refused': {
    version: 1,
    data: z.strictObject({
      orderId,
      by,
      /** The code with which a request would be refused now. */
      reason: reference,
      lines: goods,
    }),
    example: { orderId: 'o-1', by: 'customer', reason: 'already-dispatched', lines },
  },
} as const

export const cancellationRecords = {
  /** A service has taken back its part of the lines that were cancelled. */
  'cancellation.settled': {
    version: 1,
    data: z.strictObject({ service: z.enum(['inventory', 'payments']) }),
    example: { service: 'inventory' },
  },
} as const

export const cancellationCommands = {
  /** A customer or staff cancels what has not left. */
  CancelOrder: {
    data: z.strictObject({ orderId, reason: cancelReason, by }),
    refuses: [
      shopCodes['already-dispatched'],
      shopCodes['already-completed'],
      shopCodes['already-closed'],
      shopCodes['already-rejected'],
      shopCodes['already-expired'],
    ],
    example: { orderId: 'o-1', reason: 'changed-mind', by: 'customer' },
  },
} as const
