/** The booking of one shipment: what follows from the carrier's answer, or that the parcel has to wait for an authorization. */

import type { Envelope } from '../../shared/contracts/envelope.ts'
import { addressOf } from './address.ts'
import { bookedBy } from './carrier.ts'
import type { ShippingPlatform } from './service.ts'
import {
  bookingKey,
  mustWait,
  type OrderShipments,
  QUESTIONS_AFTER_REFUSAL_MS,
  type Shipment,
  type ShippingDecision,
  type ShippingRecord,
  withQuestions,
} from './shipment.ts'

interface BookRequest {
  readonly orderId: string
  readonly state: OrderShipments
  /** One of the state's that is to be booked. */
  readonly shipment: Shipment
  /** True: another delivery may have booked it under the same key, so that the carrier is asked for that booking first. */
  readonly mayBeBooked: boolean
}

/** @throws Unavailable while the carrier or the vault gives no answer */
export async function book(
  message: Envelope,
  platform: ShippingPlatform,
  { orderId, state, shipment, mayBeBooked }: BookRequest,
): Promise<ShippingDecision> {
  if (mustWait(state, platform.now())) {
    const authorizedUntil = new Date(state.securedUntilMs!).toISOString()
    return { events: [], commands: [{ type: 'HoldShipments', data: { orderId, authorizedUntil } }] }
  }
  const { shipmentId, lines, attempt } = shipment
  const to = state.correction === undefined ? {} : { correction: state.correction }
  const answer = await bookedBy(message, platform, {
    key: bookingKey(shipment),
    orderId,
    shipmentId,
    to: () => addressOf(platform, state.addressRef!),
    mayBeBooked,
  })
  const event: ShippingRecord =
    'refused' in answer
      ? {
          type: 'shipment.failed',
          data: { orderId, shipmentId, lines, code: answer.refused, stage: 'booking', attempt, ...to },
        }
      : { type: 'booking.made', data: { shipmentId, trackingRef: answer.trackingRef } }
  const about = { orderId, nowMs: platform.now(), waitsMs: QUESTIONS_AFTER_REFUSAL_MS }
  return withQuestions(state, { events: [event], commands: [] }, about)
}
