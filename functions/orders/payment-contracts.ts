/** The events and the command of a payment that needs the customer, which `contracts.ts` joins to those of an order. */

import { z } from 'zod'
import { reference, timestamp } from '../../shared/base/fields.ts'
import { shopCodes } from '../shop/errors.ts'
import { currency, minor, orderId, pageUrl } from '../shop/fields.ts'

const by = z.enum(['customer', 'staff'])
/** Of an authorization of the payment, from 1. */
const number = z.int().min(1)

export const paymentNeeded = {
  /** The code of a refusal, such as `card-declined`, or `action-required`: the customer has to act on a page. */
  reason: reference,
  /** The stock is held until then. */
  until: timestamp,
  /** How many more payment methods the customer may try. */
  attemptsLeft: z.int().min(0),
  /** The page on which the customer acts. */
  actionUrl: pageUrl.exactOptional(),
}

export const paymentEvents = {
  /** The order waits for its customer: another payment method continues it, or the customer acts on the page. */
  'order.payment-needed': {
    version: 1,
    data: z.strictObject({ orderId, amountMinor: minor, currency, ...paymentNeeded }),
    example: {
      orderId: 'o-1',
      amountMinor: 2380,
      currency: 'EUR',
      reason: 'card-declined',
      until: '2026-01-01T00:05:00.000Z',
      attemptsLeft: 2,
    },
  },
  /** The order goes on with another payment method. */
  'order.payment-continued': {
    version: 1,
    data: z.strictObject({
      orderId,
      paymentMethodRef: reference,
      /** The number of the authorization with it. */
      authorization: z.int().min(2),
      by,
    }),
    example: { orderId: 'o-1', paymentMethodRef: 'pm-2', authorization: 2, by: 'customer' },
  },
  /**
   * The order begins or ceases to wait for its payment: its status from now on. Each change of `payment-failed`, and the end of
   * `payment-needed`; its begin is `order.payment-needed`.
   */
  'order.status-changed': {
    version: 1,
    data: z.strictObject({
      orderId,
      status: z.enum(['pending', 'payment-needed', 'confirmed', 'payment-failed']),
    }),
    example: { orderId: 'o-1', status: 'payment-failed' },
  },
  /** The authorization of a confirmed order has a successor: its goods may be dispatched until a day before this time. */
  'order.payment-renewed': {
    version: 1,
    data: z.strictObject({ orderId, authorization: number, authorizedUntil: timestamp }),
    example: { orderId: 'o-1', authorization: 2, authorizedUntil: '2026-01-14T00:00:00.000Z' },
  },
} as const

export const paymentRecords = {
  /** After a lapse: the customer has to act for the payment method that they gave; `actionUrlRef` refers to the page. */
  'lapse.acting': {
    version: 1,
    data: z.strictObject({ authorization: number, actionUrlRef: reference }),
    example: { authorization: 3, actionUrlRef: 'action-1' },
  },
  /** The authorization with which the order is confirmed, and its end. */
  'authorization.recorded': {
    version: 1,
    data: z.strictObject({ authorization: number, until: timestamp }),
    example: { authorization: 1, until: '2026-01-08T00:00:00.000Z' },
  },
  /** A successor of this authorization was requested. */
  'renewal.requested': {
    version: 1,
    data: z.strictObject({ authorization: number }),
    example: { authorization: 1 },
  },
  /** The promised time has passed: the carrier is asked before the customer is notified of a delay. */
  'promise.checked': {
    version: 1,
    data: z.strictObject({ promisedBy: timestamp }),
    example: { promisedBy: '2026-01-03T00:00:00.000Z' },
  },
  /** It has no successor yet: the parcels of the order wait for one. */
  'hold.requested': {
    version: 1,
    data: z.strictObject({ authorization: number }),
    example: { authorization: 1 },
  },
  /** All is paid although parcels have not left, which are free: they need no authorization. */
  'shipments.resumed': { version: 1, data: z.strictObject({}), example: {} },
  /** No successor was granted: the number of the refused one, and the end of the time for another payment method. */
  'authorization.lapsed': {
    version: 1,
    data: z.strictObject({ refused: number, until: timestamp }),
    example: { refused: 2, until: '2026-01-10T00:00:00.000Z' },
  },
} as const

export const paymentCommands = {
  /** The customer names another payment method for an order that needs one. */
  PayOrder: {
    version: 1,
    data: z.strictObject({ orderId, paymentMethodRef: reference, by }),
    refuses: [shopCodes['payment-not-needed'], shopCodes['too-many-payment-attempts'], shopCodes['unknown-reference']],
    example: { orderId: 'o-1', paymentMethodRef: 'pm-2', by: 'customer' },
  },
} as const
