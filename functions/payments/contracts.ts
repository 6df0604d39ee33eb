/** The contracts of payments: authorizing, capturing, voiding and refunding. */

import { z } from 'zod'
import { defineContracts } from '../../shared/contracts/contract.ts'
import { reference, timestamp, words } from '../../shared/base/fields.ts'
import { paymentRecordQueries } from './record-contracts.ts'
import { shopCodes } from '../shop/errors.ts'
import {
  currency,
  goods,
  limits,
  lineId,
  minor,
  orderId,
  pageUrl,
  pricedLines,
  pricedLinesExample,
  pricedLinesV1,
  quantity,
  unitMinor,
} from '../shop/fields.ts'

const paymentId = reference
/** The number of an authorization of the payment, from 1. */
const authorization = z.int().min(1)
/** Events of the time when a payment had one authorization. */
const ofTheFirst = (old: unknown): object => ({ ...(old as object), authorization: 1 })

const declinedV1 = z.strictObject({ orderId, paymentId, code: reference })
const actionRequiredV1 = z.strictObject({ orderId, paymentId, actionUrlRef: reference })
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

const makeRecaptureV1 = z.strictObject({ orderId, authorization })
const furtherAttempt = z.strictObject({ authorization, attempt: z.int().min(2), code: reference })
const recaptureDueV1 = z.strictObject({ authorization, paymentMethodRef: reference, customer: reference })

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

/** A customer has their bank take captured money back. The bank decides who keeps it. */
const dispute = z.strictObject({
  orderId,
  paymentId,
  /** The provider's. */
  disputeId: reference,
  /** The authorization whose captured money is disputed. */
  authorization,
  amountMinor: minor,
  currency,
})
const disputeExample = {
  orderId: 'o-1',
  paymentId: 'p-1',
  disputeId: 'du-1',
  authorization: 1,
  amountMinor: 2380,
  currency: 'EUR',
}

const voidPaymentV1 = z.strictObject({ orderId })
const authorizeV1 = z.strictObject({
  orderId,
  /** The paying customer. Absent in commands from before the provider needed it. */
  customerRef: reference.optional(),
  paymentMethodRef: reference,
  currency,
  totalMinor: minor,
  shippingMinor: minor,
  lines: pricedLinesV1,
})
const authorizeV2 = authorizeV1.extend({ lines: pricedLines })
const authorizationRequest = authorizeV2.extend({
  /** Absent: the first. A further one has another payment method, and ends the one before. */
  authorization: authorization.exactOptional(),
})
const agreedV1 = z.strictObject({
  currency,
  totalMinor: minor,
  shippingMinor: minor,
  lines: z.array(z.strictObject({ lineId, quantity, unitMinor })),
})

const renewV1 = z.strictObject({
  orderId,
  /** The one that ends. Renewed once: a request for one that has a successor changes nothing. */
  authorization,
  customerRef: reference,
  paymentMethodRef: reference,
})
const renewalDueV1 = z.strictObject({
  authorization,
  former: authorization,
  amountMinor: minor,
  paymentMethodRef: reference,
  customer: reference,
})
const renewalDueV2 = renewalDueV1.extend({
  /** The customer gave this payment method, and may act for it until then. Absent: they are not there to act. */
  actUntil: timestamp.exactOptional(),
})

const authorizationExample = {
  orderId: 'o-1',
  customerRef: 'customer-1',
  paymentMethodRef: 'pm-1',
  authorization: 2,
  currency: 'EUR',
  totalMinor: 2782,
  shippingMinor: 490,
  lines: pricedLinesExample,
}

