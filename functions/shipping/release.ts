/**
 * The release of an order to shipping: its shipments, and the booking of the first one, in one commit. Another booking, and one
 * for which the carrier or the vault has no answer now, is a command of its own.
 */

import type { Envelope } from '../../shared/contracts/envelope.ts'
import { Unavailable } from '../../shared/base/errors.ts'
import { noChange } from '../../shared/service/platform.ts'
import { book } from './book.ts'
import { isCollected } from './carrier.ts'
import { parcelsOf } from './parcels.ts'
import type { ShippingPlatform } from './service.ts'
import { piecesPerParcel } from './settings.ts'
import {
  evolve,
  firstShipmentId,
  type Goods,
  isKnown,
  type OrderShipments,
  shipmentIdOf,
  shipmentsIn,
  type ShippingDecision,
  type ShippingRecord,
  type ShippingSent,
} from './shipment.ts'

interface Release {
  readonly orderId: string
  readonly lines: Goods
  readonly addressRef: string
  readonly authorizedUntil?: string
}

export function recordRelease(
  message: Envelope<string, Release>,
  platform: ShippingPlatform,
): Promise<ShippingDecision> {
  const { orderId } = message.data
  // On a stream that is probably new: a cancellation of which it does not know yet has cancelled the key of the first parcel, and
  // what records the end of an authorization is an append, which refuses this commit.
  const stream = { newId: orderId }
  return platform.streams.handleWithCalls<ShippingRecord, ShippingSent>(message, stream, async ({ events }) => {
    const state = shipmentsIn(events)
    return isKnown(state) ? noChange : released(message, platform, state)
  })
}

async function released(
  message: Envelope<string, Release>,
  platform: ShippingPlatform,
  before: OrderShipments,
): Promise<ShippingDecision> {
  const { orderId, lines, addressRef, authorizedUntil: until } = message.data
  const events: ShippingRecord[] = [
    ...parcelsOf(lines, platform.setting(piecesPerParcel)).map((parcel, index): ShippingRecord => {
      return { type: 'shipment.created', data: { orderId, shipmentId: shipmentIdOf(orderId, index), lines: parcel } }
    }),
    { type: 'address.noted', data: { addressRef, correction: 0 } },
    ...(until === undefined ? [] : [{ type: 'payment.secured', data: { until } } as const]),
  ]
  const state = events.reduce(evolve, before)
  const [first, ...others] = state.shipments.map((shipment) => {
    const { shipmentId } = shipment
    return { shipment, command: { type: 'BookCarrier', data: { orderId, shipmentId } } as const }
  })
  // Whatever the failure is, the shipments are known: the command meets it again, and is retried until it is done.
  const booked = await book(message, platform, { orderId, state, shipment: first!.shipment, mayBeBooked: false }).catch(
    (): ShippingDecision => ({ events: [], commands: [first!.command] }),
  )
  return {
    events: [...events, ...booked.events],
    commands: [...booked.commands, ...others.map(({ command }) => command)],
  }
}

interface Cancelled {
  readonly orderId: string
  readonly lines: Goods
}

/**
 * A cancellation comes before the release, which may be under way, or have failed between its booking and its commit: the booking
 * is taken back, or refused when it comes.
 * @throws Unavailable if the carrier has collected the parcel: the release has to be recorded before that
 */
export async function withdrawnBefore(
  { orderId, lines }: Cancelled,
  platform: ShippingPlatform,
): Promise<ShippingRecord[]> {
  const shipmentId = firstShipmentId(orderId)
  if (await isCollected(platform, shipmentId))
    throw new Unavailable(`The carrier has collected ${shipmentId}, whose release is not recorded yet.`)
  const [parcel] = parcelsOf(lines, platform.setting(piecesPerParcel))
  return parcel ? [{ type: 'booking.withdrawn', data: { shipmentId, lines: parcel } }] : []
}
