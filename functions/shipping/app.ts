/** Shipping's handlers: a shipment for each released order, then the carrier, each in a commit of its own; and cancellations. */

import { implement } from '../../shared/service/app.ts'
import type { SentBy } from '../../shared/contracts/contract.ts'
import { fold } from '../../shared/service/fold.ts'
import type { ServiceApp } from '../../shared/service/service-app.ts'
import { Unavailable } from '../../shared/base/errors.ts'
import { noChange, type Stream } from '../../shared/service/platform.ts'
import { addressOf } from './address.ts'
import { bookedBy, isCollected } from './carrier.ts'
import {
  decideCancellation,
  evolve,
  initial,
  isKnown,
  type OrderShipments,
  shipmentOf,
  type ShippingRecord,
  undecided,
} from './shipment.ts'
import { shipping } from './service.ts'

/** One parcel an order for now; the events allow several. */
const shipmentIdOf = (orderId: string): string => `s-${orderId}-1`

const stateOf = ({ events }: Stream): OrderShipments => fold({ initial, evolve }, events)

export const app: ServiceApp = implement(shipping, {
  on: {
    'order.released': (message, platform) => {
      const { orderId, lines, addressRef } = message.data
      const shipmentId = shipmentIdOf(orderId)
      return platform.streams.handle<ShippingRecord, SentBy<typeof shipping>>(message, orderId, (stream) => {
        if (isKnown(stateOf(stream))) return noChange
        return {
          events: [
            { type: 'shipment.created', data: { orderId, shipmentId, lines } },
            { type: 'address.noted', data: { addressRef } },
          ],
          commands: [{ type: 'BookCarrier', data: { orderId, shipmentId } }],
        }
      })
    },
  },
  commands: {
    BookCarrier: (message, platform) => {
      const { orderId, shipmentId } = message.data
      return platform.streams.handle<ShippingRecord>(message, orderId, async (stream) => {
        const state = stateOf(stream)
        const shipment = shipmentOf(state, shipmentId)
        if (!shipment) throw new Unavailable(`There is no shipment ${shipmentId} yet.`)
        if (shipment.status !== 'created') return noChange
        const { trackingRef } = await bookedBy(message, platform, {
          shipmentId,
          to: () => addressOf(platform, state.addressRef!),
        })
        return {
          events: [{ type: 'shipment.dispatched', data: { orderId, shipmentId, lines: shipment.lines, trackingRef } }],
          commands: [],
        }
      })
    },
    // The carrier is asked before the commit: a booking may have succeeded whose answer is not recorded yet.
    CancelShipments: (message, platform) => {
      const { orderId, cancellationId } = message.data
      return platform.streams.handle<ShippingRecord>(message, orderId, async (stream) => {
        const state = stateOf(stream)
        if (state.decided.includes(cancellationId)) return noChange
        const collected: string[] = []
        for (const { shipmentId } of undecided(state))
          if (await isCollected(platform, shipmentId)) collected.push(shipmentId)
        return { events: [decideCancellation(state, message.data, collected)], commands: [] }
      })
    },
  },
})
