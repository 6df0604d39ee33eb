/** The events, commands and queries of an order. */

import { z } from 'zod'
import { shopCodes } from '../shop/errors.ts'
import { defineContracts } from '../../shared/contracts/contract.ts'
import type { Immutable } from '../../shared/contracts/immutable.ts'
import { idempotencyKey, reference, subject, timestamp, words } from '../../shared/base/fields.ts'
import { sagaState, sagaWait } from '../../shared/saga/state.ts'
import { cancellationCommands, cancellationEvents, cancellationRecords } from './cancellation-contracts.ts'
import { interventionEvents } from './intervention-contracts.ts'
import { orderRecordQueries } from './record-contracts.ts'
import { paymentCommands, paymentEvents, paymentNeeded, paymentRecords } from './payment-contracts.ts'
import {
  currency,
  discountCode,
  goods,
  limits,
  minor,
  orderId,
  pricedLines,
  pricedLinesExample,
  pricedLinesV1,
  quantity,
  sku,
  unitMinor,
} from '../shop/fields.ts'

const lines = [{ lineId: '1', sku: 'TEA-001', quantity: 2 }]

const refundStatus = z.enum(['pending', 'issued', 'failed'])
const payment = z.object({
  /** Absent for an order of which a parcel was paid before the amounts were recorded. */
  capturedMinor: minor.optional(),
  /** The amount that the customer has got back. */
  refundedMinor: minor,
  /** In the order in which they were first reported. */
  refunds: z.array(
    z.object({ refundId: reference, status: refundStatus, amountMinor: minor, code: reference.optional() }),
  ),
})

/**
 * A parcel waits from so long before the end of its order's authorization: nothing is dispatched on less than a day of it, also
 * when the carrier gives the booking back only after an outage of six hours.
 */
export const HELD_BEFORE_MS = (24 + 6) * 3_600_000
const releasedV1 = z.strictObject({ orderId, lines: goods, addressRef: reference })

const fulfilmentKinds = ['dispatched', 'captured', 'committed', 'refused'] as const
const progressedV1 = z.strictObject({
  saga: sagaState.exactOptional(),
  timerAtMs: z.int().exactOptional(),
  nextReminderAtMs: z.int().exactOptional(),
  reminderCount: z.int().exactOptional(),
})
const fulfilmentV1 = z.strictObject({
  kind: z.enum(fulfilmentKinds),
  shipmentId: reference,
  lines: goods.exactOptional(),
  code: reference.exactOptional(),
})
const fulfilmentV2 = fulfilmentV1.extend({
  /** Of a capture. */
  amountMinor: minor.exactOptional(),
  /** The authorization under which it was captured or refused. */
  authorization: z.int().min(1).exactOptional(),
})
const fulfilmentV3 = fulfilmentV2.extend({ kind: z.enum([...fulfilmentKinds, 'deferred']) })

/** A parcel of the order, as its customer sees it; absent until the carrier has it, or has refused it. */
const shipment = z.object({
  shipmentId: reference,
  /** `refused`: the carrier does not take it to this address: correct the address, or cancel the order. */
  status: z.enum(['refused', 'dispatched', 'delivered', 'returned']),
  /** Of a parcel that is refused or returned: the carrier's reason. */
  code: reference.optional(),
  /** Of a parcel that has left: the carrier's number. Absent where it left before the number was recorded here. */
  trackingRef: reference.optional(),
  /** Of a parcel that has left: its pieces. */
  lines: goods.optional(),
})

const order = z.object({
  orderId,
  /** Raised by each change of the order: a command with `If-Match` is refused in another version. Absent while it is being placed. */
  version: z.int().min(1).optional(),
  /**
   * `payment-needed`: its checkout waits for the customer, as `paymentNeeded` says. `payment-failed`: confirmed, and a capture was
   * refused: staff recaptures it with another payment method, or closes the order.
   */
  status: z.enum([
    'pending',
    'payment-needed',
    'confirmed',
    'payment-failed',
    'completed',
    'closed',
    'rejected',
    'expired',
    'cancelled',
  ]),
  reason: reference.optional(),
  customerRef: reference,
  currency,
  totalMinor: minor,
  shippingMinor: minor,
  /** The sum of the lines' taxes, which their prices do not contain. Absent in answers of the time before taxes. */
  taxMinor: minor.optional(),
  /** The sum that the lines' adjustments take off. Absent in answers of the time before discounts. */
  discountMinor: minor.optional(),
  lines: pricedLines,
  placedAt: timestamp,
  /** The order is cancelled then if its goods have not all left. Absent: they have, or the order is not confirmed. */
  openUntil: timestamp.optional(),
  /** An order of the past, sold elsewhere: it is recorded here, and nothing of it is shipped or charged. */
  imported: z.literal(true).optional(),
  /** A cancellation waits for the answer of shipping. */
  cancelPending: z.literal(true).optional(),
  /** Lines that were cancelled after the release: the order goes on with the others. */
  cancelledLines: goods.optional(),
  /** Absent until the carrier has answered. */
  shipments: z.array(shipment).optional(),
  paymentNeeded: z.object(paymentNeeded).optional(),
  /** A reference to the page on which the customer has to act, while the order waits for it. */
  actionUrlRef: reference.optional(),
  /** Absent while nothing was captured. */
  payment: payment.optional(),
})
/** The pending steps of an order; empty when its saga has ended. */
const saga = z.object({
  orderId,
  status: reference,
  stuck: z.boolean(),
  waitsFor: z.array(sagaWait),
})
export type OrderView = Immutable<z.output<typeof order>>

