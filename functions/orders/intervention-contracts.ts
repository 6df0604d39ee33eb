/** The events by which people get an order out of a halt, which `contracts.ts` joins to those of an order. */

import { z } from 'zod'
import { reference, words } from '../../shared/base/fields.ts'
import { currency, minor, orderId } from '../shop/fields.ts'

const correctedV1 = z.strictObject({ addressRef: reference, by: reference })
const requestedV1 = z.strictObject({ shipmentIds: z.array(reference), reason: words, by: reference })
const retriedV1 = z.strictObject({ reason: words, by: reference })

/** Version 1 was recorded in the stream alone, without the order to which it belongs, and is never published. */
const ofOrder = { orderId: orderId.exactOptional() }
const asItWas = (old: unknown): unknown => old

export const interventionEvents = {
  /** The customer or staff named another address for what the carrier refused. */
  'address.corrected': {
    version: 2,
    data: correctedV1.extend(ofOrder),
    example: { orderId: 'o-1', addressRef: 'a-2', by: 'customer:customer-1' },
    previousVersions: { 1: { data: correctedV1, upcast: asItWas } },
  },
  /** Staff named another payment method for the refused captures of these shipments. */
  'recapture.requested': {
    version: 2,
    data: requestedV1.extend({
      ...ofOrder,
      /** All of the order that is not paid. Absent: a parcel was paid before the amounts were recorded. */
      amountMinor: minor.exactOptional(),
      currency: currency.exactOptional(),
    }),
    example: {
      orderId: 'o-1',
      shipmentIds: ['s-1'],
      amountMinor: 2380,
      currency: 'EUR',
      reason: 'the customer has a new card',
      by: 'staff:jo',
    },
    previousVersions: { 1: { data: requestedV1, upcast: asItWas } },
  },
  /** Staff had the steps and reports that are not answered requested again. */
  'checkout.retried': {
    version: 2,
    data: retriedV1.extend(ofOrder),
    example: { orderId: 'o-1', reason: 'the provider is back', by: 'staff:jo' },
    previousVersions: { 1: { data: retriedV1, upcast: asItWas } },
  },
} as const
