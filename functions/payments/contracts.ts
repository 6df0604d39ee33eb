/** The contracts of payments: authorizing, capturing, voiding and refunding. */

import { z } from 'zod'
import { defineContracts } from '../../shared/contracts/contract.ts'
import { reference, timestamp, words } from '../../shared/base/fields.ts'
import { shopCodes } from '../shop/errors.ts'
import { currency, goods, limits, lineId, minor, orderId, pricedLines, quantity, unitMinor } from '../shop/fields.ts'

const paymentId = reference
/** The number of an authorization of the payment, from 1. */
const authorization = z.int().min(1)
/** Events of the time when a payment had one authorization. */
const ofTheFirst = (old: unknown): object => ({ ...(old as object), authorization: 1 })

const authorizedV1 = z.strictObject({ orderId, paymentId, amountMinor: minor, currency, expiresAt: timestamp })
const capturedV1 = z.strictObject({
  orderId,
  paymentId,
  captureId: reference,
  shipmentId: reference,
  amountMinor: minor,
  currency,
  /** The capture of the last lines: it releases the rest of the authorization. */
  final: z.boolean(),
})
const captureFailedV1 = z.strictObject({ orderId, paymentId, shipmentId: reference, code: reference })

/** The pieces for which money is refunded, if it is for some. */
const refundedLines = z.array(z.strictObject({ lineId, quantity })).min(1).max(limits.linesPerOrder)
const refund = z.strictObject({
  orderId,
  paymentId,
  refundId: reference,
  amountMinor: minor,
  currency,
  /** As staff gave it. */
  reason: words,
  lines: refundedLines.exactOptional(),
  /** The authorization whose captured money is refunded. */
  authorization,
})
const refundExample = {
  orderId: 'o-1',
  paymentId: 'p-1',
  refundId: 'r-1',
  amountMinor: 1190,
  currency: 'EUR',
  reason: 'one was broken',
  lines: [{ lineId: '1', quantity: 1 }],
  authorization: 1,
}