export type { Charge, PaymentRecordRow } from './record-contracts.ts'

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
      version: 2,
      data: declinedV1.extend({ authorization }),
      example: { orderId: 'o-1', paymentId: 'p-1', code: 'card-declined', authorization: 1 },
      previousVersions: { 1: { data: declinedV1, upcast: ofTheFirst } },
    },
    'payment.action-required': {
      version: 2,
      data: actionRequiredV1.extend({
        authorization,
        /** The page on which the customer acts. Absent: the provider gave none. */
        actionUrl: pageUrl.exactOptional(),
      }),
      example: {
        orderId: 'o-1',
        paymentId: 'p-1',
        actionUrlRef: 'action-1',
        authorization: 1,
        actionUrl: 'https://payments.example.com/act/1',
      },
      previousVersions: { 1: { data: actionRequiredV1, upcast: ofTheFirst } },
    },
    /** The authorization ends soon, and no new one was granted in its place. The order needs another payment method. */
    'payment.lapsed': {
      version: 1,
      data: z.strictObject({
        orderId,
        paymentId,
        /** The authorization that ends, and when. */
        authorization,
        expiresAt: timestamp,
        /** The authorization that was refused in its place, and why. */
        refused: authorization,
        code: reference,
      }),
      example: {
        orderId: 'o-1',
        paymentId: 'p-1',
        authorization: 1,
        expiresAt: '2026-01-08T00:00:00.000Z',
        refused: 2,
        code: 'card-declined',
      },
    },
    /** The answer to `FindAuthorization` when the provider has neither granted nor declined it. */
    'payment.undecided': {
      version: 1,
      data: z.strictObject({
        orderId,
        paymentId,
        authorization,
        /** `action-required`: the customer has not acted. `not-requested`: the provider has no such authorization. */
        code: z.enum(['action-required', 'not-requested']),
      }),
      example: { orderId: 'o-1', paymentId: 'p-1', authorization: 1, code: 'action-required' },
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
    /** In place of a capture: nothing of this shipment is to be paid. */
    'payment.nothing-due': {
      version: 1,
      data: z.strictObject({ orderId, paymentId, shipmentId: reference }),
      example: { orderId: 'o-1', paymentId: 'p-1', shipmentId: 's-1' },
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
    /** The card allows one capture alone: it is made for all parcels when the last one has left, or before the authorization ends. */
    'payment.capture-deferred': {
      version: 1,
      data: z.strictObject({ orderId, paymentId, shipmentId: reference, amountMinor: minor, currency, authorization }),
      example: {
        orderId: 'o-1',
        paymentId: 'p-1',
        shipmentId: 's-1',
        amountMinor: 1190,
        currency: 'EUR',
        authorization: 1,
      },
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
    /**
     * Pending for a week, and the provider was asked each time; or the provider has not answered the request for it for a day.
     * Staff finds out there what became of it. A later report still counts.
     */
    'refund.overdue': { version: 1, data: refund, example: refundExample },
    /** The money is with the bank until `payment.dispute-closed`: staff gives evidence at the provider, or lets it go. */
    'payment.disputed': {
      version: 1,
      data: dispute.extend({
        /** As the customer gave it to the bank, by the provider's word: `fraudulent`, `product-not-received`. */
        reason: reference,
        /** Until then the provider takes evidence. Absent: it names no time. */
        evidenceDueBy: timestamp.exactOptional(),
      }),
      example: { ...disputeExample, reason: 'fraudulent', evidenceDueBy: '2026-01-15T00:00:00.000Z' },
    },
    /** The bank has decided. An appeal may reverse it: then another one follows. */
    'payment.dispute-closed': {
      version: 1,
      data: dispute.extend({
        /** `won`: the shop keeps the money. `lost`: the customer has it. */
        outcome: z.enum(['won', 'lost']),
      }),
      example: { ...disputeExample, outcome: 'lost' },
    },
    /** Open for four months, and the provider was asked each time: staff finds out there what became of it. A later report still counts. */
    'dispute.overdue': { version: 1, data: dispute, example: disputeExample },
    /**
     * Staff requested it a day ago, and the provider has answered no attempt since, or not the renewal for which it waits. Its
     * money may still be taken, so that the order can neither be closed nor recaptured until it answers: payments goes on asking.
     */
    'recapture.overdue': {
      version: 1,
      data: z.strictObject({ orderId, paymentId, authorization }),
      example: { orderId: 'o-1', paymentId: 'p-1', authorization: 2 },
    },
    /** A renewal was due a day ago, and the provider has answered no attempt since: payments goes on asking. */
    'renewal.overdue': {
      version: 1,
      data: z.strictObject({ orderId, paymentId, authorization }),
      example: { orderId: 'o-1', paymentId: 'p-1', authorization: 2 },
    },
    /**
     * An authorization was to be ended a day ago, and the provider has answered no attempt since: the bank may still hold the amount
     * for nothing. Payments goes on asking.
     */
    'void.overdue': {
      version: 1,
      data: z.strictObject({ orderId, paymentId, authorization }),
      example: { orderId: 'o-1', paymentId: 'p-1', authorization: 1 },
    },
  },
  recorded: {
    /** The requests to the provider, and the amounts of the parts of a shipment. */
    'payment.agreed': {
      version: 2,
      data: z.strictObject({
        currency,
        totalMinor: minor,
        shippingMinor: minor,
        lines: z.array(
          z.strictObject({
            lineId,
            quantity,
            unitMinor,
            /** Of all pieces, with taxes and without the discount. Absent: their price. */
            amountMinor: minor.exactOptional(),
          }),
        ),
      }),
      example: {
        currency: 'EUR',
        totalMinor: 2782,
        shippingMinor: 490,
        lines: [{ lineId: '1', quantity: 2, unitMinor: 1190, amountMinor: 2292 }],
      },
      previousVersions: { 1: { data: agreedV1, upcast: (old) => old } },
    },
    /** Nothing is to be paid, and so nothing authorized: no shipment is captured. */
    'payment.not-required': {
      version: 1,
      data: z.strictObject({ currency }),
      example: { currency: 'EUR' },
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
    'void.begun': {
      version: 2,
      data: z.strictObject({
        /** The last authorization that was requested; absent: the first, or one that is recorded. */
        authorization: authorization.exactOptional(),
      }),
      example: { authorization: 2 },
      previousVersions: { 1: { data: z.strictObject({}), upcast: (old) => old } },
    },
    /** The provider could not capture it now: the capture is attempted again later. */
    'capture.retried': {
      version: 1,
      data: furtherAttempt.extend({ shipmentId: reference }),
      example: { shipmentId: 's-1', authorization: 1, attempt: 2, code: 'issuer-unavailable' },
    },
    /** Shipments that are captured in one, under the key of `shipmentId`: decided before the provider is called. */
    'captures.joined': {
      version: 1,
      data: z.strictObject({
        shipmentId: reference,
        shipmentIds: z.array(reference).min(1).max(limits.linesPerOrder),
        authorization,
      }),
      example: { shipmentId: 's-2', shipmentIds: ['s-1', 's-2'], authorization: 1 },
    },
    /** The unpaid amount is captured under a new authorization, with another payment method: decided before the provider is called. */
    'recapture.due': {
      version: 2,
      data: recaptureDueV1.extend({
        /** Counts the attempts that staff's request has: the card of the one before was refused for the moment. Absent: the first. */
        attempt: z.int().min(2).exactOptional(),
      }),
      example: { authorization: 3, paymentMethodRef: 'pm-2', customer: 'v-1', attempt: 2 },
      previousVersions: { 1: { data: recaptureDueV1, upcast: (old) => old } },
    },
    /**
     * The bank granted the authorization, and refused a capture under it for the moment: what is not paid is attempted again later.
     * One that was not granted was declined: an earlier revision recorded both so.
     */
    'recapture.retried': {
      version: 1,
      data: furtherAttempt,
      example: { authorization: 2, attempt: 2, code: 'issuer-unavailable' },
    },
    /** The bank declined the authorization for the moment: another one is requested later. */
    'recapture.declined': {
      version: 1,
      data: furtherAttempt,
      example: { authorization: 2, attempt: 2, code: 'issuer-unavailable' },
    },
    /** A new authorization is requested in place of the `former` one, which ends soon: recorded before the provider is called. */
    'renewal.due': {
      version: 3,
      data: renewalDueV2.extend({
        /** Counts the attempts that the request of orders has: the one before was declined for the moment. Absent: the first. */
        attempt: z.int().min(2).exactOptional(),
      }),
      example: {
        authorization: 3,
        former: 1,
        amountMinor: 2380,
        paymentMethodRef: 'pm-2',
        customer: 'v-1',
        attempt: 2,
      },
      previousVersions: {
        1: { data: renewalDueV1, upcast: (old) => old },
        2: { data: renewalDueV2, upcast: (old) => old },
      },
    },
    /** The bank declined the new authorization for the moment: another one is requested later, while the former one lasts. */
    'renewal.retried': {
      version: 1,
      data: furtherAttempt,
      example: { authorization: 2, attempt: 2, code: 'issuer-unavailable' },
    },
    /** All was captured before the new authorization was recorded, or another one replaced it: nothing is held under it. */
    'renewal.dropped': { version: 1, data: z.strictObject({ authorization }), example: { authorization: 2 } },
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
      version: 3,
      data: authorizationRequest,
      example: authorizationExample,
      previousVersions: {
        1: { data: authorizeV1, upcast: (old) => old },
        2: { data: authorizeV2, upcast: (old) => old },
      },
    },
    /** The time for the authorization is up: payments reads it at the provider before orders compensates. */
    FindAuthorization: {
      version: 1,
      data: authorizationRequest,
      example: authorizationExample,
    },
    /** A webhook of the provider reported the outcome of an authorization that waited for the customer. */
    CheckAuthorization: {
      version: 1,
      repeatable: true,
      formerSenders: ['gateway'],
      data: z.strictObject({ orderId, providerEventId: reference }),
      example: { orderId: 'o-1', providerEventId: 'event-1' },
    },
    /**
     * To itself: the amount of the shipment was committed before, the provider's answer is a second commit. Also when a
     * deferred capture may be made, and at the last time for it.
     */
    CapturePayment: {
      version: 1,
      retryForever: true,
      data: z.strictObject({ orderId, shipmentId: reference }),
      example: { orderId: 'o-1', shipmentId: 's-1' },
    },
    VoidPayment: {
      version: 2,
      retryForever: true,
      compensates: 'AuthorizePayment',
      data: voidPaymentV1.extend({
        /** The last authorization that was requested, which may be on its way to the provider; absent: the first. */
        authorization: authorization.exactOptional(),
      }),
      example: { orderId: 'o-1', authorization: 2 },
      previousVersions: { 1: { data: voidPaymentV1, upcast: (old) => old } },
    },
    /** Staff has closed an order of which a part is paid: what its card holds besides is released. To itself after a day without an answer. */
    ReleaseUncaptured: {
      version: 1,
      retryForever: true,
      data: z.strictObject({ orderId }),
      example: { orderId: 'o-1' },
    },
    /** Lines of an order of which others have left were cancelled: they are not captured. */
    ReduceAuthorization: {
      version: 1,
      retryForever: true,
      data: z.strictObject({ orderId, cancellationId: reference, lines: goods }),
      example: { orderId: 'o-1', cancellationId: 'c-1', lines: [{ lineId: '2', sku: 'POT-001', quantity: 1 }] },
    },
    /** To itself: after the first commit a late authorization is rejected; the second records that the provider has voided. */
    VoidAuthorization: {
      version: 1,
      retryForever: true,
      data: z.strictObject({ orderId }),
      example: { orderId: 'o-1' },
    },
    /** An authorization of an order whose goods have not left ends soon: a new one is requested for what is not captured. */
    RenewAuthorization: {
      version: 2,
      retryForever: true,
      data: renewV1.extend({
        /** The customer gave this payment method after a lapse, and may act for it until then. */
        actUntil: timestamp.exactOptional(),
      }),
      example: {
        orderId: 'o-1',
        authorization: 1,
        customerRef: 'customer-1',
        paymentMethodRef: 'pm-2',
        actUntil: '2026-01-09T17:00:00.000Z',
      },
      previousVersions: { 1: { data: renewV1, upcast: (old) => old } },
    },
    /** To itself: the request was committed before, the provider's answer is a second commit; again at the end of the customer's time to act. */
    MakeRenewal: {
      version: 1,
      retryForever: true,
      data: z.strictObject({ orderId, authorization }),
      example: { orderId: 'o-1', authorization: 2 },
    },
    /** To itself: no capture is made under it any more, as was committed before. */
    ReleaseAuthorization: {
      version: 1,
      retryForever: true,
      data: z.strictObject({ orderId, authorization }),
      example: { orderId: 'o-1', authorization: 1 },
    },
    /** Captures what was refused under a new authorization, with another payment method of the customer. */
    RecapturePayment: {
      version: 1,
      // Orders waits for its outcome: it closes and recaptures the order no more until then.
      retryForever: true,
      data: z.strictObject({ orderId, customerRef: reference, paymentMethodRef: reference }),
      example: { orderId: 'o-1', customerRef: 'customer-1', paymentMethodRef: 'pm-2' },
    },
    /** To itself: the recapture was committed before, the provider's answers are a second commit. */
    MakeRecapture: {
      version: 2,
      retryForever: true,
      data: makeRecaptureV1.extend({
        /** Of a further attempt: the command is sent long before it. Absent: of the first, or as an earlier revision sent it. */
        dueAt: timestamp.exactOptional(),
      }),
      example: { orderId: 'o-1', authorization: 2, dueAt: '2026-01-01T00:01:00.000Z' },
      previousVersions: { 1: { data: makeRecaptureV1, upcast: (old) => old } },
    },
    /** Staff refunds captured money, all or a part of it. */
    RefundPayment: {
      version: 1,
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
      version: 1,
      retryForever: true,
      data: z.strictObject({ orderId, refundId: reference }),
      example: { orderId: 'o-1', refundId: 'r-1' },
    },
    /** A webhook of the provider reported a dispute. The provider knows of which order it is. */
    CheckDispute: {
      version: 1,
      data: z.strictObject({ disputeId: reference, providerEventId: reference }),
      example: { disputeId: 'du-1', providerEventId: 'event-1' },
    },
    /** To itself: the order of the dispute is known. */
    RecordDispute: {
      version: 1,
      retryForever: true,
      data: z.strictObject({ orderId, disputeId: reference }),
      example: { orderId: 'o-1', disputeId: 'du-1' },
    },
    /** To itself: a dispute is open, and the webhook that reports its end may be lost. `question` counts from 1. */
    AskAboutDispute: {
      version: 1,
      retryForever: true,
      data: z.strictObject({ orderId, disputeId: reference, question: z.int().min(1) }),
      example: { orderId: 'o-1', disputeId: 'du-1', question: 1 },
    },
    /** To itself: a refund is pending, and the webhook that reports its end may be lost. `question` counts from 1. */
    AskAboutRefund: {
      version: 1,
      retryForever: true,
      data: z.strictObject({ orderId, refundId: reference, question: z.int().min(1) }),
      example: { orderId: 'o-1', refundId: 'r-1', question: 1 },
    },
    /** A webhook of the provider reported a refund that was made there by hand. The provider knows of which order it is. */
    CheckRefund: {
      version: 1,
      data: z.strictObject({ providerRefundId: reference, providerEventId: reference }),
      example: { providerRefundId: 're-1', providerEventId: 'event-1' },
    },
    /** A webhook of the provider reported that a refund of the order changed; to itself, once the order of a refund is known. */
    CheckRefunds: {
      version: 1,
      repeatable: true,
      data: z.strictObject({ orderId, providerEventId: reference }),
      example: { orderId: 'o-1', providerEventId: 'event-1' },
    },
  },
  queries: paymentRecordQueries,
})