/** As many as a page of a list has. */
const MAX_ORDERS = 100

/** A customer's request for an order: the body of the public API, checked at the edge and again here. */
export const orderRequest = z.strictObject({
  currency,
  lines: z
    .array(z.strictObject({ sku, quantity, unitMinor: unitMinor.optional() }))
    .min(1)
    .max(limits.linesPerOrder),
  /** With taxes, discount and shipping: another total is refused. */
  expectedTotalMinor: minor.optional(),
  discountCode: discountCode.optional(),
  addressRef: reference,
  paymentMethodRef: reference,
  /** For importers alone, as a line's price is. */
  placedAt: timestamp.optional(),
  /** For importers alone. */
  customerRef: reference.optional(),
})
export type OrderRequest = z.output<typeof orderRequest>

/** The gateway's request to orders: the caller, the idempotency key and the order. */
export const placeRequest = z.strictObject({
  sub: subject,
  importer: z.boolean(),
  idempotencyKey,
  order: orderRequest,
})

const placedV1 = z.strictObject({
  orderId,
  customerRef: reference,
  lines: pricedLinesV1,
  shippingMinor: minor,
  totalMinor: minor,
  currency,
  addressRef: reference,
  paymentMethodRef: reference,
  /** When the customer placed it; an import may date it back, `time` in the envelope never is. */
  placedAt: timestamp,
  /** SHA-256 of the request, so that an idempotency key replayed with another body is refused. */
  requestHash: reference,
})

export type { OrderRecordRow } from './record-contracts.ts'

