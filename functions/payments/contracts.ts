/** The contracts of payments: authorising, capturing and voiding. */

import { z } from 'zod'
import { defineContracts } from '../../shared/contracts/contract.ts'
import { reference, timestamp } from '../../shared/base/fields.ts'
import { currency, lineId, minor, orderId, pricedLines, quantity, unitMinor } from '../shop/fields.ts'

const paymentId = reference

export const paymentsContracts = defineContracts({
  service: 'payments',
  events: {
    'payment.authorized': {
      version: 1,
      data: z.strictObject({ orderId, paymentId, amountMinor: minor, currency, expiresAt: timestamp }),
      example: {
        orderId: 'o-1',
        paymentId: 'p-1',
        amountMinor: 2380,
        currency: 'EUR',
        expiresAt: '2026-01-08T00:00:00.000Z',
      },
    },
    'payment.declined': {
      version: 1,
      data: z.strictObject({ orderId, paymentId, code: reference }),
      example: { orderId: 'o-1', paymentId: 'p-1', code: 'card-declined' },
    },
    'payment.action-required': {
      version: 1,
      data: z.strictObject({ orderId, paymentId, actionUrlRef: reference }),
      example: { orderId: 'o-1', paymentId: 'p-1', actionUrlRef: 'action-1' },
    },
    'payment.captured': {
      version: 1,
      data: z.strictObject({
        orderId,
        paymentId,
        captureId: reference,
        shipmentId: reference,
        amountMinor: minor,
        currency,
        /** The capture of the last lines: it releases the rest of the authorisation. */
        final: z.boolean(),
      }),
      example: {
        orderId: 'o-1',
        paymentId: 'p-1',
        captureId: 'c-1',
        shipmentId: 's-1',
        amountMinor: 2380,
        currency: 'EUR',
        final: true,
      },
    },
    'payment.capture-failed': {
      version: 1,
      data: z.strictObject({ orderId, paymentId, shipmentId: reference, code: reference }),
      example: { orderId: 'o-1', paymentId: 'p-1', shipmentId: 's-1', code: 'authorization-expired' },
    },
    /** Also the answer when there was nothing to void. */
    'payment.voided': {
      version: 1,
      data: z.strictObject({ orderId, paymentId }),
      example: { orderId: 'o-1', paymentId: 'p-1' },
    },
  },
  recorded: {
    /** The requests to the provider, and the amounts of the parts of a shipment. */
    'payment.agreed': {
      version: 1,
      data: z.strictObject({
        currency,
        totalMinor: minor,
        shippingMinor: minor,
        lines: z.array(z.strictObject({ lineId, quantity, unitMinor })),
      }),
      example: {
        currency: 'EUR',
        totalMinor: 2380,
        shippingMinor: 0,
        lines: [{ lineId: '1', quantity: 2, unitMinor: 1190 }],
      },
    },
    /** A shipment's amount, decided before the provider is called; `quantities` by line. Its name is stored: docs/decisions/0039. */
    'capture.due': {
      version: 1,
      data: z.strictObject({
        shipmentId: reference,
        amountMinor: minor,
        final: z.boolean(),
        quantities: z.record(z.string(), z.int()),
      }),
      example: { shipmentId: 's-1', amountMinor: 2380, final: true, quantities: { '1': 2 } },
    },
    /** The void has started: recorded before the provider is called, so that a late authorisation is refused. Its name is stored: docs/decisions/0039. */
    'void.begun': { version: 1, data: z.strictObject({}), example: {} },
  },
  commands: {
    AuthorizePayment: {
      data: z.strictObject({
        orderId,
        /** The paying customer. Absent in commands from before the provider needed it. */
        customerRef: reference.optional(),
        paymentMethodRef: reference,
        currency,
        totalMinor: minor,
        shippingMinor: minor,
        lines: pricedLines,
      }),
      example: {
        orderId: 'o-1',
        customerRef: 'customer-1',
        paymentMethodRef: 'pm-1',
        currency: 'EUR',
        totalMinor: 2380,
        shippingMinor: 0,
        lines: [{ lineId: '1', sku: 'TEA-001', quantity: 2, unitMinor: 1190 }],
      },
    },
    /** A webhook of the provider reported the outcome of an authorisation that waited for the customer. */
    CheckAuthorization: {
      formerSenders: ['gateway'],
      data: z.strictObject({ orderId, providerEventId: reference }),
      example: { orderId: 'o-1', providerEventId: 'event-1' },
    },
    /** To itself: the amount of the shipment was committed before, the provider's answer is a second commit. */
    CapturePayment: {
      data: z.strictObject({ orderId, shipmentId: reference }),
      example: { orderId: 'o-1', shipmentId: 's-1' },
    },
    VoidPayment: {
      retryForever: true,
      compensates: 'AuthorizePayment',
      data: z.strictObject({ orderId }),
      example: { orderId: 'o-1' },
    },
    /** To itself: after the first commit a late authorisation is rejected; the second records that the provider has voided. */
    VoidAuthorization: { retryForever: true, data: z.strictObject({ orderId }), example: { orderId: 'o-1' } },
  },
})