/**
 * Refusals that say nothing about the money: another attempt may succeed. Stripe's codes, spelled as ours:
 * https://docs.stripe.com/declines/codes
 */
const TRANSIENT_CODES: readonly string[] = [
  'issuer-unavailable',
  'processing-error',
  'reenter-transaction',
  'try-again-later',
]
export const isTransient = (code: string): boolean => TRANSIENT_CODES.includes(code)

/** A line as orders states it, or as payments recorded it. */
interface PaidLine {
  readonly quantity: number
  readonly unitMinor: number
  /** Of all pieces; absent: it follows from the other fields. */
  readonly amountMinor?: number
  readonly taxes?: readonly { readonly amountMinor: number }[]
  readonly adjustments?: readonly { readonly amountMinor: number }[]
}

/** The cost of a line: its pieces, with their taxes, without what is taken off. Never below zero. */
export const amountOfLine = ({ quantity, unitMinor, amountMinor, taxes = [], adjustments = [] }: PaidLine): number =>
  amountMinor ?? Math.max(0, quantity * unitMinor + sumOf(taxes) - sumOf(adjustments))

/** The cost of the first so many pieces of a line. That of further pieces is the difference, so that any split adds up to the line. */
export function amountOfPieces(line: PaidLine, pieces: number): number {
  const counted = BigInt(Math.min(Math.max(0, pieces), line.quantity))
  return Number((BigInt(amountOfLine(line)) * counted) / BigInt(line.quantity))
}

const sumOf = (amounts: readonly { readonly amountMinor: number }[]): number =>
  amounts.reduce((sum, one) => sum + one.amountMinor, 0)
