/** The events and the command of a cancellation, which `contracts.ts` joins to those of an order. */

import { z } from 'zod'
import { reference } from '../../shared/base/fields.ts'
import { shopCodes } from '../shop/errors.ts'
import { goods, minor, orderId } from '../shop/fields.ts'

/** Codes and no text: free text may name persons, and events are kept for years. */
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
/** The platform cancels an order for want of a payment method, or because its goods have not left for too long. */
const byAny = z.enum([...by.options, 'platform'])
const reasonV2 = z.enum([...cancelReasons, 'payment-lapsed'])
const eventReason = z.enum([...reasonV2.options, 'open-too-long'])
const lines = [{ lineId: '1', sku: 'TEA-001', quantity: 2 }]
const cancelledV1 = z.strictObject({
  orderId,
  by,
  reason: cancelReason,
  lines: goods,
  /** The amount that the customer does not pay: the lines at their prices, for the whole order its total. */
  amountMinor: minor,
})
const cancelledV2 = cancelledV1.extend({ by: byAny, reason: reasonV2 })
const cancelled = cancelledV2.extend({ reason: eventReason })
const requestedV1 = z.strictObject({
  orderId,
  cancellationId: reference,
  by,
  reason: cancelReason,
  /** Where the order stood. `shipping`: it was released, so shipping decides; before, orders does. */
  stage: z.enum(['checkout', 'before-release', 'shipping']),
})
const refusedV1 = z.strictObject({
  orderId,
  by,
  /** The code with which a request would be refused now. */
  reason: reference,
  lines: goods,
})
const requestedV2 = requestedV1.extend({ by: byAny, reason: reasonV2 })
/** Version 1 knew no cancellation by the platform, and version 2 none of an order that was open for too long. */
const asItWas = (old: unknown): unknown => old

export const cancellationEvents = {
  'order.cancel-requested': {
    version: 3,
    data: requestedV2.extend({ reason: eventReason }),
    example: { orderId: 'o-1', cancellationId: 'c-1', by: 'customer', reason: 'changed-mind', stage: 'shipping' },
    previousVersions: { 1: { data: requestedV1, upcast: asItWas }, 2: { data: requestedV2, upcast: asItWas } },
  },
  /** The whole order ends: nothing of it is shipped or charged. */
  'order.cancelled': {
    version: 3,
    data: cancelled,
    example: { orderId: 'o-1', by: 'customer', reason: 'changed-mind', lines, amountMinor: 2380 },
    previousVersions: { 1: { data: cancelledV1, upcast: asItWas }, 2: { data: cancelledV2, upcast: asItWas } },
  },
  /** Only these lines end: the others have left, and the order goes on with them. */
  'order.partly-cancelled': {
    version: 3,
    data: cancelled,
    example: { orderId: 'o-1', by: 'customer', reason: 'changed-mind', lines, amountMinor: 2380 },
    previousVersions: { 1: { data: cancelledV1, upcast: asItWas }, 2: { data: cancelledV2, upcast: asItWas } },
  },
  'order.cancel-refused': {
    version: 2,
    data: refusedV1.extend({ by: byAny }),
    example: { orderId: 'o-1', by: 'customer', reason: 'already-dispatched', lines },
    previousVersions: { 1: { data: refusedV1, upcast: asItWas } },
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
    version: 1,
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