export const ordersContracts = defineContracts({
  service: 'orders',
  events: {
    'order.placed': {
      version: 2,
      /** The total is that of the lines, with taxes and shipping, without the discount. */
      data: placedV1.extend({
        lines: pricedLines,
        /** The sum of the lines' taxes. Absent: none. */
        taxMinor: minor.exactOptional(),
        /** The sum that the lines' adjustments take off. Absent: none. */
        discountMinor: minor.exactOptional(),
      }),
      example: {
        orderId: 'o-1',
        customerRef: 'customer-1',
        lines: pricedLinesExample,
        shippingMinor: 490,
        taxMinor: 150,
        discountMinor: 238,
        totalMinor: 2782,
        currency: 'EUR',
        addressRef: 'address-1',
        paymentMethodRef: 'card-ok',
        placedAt: '2026-01-01T00:00:00.000Z',
        requestHash: 'abc',
      },
      previousVersions: { 1: { data: placedV1, upcast: (old) => old } },
    },
    /** An order of the past, sold elsewhere: nothing of it is held, charged, shipped or notified here. */
    'order.imported': {
      version: 1,
      data: z.strictObject({
        orderId,
        customerRef: reference,
        lines: pricedLinesV1,
        shippingMinor: minor,
        totalMinor: minor,
        currency,
        /** When the customer placed it. */
        placedAt: timestamp,
      }),
      example: {
        orderId: 'o-1',
        customerRef: 'customer-17850',
        lines: [{ lineId: '1', sku: '85123A', quantity: 6, unitMinor: 255 }],
        shippingMinor: 0,
        totalMinor: 1530,
        currency: 'GBP',
        placedAt: '2010-12-01T08:26:00.000Z',
      },
    },
    'order.rejected': {
      version: 1,
      data: z.strictObject({ orderId, reason: reference, lines: goods }),
      example: { orderId: 'o-1', reason: 'out-of-stock', lines },
    },
    'order.expired': {
      version: 1,
      data: z.strictObject({ orderId, reason: reference, lines: goods }),
      example: { orderId: 'o-1', reason: 'customer-did-not-act', lines },
    },
    /** Nothing of the order is to be paid: its checkout authorizes no payment, and no parcel of it is captured. */
    'order.payment-not-required': {
      version: 1,
      data: z.strictObject({ orderId, currency }),
      example: { orderId: 'o-1', currency: 'EUR' },
    },
    'order.confirmed': {
      version: 1,
      data: z.strictObject({ orderId, promisedBy: timestamp }),
      example: { orderId: 'o-1', promisedBy: '2026-01-03T00:00:00.000Z' },
    },
    'order.released': {
      version: 2,
      data: releasedV1.extend({
        /** The end of the authorization. Absent: nothing is to be paid, or the order was confirmed by an earlier revision. */
        authorizedUntil: timestamp.exactOptional(),
      }),
      example: { orderId: 'o-1', lines, addressRef: 'address-1', authorizedUntil: '2026-01-08T00:00:00.000Z' },
      previousVersions: { 1: { data: releasedV1, upcast: (old) => old } },
    },
    'order.completed': { version: 1, data: z.strictObject({ orderId }), example: { orderId: 'o-1' } },
    /** Orders sends no more reminders: staff retries or closes the order. A missing event that arrives later still counts. */
    'order.stalled': {
      version: 1,
      data: z.strictObject({
        orderId,
        /** Services whose events are missing after all reminders. */
        missing: z.array(reference),
        refusedCaptures: z.array(z.strictObject({ shipmentId: reference, code: reference })),
      }),
      example: { orderId: 'o-1', missing: [], refusedCaptures: [{ shipmentId: 's-1', code: 'not-authorized' }] },
    },
    /** The promised time has passed, the carrier was asked, and not all of the order is delivered. The order goes on. */
    'order.delayed': {
      version: 1,
      data: z.strictObject({ orderId, promisedBy: timestamp }),
      example: { orderId: 'o-1', promisedBy: '2026-01-03T00:00:00.000Z' },
    },
    /** Staff ended an order whose goods have left and whose money was not all taken. */
    'order.closed': {
      version: 1,
      data: z.strictObject({ orderId, reason: words, notCaptured: z.array(reference) }),
      example: { orderId: 'o-1', reason: 'paid by invoice 4711', notCaptured: ['s-1'] },
    },
    ...paymentEvents,
    ...cancellationEvents,
    ...interventionEvents,
  },
  recorded: {
    /** Where the order stands from now on: the fields that changed. Times in milliseconds since the epoch. */
    'checkout.progressed': {
      version: 2,
      data: progressedV1.extend({
        /** When payments is to publish its answer to a renewal or a recapture again, and how often it was to. */
        answerAtMs: z.int().exactOptional(),
        answerRequests: z.int().exactOptional(),
      }),
      example: {
        saga: {
          version: 1,
          phase: 'running',
          step: 'authorize-payment',
          deadlineMs: 1_767_225_780_000,
          compensations: [
            { step: 'reserve-stock', attempt: 0 },
            { step: 'authorize-payment', attempt: 0 },
          ],
        },
        timerAtMs: 1_767_225_780_000,
        answerAtMs: 1_767_227_400_000,
        answerRequests: 1,
      },
      previousVersions: { 1: { data: progressedV1, upcast: (old) => old } },
    },
    /** One of the facts that must follow for each shipment, or the refusal or the deferral of its capture. */
    'fulfilment.recorded': {
      version: 4,
      data: fulfilmentV3.extend({
        /** Of a dispatched shipment: the carrier's number. */
        trackingRef: reference.exactOptional(),
      }),
      example: {
        kind: 'dispatched',
        shipmentId: 's-1',
        lines: [{ lineId: '1', sku: 'TEA-001', quantity: 2 }],
        trackingRef: 't-1',
      },
      previousVersions: {
        1: { data: fulfilmentV1, upcast: (old) => old },
        2: { data: fulfilmentV2, upcast: (old) => old },
        3: { data: fulfilmentV3, upcast: (old) => old },
      },
    },
    /** The end of a dispatched parcel: the customer has it, or it comes back. */
    'delivery.recorded': {
      version: 1,
      data: z.strictObject({
        shipmentId: reference,
        status: z.enum(['delivered', 'returned']),
        code: reference.exactOptional(),
      }),
      example: { shipmentId: 's-1', status: 'delivered' },
    },
    /** The carrier refused a parcel at this attempt. */
    'refusal.recorded': {
      version: 1,
      data: z.strictObject({ shipmentId: reference, code: reference, attempt: z.int().min(1) }),
      example: { shipmentId: 's-1', code: 'address-unknown', attempt: 1 },
    },
    /** The known state of a refund. Reports arrive in any order: `failed` follows `issued`, which follows `pending`. */
    'refund.recorded': {
      version: 1,
      data: z.strictObject({
        refundId: reference,
        status: refundStatus,
        amountMinor: minor,
        code: reference.exactOptional(),
      }),
      example: { refundId: 'r-1', status: 'issued', amountMinor: 1190 },
    },
    /** The customer has to act for the payment: `actionUrlRef` refers to the page. */
    'customerAction.required': {
      version: 1,
      data: z.strictObject({ actionUrlRef: reference }),
      example: { actionUrlRef: 'action-1' },
    },
    ...paymentRecords,
    ...cancellationRecords,
    /** A timer found no order: a commit that comes later must fail. */
    'order.abandoned': { version: 1, data: z.strictObject({}), example: {} },
  },
  commands: {
    /** The one timer of a checkout, to itself: it handles overdue steps, and sets the next timer. */
    ContinueCheckout: {
      version: 1,
      retryForever: true,
      /** `deadline` is the time at which the timer is due: the field's name is stored in tasks. */
      data: z.strictObject({ orderId, deadline: timestamp }),
      example: { orderId: 'o-1', deadline: '2026-01-01T00:02:00.000Z' },
    },
    /**
     * Operators have lists of orders rebuilt: the status of an order that waits for its payment is published if it never was, and
     * an open one gets a timer if it has none.
     */
    AnnounceStatus: { version: 1, data: z.strictObject({ orderId }), example: { orderId: 'o-1' } },
    /** An importer records an order of the past. */
    ImportOrder: {
      version: 1,
      refuses: ['invalid-body'],
      data: z.strictObject({
        orderId,
        customerRef: reference,
        currency,
        lines: z.array(z.strictObject({ sku, quantity, unitMinor })).min(1).max(limits.linesPerOrder),
        shippingMinor: minor.max(limits.chargeMinor).optional(),
        placedAt: timestamp,
      }),
      example: {
        orderId: 'o-1',
        customerRef: 'customer-17850',
        currency: 'GBP',
        lines: [{ sku: '85123A', quantity: 6, unitMinor: 255 }],
        placedAt: '2010-12-01T08:26:00.000Z',
      },
    },
    /** An operator retries the unanswered steps. */
    RetryCheckout: {
      version: 1,
      formerSenders: ['gateway'],
      refuses: [shopCodes['nothing-to-retry'], shopCodes['too-many-retries']],
      data: z.strictObject({ orderId, reason: words }),
      example: { orderId: 'o-1', reason: 'the provider is back' },
    },
    /** Staff names another payment method of the customer for the refused captures. */
    RecaptureOrder: {
      version: 1,
      refuses: [
        shopCodes['nothing-to-recapture'],
        shopCodes['recapture-pending'],
        shopCodes['too-many-recaptures'],
        shopCodes['unknown-reference'],
      ],
      data: z.strictObject({ orderId, paymentMethodRef: reference, reason: words }),
      example: { orderId: 'o-1', paymentMethodRef: 'pm-2', reason: 'the customer has a new card' },
    },
    /** The customer names another of their addresses for what the carrier refused; staff does so for a customer. */
    CorrectAddress: {
      version: 1,
      refuses: [shopCodes['nothing-to-correct'], shopCodes['too-many-corrections'], shopCodes['unknown-reference']],
      data: z.strictObject({ orderId, addressRef: reference }),
      example: { orderId: 'o-1', addressRef: 'a-2' },
    },
    /** Staff ends an order whose goods have left and whose money can not be taken, or is settled in another way. */
    CloseOrder: {
      version: 1,
      refuses: [shopCodes['not-closable'], shopCodes['recapture-pending'], shopCodes['cancellation-pending']],
      data: z.strictObject({ orderId, reason: words }),
      example: { orderId: 'o-1', reason: 'paid by invoice 4711' },
    },
    ...paymentCommands,
    ...cancellationCommands,
  },
  queries: {
    ...orderRecordQueries,
    placeOrder: {
      method: 'post',
      path: '/orders',
      body: placeRequest,
      answers: {
        201: order,
        /** Placed before, with this key: where it stands now. */
        200: order,
      },
      refuses: [
        'idempotency-key-reused',
        'invalid-body',
        shopCodes['unknown-reference'],
        shopCodes['unknown-sku'],
        shopCodes['currency-mismatch'],
        shopCodes['unknown-discount'],
        shopCodes['price-changed'],
        'forbidden',
        shopCodes['too-many-orders'],
        shopCodes['too-many-pieces'],
        shopCodes['too-many-unpaid-orders'],
      ],
    },
    readSaga: {
      method: 'get',
      path: '/orders/{orderId}/saga',
      parameters: { orderId },
      answers: { 200: saga },
      refuses: ['not-found'],
    },
    /** Several orders, without unknown ones, in any order. */
    readOrders: {
      method: 'post',
      path: '/batches/orders',
      body: z.strictObject({ orderIds: z.array(orderId).min(1).max(MAX_ORDERS) }),
      answers: { 200: z.object({ orders: z.array(order) }) },
    },
    readOrder: {
      method: 'get',
      path: '/orders/{orderId}',
      parameters: { orderId },
      answers: { 200: order },
      refuses: ['not-found'],
    },
  },
})
