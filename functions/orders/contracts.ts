/** The events, commands and queries of an order. */

import { z } from 'zod'
import { shopCodes } from '../shop/errors.ts'
import { defineContracts } from '../../shared/contracts/contract.ts'
import type { Immutable } from '../../shared/contracts/immutable.ts'
import { idempotencyKey, reference, subject, timestamp, words } from '../../shared/base/fields.ts'
import { sagaState, sagaWait } from '../../shared/saga/state.ts'
import { cancellationCommands, cancellationEvents, cancellationRecords } from './cancellation-contracts.ts'
import { currency, goods, limits, minor, orderId, pricedLines, quantity, sku, unitMinor } from '../shop/fields.ts'

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

const fulfilmentKind = z.enum(['dispatched', 'captured', 'committed', 'refused'])
const fulfilmentV1 = z.strictObject({
  kind: fulfilmentKind,
  shipmentId: reference,
  lines: goods.exactOptional(),
  code: reference.exactOptional(),
})

const order = z.object({
  orderId,
  /** `payment-failed`: confirmed, and a capture was refused: staff recaptures it with another payment method, or closes the order. */
  status: z.enum(['pending', 'confirmed', 'payment-failed', 'completed', 'closed', 'rejected', 'expired', 'cancelled']),
  reason: reference.optional(),
  customerRef: reference,
  currency,
  totalMinor: minor,
  shippingMinor: minor,
  lines: pricedLines,
  placedAt: timestamp,
  /** A cancellation waits for the answer of shipping. */
  cancelPending: z.literal(true).optional(),
  /** Lines that were cancelled after the release: the order goes on with the others. */
  cancelledLines: goods.optional(),
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

/** A customer's request for an order: the body of the public API, checked at the edge and again here. */
export const orderRequest = z.strictObject({
  currency,
  lines: z
    .array(z.strictObject({ sku, quantity, unitMinor: unitMinor.optional() }))
    .min(1)
    .max(limits.linesPerOrder),
  expectedTotalMinor: minor.optional(),
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

export const ordersContracts = defineContracts({
  service: 'orders',
  events: {
    'order.placed': {
      version: 1,
      data: z.strictObject({
        orderId,
        customerRef: reference,
        lines: pricedLines,
        shippingMinor: minor,
        totalMinor: minor,
        currency,
        addressRef: reference,
        paymentMethodRef: reference,
        /** When the customer placed it; an import may date it back, `time` in the envelope never is. */
        placedAt: timestamp,
        /** SHA-256 of the request, so that an idempotency key replayed with another body is refused. */
        requestHash: reference,
      }),
      example: {
        orderId: 'o-1',
        customerRef: 'customer-1',
        lines: [{ lineId: '1', sku: 'TEA-001', quantity: 2, unitMinor: 1190 }],
        shippingMinor: 0,
        totalMinor: 2380,
        currency: 'EUR',
        addressRef: 'address-1',
        paymentMethodRef: 'card-ok',
        placedAt: '2026-01-01T00:00:00.000Z',
        requestHash: 'abc',
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
    'order.confirmed': {
      version: 1,
      data: z.strictObject({ orderId, promisedBy: timestamp }),
      example: { orderId: 'o-1', promisedBy: '2026-01-03T00:00:00.000Z' },
    },
    'order.released': {
      version: 1,
      data: z.strictObject({ orderId, lines: goods, addressRef: reference }),
      example: { orderId: 'o-1', lines, addressRef: 'address-1' },
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
    /** Staff ended an order whose goods have left and whose money was not all taken. */
    'order.closed': {
      version: 1,
      data: z.strictObject({ orderId, reason: words, notCaptured: z.array(reference) }),
      example: { orderId: 'o-1', reason: 'paid by invoice 4711', notCaptured: ['s-1'] },
    },
    ...cancellationEvents,
  },
  recorded: {
    /** Where the order stands from now on: the fields that changed. Times in milliseconds since the epoch. */
    'checkout.progressed': {
      version: 1,
      data: z.strictObject({
        saga: sagaState.exactOptional(),
        timerAtMs: z.int().exactOptional(),
        nextReminderAtMs: z.int().exactOptional(),
        reminderCount: z.int().exactOptional(),
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
      },
    },
    /** One of the facts that must follow for each shipment, or the refusal of its capture. */
    'fulfilment.recorded': {
      version: 2,
      data: fulfilmentV1.extend({
        /** Of a capture. */
        amountMinor: minor.exactOptional(),
        /** The authorization under which it was captured or refused. */
        authorization: z.int().min(1).exactOptional(),
      }),
      example: { kind: 'captured', shipmentId: 's-1', amountMinor: 2380, authorization: 1 },
      previousVersions: { 1: { data: fulfilmentV1, upcast: (old) => old } },
    },
    /** Staff named another payment method for the refused captures of these shipments. */
    'recapture.requested': {
      version: 1,
      data: z.strictObject({ shipmentIds: z.array(reference), reason: words, by: reference }),
      example: { shipmentIds: ['s-1'], reason: 'the customer has a new card', by: 'staff:jo' },
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
    ...cancellationRecords,
    /** A timer found no order: a commit that comes later must fail. */
    'order.abandoned': { version: 1, data: z.strictObject({}), example: {} },
    'checkout.retried': {
      version: 1,
      data: z.strictObject({ reason: words, by: reference }),
      example: { reason: 'the provider is back', by: 'staff:jo' },
    },
  },
  commands: {
    /** The one timer of a checkout, to itself: it handles overdue steps, and sets the next timer. */
    ContinueCheckout: {
      retryForever: true,
      /** `deadline` is the time at which the timer is due: the field's name is stored in tasks. */
      data: z.strictObject({ orderId, deadline: timestamp }),
      example: { orderId: 'o-1', deadline: '2026-01-01T00:02:00.000Z' },
    },
    /** An operator retries the unanswered steps. */
    RetryCheckout: {
      formerSenders: ['gateway'],
      data: z.strictObject({ orderId, reason: words }),
      example: { orderId: 'o-1', reason: 'the provider is back' },
    },
    /** Staff names another payment method of the customer for the refused captures. */
    RecaptureOrder: {
      refuses: [shopCodes['nothing-to-recapture'], shopCodes['recapture-pending'], shopCodes['unknown-reference']],
      data: z.strictObject({ orderId, paymentMethodRef: reference, reason: words }),
      example: { orderId: 'o-1', paymentMethodRef: 'pm-2', reason: 'the customer has a new card' },
    },
    /** Staff ends an order whose goods have left and whose money can not be taken, or is settled in another way. */
    CloseOrder: {
      data: z.strictObject({ orderId, reason: words }),
      example: { orderId: 'o-1', reason: 'paid by invoice 4711' },
    },
    ...cancellationCommands,
  },
  queries: {
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
    readOrder: {
      method: 'get',
      path: '/orders/{orderId}',
      parameters: { orderId },
      answers: { 200: order },
      refuses: ['not-found'],
    },
  },
})