export const paymentsContracts = defineContracts({
  service: 'payments',
  events: {
    'payment.authorized': {
      version: 2,
      data: authorizedV1.extend({ authorization }),
      example: {
        orderId: 'o-1',
        paymentId: 'p-1',
        amountMinor: 2380,
        currency: 'EUR',
        expiresAt: '2026-01-08T00:00:00.000Z',
        authorization: 1,
      },
      previousVersions: { 1: { data: authorizedV1, upcast: ofTheFirst } },
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
      version: 2,
      data: capturedV1.extend({ authorization }),
      example: {
        orderId: 'o-1',
        paymentId: 'p-1',
        captureId: 'c-1',
        shipmentId: 's-1',
        amountMinor: 2380,
        currency: 'EUR',
        final: true,
        authorization: 1,
      },
      previousVersions: { 1: { data: capturedV1, upcast: ofTheFirst } },
    },
    'payment.capture-failed': {
      version: 2,
      data: captureFailedV1.extend({ authorization }),
      example: {
        orderId: 'o-1',
        paymentId: 'p-1',
        shipmentId: 's-1',
        code: 'authorization-expired',
        authorization: 1,
      },
      previousVersions: { 1: { data: captureFailedV1, upcast: ofTheFirst } },
    },
    /** Lines were cancelled: the last capture is that of the lines left, and releases the rest of the authorization. */
    'payment.reduced': {
      version: 1,
      data: z.strictObject({
        orderId,
        paymentId,
        cancellationId: reference,
        /** The cancelled lines. */
        lines: goods,
        /** The amount that the customer still pays, captured amounts included. */
        amountMinor: minor,
        currency,
      }),
      example: {
        orderId: 'o-1',
        paymentId: 'p-1',
        cancellationId: 'c-1',
        lines: [{ lineId: '2', sku: 'POT-001', quantity: 1 }],
        amountMinor: 2380,
        currency: 'EUR',
      },
    },
    /** Also the answer when there was nothing to void. */
    'payment.voided': {
      version: 1,
      data: z.strictObject({ orderId, paymentId }),
      example: { orderId: 'o-1', paymentId: 'p-1' },
    },
    /** The provider has accepted the refund, and reports later whether the customer got the money. */
    'refund.pending': { version: 1, data: refund, example: refundExample },
    /** The customer has the money, unless the customer's bank returns it: then `refund.failed` follows. */
    'refund.issued': { version: 1, data: refund, example: refundExample },
    /** The rules did not allow a refund that staff requested: it was decided before this one. The provider was not asked. */
    'refund.refused': {
      version: 1,
      data: refund.omit({ authorization: true }).extend({ code: reference }),
      example: {
        orderId: 'o-1',
        paymentId: 'p-1',
        refundId: 'r-2',
        amountMinor: 2380,
        currency: 'EUR',
        reason: 'returned',
        code: 'more-than-captured',
      },
    },
    /** The provider refunded nothing, or the money came back. */
    'refund.failed': {
      version: 1,
      data: refund.extend({ code: reference }),
      example: { ...refundExample, code: 'account-closed' },
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
    /** The void has started: recorded before the provider is called, so that a late authorization is refused. Its name is stored: docs/decisions/0039. */
    'void.begun': { version: 1, data: z.strictObject({}), example: {} },
    /** The provider could not capture it now: the capture is attempted again later. */
    'capture.retried': {
      version: 1,
      data: z.strictObject({ shipmentId: reference, authorization, attempt: z.int().min(2), code: reference }),
      example: { shipmentId: 's-1', authorization: 1, attempt: 2, code: 'issuer-unavailable' },
    },
    /** The unpaid amount is captured under a new authorization, with another payment method: decided before the provider is called. */
    'recapture.due': {
      version: 1,
      data: z.strictObject({ authorization, paymentMethodRef: reference, customer: reference }),
      example: { authorization: 2, paymentMethodRef: 'pm-2', customer: 'v-1' },
    },
    'recapture.done': { version: 1, data: z.strictObject({ authorization }), example: { authorization: 2 } },
    /** A refund with its amount, decided before the provider is called: the sum of refunds never exceeds the captured amount. */
    'refund.due': {
      version: 1,
      data: refund.omit({ orderId: true, paymentId: true, currency: true }),
      example: { refundId: 'r-1', amountMinor: 1190, reason: 'one was broken', authorization: 1 },
    },
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
    /** A webhook of the provider reported the outcome of an authorization that waited for the customer. */
    CheckAuthorization: {
      formerSenders: ['gateway'],
      data: z.strictObject({ orderId, providerEventId: reference }),
      example: { orderId: 'o-1', providerEventId: 'event-1' },
    },
    /** To itself: the amount of the shipment was committed before, the provider's answer is a second commit. */
    CapturePayment: {
      retryForever: true,
      data: z.strictObject({ orderId, shipmentId: reference }),
      example: { orderId: 'o-1', shipmentId: 's-1' },
    },
    VoidPayment: {
      retryForever: true,
      compensates: 'AuthorizePayment',
      data: z.strictObject({ orderId }),
      example: { orderId: 'o-1' },
    },
    /** Lines of an order of which others have left were cancelled: they are not captured. */
    ReduceAuthorization: {
      retryForever: true,
      data: z.strictObject({ orderId, cancellationId: reference, lines: goods }),
      example: { orderId: 'o-1', cancellationId: 'c-1', lines: [{ lineId: '2', sku: 'POT-001', quantity: 1 }] },
    },
    /** To itself: after the first commit a late authorization is rejected; the second records that the provider has voided. */
    VoidAuthorization: { retryForever: true, data: z.strictObject({ orderId }), example: { orderId: 'o-1' } },
    /** Captures what was refused under a new authorization, with another payment method of the customer. */
    RecapturePayment: {
      data: z.strictObject({ orderId, customerRef: reference, paymentMethodRef: reference }),
      example: { orderId: 'o-1', customerRef: 'customer-1', paymentMethodRef: 'pm-2' },
    },
    /** To itself: the recapture was committed before, the provider's answers are a second commit. */
    MakeRecapture: {
      retryForever: true,
      data: z.strictObject({ orderId, authorization }),
      example: { orderId: 'o-1', authorization: 2 },
    },
    /** Staff refunds captured money, all or a part of it. */
    RefundPayment: {
      refuses: [shopCodes['more-than-captured'], shopCodes['not-ordered'], shopCodes['too-many-refunds']],
      data: z.strictObject({
        orderId,
        refundId: reference,
        amountMinor: minor.min(1),
        reason: words,
        lines: refundedLines.exactOptional(),
      }),
      example: { orderId: 'o-1', refundId: 'r-1', amountMinor: 1190, reason: 'one was broken' },
    },
    /** To itself: the refund was committed before, the provider's answer is a second commit. */
    IssueRefund: {
      retryForever: true,
      data: z.strictObject({ orderId, refundId: reference }),
      example: { orderId: 'o-1', refundId: 'r-1' },
    },
    /** A webhook of the provider reported that a refund of the order changed. */
    CheckRefunds: {
      data: z.strictObject({ orderId, providerEventId: reference }),
      example: { orderId: 'o-1', providerEventId: 'event-1' },
    },
  },
})
