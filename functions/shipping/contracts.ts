/** Shipments and their way to the customer. */

import { z } from 'zod'
import { shippingRecordQueries } from './record-contracts.ts'
import { defineContracts } from '../../shared/contracts/contract.ts'
import { reference, timestamp } from '../../shared/base/fields.ts'
import { goods, limits, orderId } from '../shop/fields.ts'

const shipmentId = reference
/** May be empty. */
const someGoods = z.array(goods.element).max(limits.linesPerOrder)
const lines = [{ lineId: '1', sku: 'TEA-001', quantity: 2 }]
/** How often the carrier was asked to take the shipment, from 1. */
const attempt = z.int().min(1)

/** How often the customer had corrected the address to which the carrier was asked, 0: the one of the order. */
const correction = z.int().min(0)

const failedV1 = z.strictObject({
  orderId,
  shipmentId,
  lines: goods,
  /** The carrier's reason, such as `address-unknown`; or `address-withdrawn`, without the carrier: the vault has it no more. */
  code: reference,
  stage: z.enum(['booking', 'delivery']),
  attempt,
})
const addressV1 = z.strictObject({ addressRef: reference })
const changeV1 = z.strictObject({ orderId, addressRef: reference })
const checkV1 = z.strictObject({ orderId, carrierEventId: reference.exactOptional() })

export type { ShipmentRow } from './record-contracts.ts'

export const shippingContracts = defineContracts({
  service: 'shipping',
  events: {
    'shipment.created': {
      version: 1,
      data: z.strictObject({ orderId, shipmentId, lines: goods }),
      example: { orderId: 'o-1', shipmentId: 's-1', lines },
    },
    /** The carrier has collected it: from here on it can not be cancelled, and it is captured. */
    'shipment.dispatched': {
      version: 1,
      data: z.strictObject({ orderId, shipmentId, lines: goods, trackingRef: reference }),
      example: { orderId: 'o-1', shipmentId: 's-1', lines, trackingRef: 't-1' },
    },
    /** The customer has it. */
    'shipment.delivered': {
      version: 1,
      data: z.strictObject({ orderId, shipmentId }),
      example: { orderId: 'o-1', shipmentId: 's-1' },
    },
    /**
     * The carrier does not bring the parcel. At the `booking` its rules do not let it take the parcel to this address: a corrected
     * address, or a cancellation, is the way on. At the `delivery` it has left, and comes back or is lost.
     */
    'shipment.failed': {
      version: 2,
      data: failedV1.extend({
        /** Of a booking. Absent: an earlier revision has sent the shipment to this address. */
        correction: correction.exactOptional(),
      }),
      example: {
        orderId: 'o-1',
        shipmentId: 's-1',
        lines,
        code: 'address-unknown',
        stage: 'booking',
        attempt: 1,
        correction: 0,
      },
      previousVersions: { 1: { data: failedV1, upcast: (old) => old } },
    },
    /**
     * The carrier has collected a parcel whose booking it had given back, for a cancellation or a hold, or had refused. Nothing is
     * captured for it: staff has the carrier bring it back, or charges it.
     */
    'shipment.collected-in-error': {
      version: 1,
      data: z.strictObject({ orderId, shipmentId, lines: goods, trackingRef: reference, bookingKey: reference }),
      example: { orderId: 'o-1', shipmentId: 's-1', lines, trackingRef: 't-1', bookingKey: 's-1' },
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
    'address.noted': {
      version: 2,
      data: addressV1.extend({ correction: correction.exactOptional() }),
      example: { addressRef: 'a-1', correction: 0 },
      previousVersions: { 1: { data: addressV1, upcast: (old) => old } },
    },
    /** The carrier has taken the booking: it will collect the parcel. */
    'booking.made': {
      version: 1,
      data: z.strictObject({ shipmentId, trackingRef: reference }),
      example: { shipmentId: 's-1', trackingRef: 't-1' },
    },
    /**
     * The order was cancelled before its release was recorded: the carrier was asked to give the booking back that the release may
     * have made, and takes none under its key.
     */
    'booking.withdrawn': {
      version: 1,
      data: z.strictObject({ shipmentId, lines: goods }),
      example: { shipmentId: 's-1', lines },
    },
    /** The end of the order's authorization, as orders has reported it. */
    'payment.secured': {
      version: 1,
      data: z.strictObject({ until: timestamp }),
      example: { until: '2026-01-08T00:00:00.000Z' },
    },
    /** Nothing is left to pay: no parcel waits for an authorization from then on. */
    'payment.completed': { version: 1, data: z.strictObject({}), example: {} },
    /** The parcel waits for a new authorization: the carrier has no booking of it any more. */
    'booking.held': { version: 1, data: z.strictObject({ shipmentId }), example: { shipmentId: 's-1' } },
    /** The carrier is asked again, with the corrected address or with a new authorization. */
    'booking.renewed': {
      version: 1,
      data: z.strictObject({ shipmentId, attempt: attempt.min(2) }),
      example: { shipmentId: 's-1', attempt: 2 },
    },
  },
  commands: {
    /**
     * To itself, for a booking that is a commit of its own: of a further parcel, after a wait or a correction, and of the first one
     * if the carrier or the vault had no answer within the delivery of the release.
     */
    BookCarrier: {
      version: 1,
      // No reminder sends one again that follows from a hold or a correction, and the carrier may be out for longer than 20 attempts.
      retryForever: true,
      data: z.strictObject({ orderId, shipmentId }),
      example: { orderId: 'o-1', shipmentId: 's-1' },
    },
    /** A webhook of the carrier reported that a booking changed, or orders has waited long for a report: the carrier is asked. */
    CheckShipments: {
      version: 2,
      repeatable: true,
      /** Without a booking the carrier is asked about all parcels on their way. */
      data: checkV1.extend({ bookingKey: reference.exactOptional() }),
      example: { orderId: 'o-1', carrierEventId: 'event-1', bookingKey: 's-1' },
      previousVersions: { 1: { data: checkV1, upcast: (old) => old } },
    },
    /** The address was corrected: what the carrier refused, or has not collected, is booked again. */
    ChangeAddress: {
      version: 2,
      // It takes bookings back, and the carrier may not answer for a while.
      retryForever: true,
      data: changeV1.extend({
        /** From 1: an earlier one that arrives later changes nothing. Absent: an earlier revision has sent it. */
        correction: correction.min(1).exactOptional(),
      }),
      example: { orderId: 'o-1', addressRef: 'a-2', correction: 1 },
      previousVersions: { 1: { data: changeV1, upcast: (old) => old } },
    },
    /**
     * The authorization ends, and has no successor: bookings that the carrier has not collected are taken back. With one that
     * shipping knows of they are made anew.
     */
    HoldShipments: {
      version: 1,
      retryForever: true,
      data: z.strictObject({ orderId, authorizedUntil: timestamp }),
      example: { orderId: 'o-1', authorizedUntil: '2026-01-08T00:00:00.000Z' },
    },
    /** All is paid while parcels have not left: those that wait for a new authorization are booked again, and none waits later. */
    ResumeShipments: {
      version: 1,
      retryForever: true,
      data: z.strictObject({ orderId }),
      example: { orderId: 'o-1' },
    },
    /**
     * Cancels what has not left of these lines. Without a shipment they are cancelled too: one that is released later is
     * not created. Shipping alone decides between this and the dispatch.
     */
    CancelShipments: {
      version: 1,
      retryForever: true,
      data: z.strictObject({ orderId, cancellationId: reference, lines: goods }),
      example: { orderId: 'o-1', cancellationId: 'c-1', lines },
    },
  },
  queries: shippingRecordQueries,
})
