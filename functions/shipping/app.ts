/** Shipping's handlers: a shipment for each released order, then the carrier, each in a commit of its own. */

import { implement } from '../../shared/app.ts'
import type { ServiceApp } from '../../shared/service-app.ts'
import { Unavailable } from '../../shared/errors.ts'
import { nothing } from '../../shared/platform.ts'
import { addressOf } from './address.ts'
import { bookedBy } from './carrier.ts'
import { shipping } from './service.ts'

/** One parcel an order for now; the events allow several. */
const shipmentIdOf = (orderId: string): string => `s-${orderId}-1`

interface Created {
  readonly shipmentId: string
  readonly lines: readonly { lineId: string; sku: string; quantity: number }[]
}

export const app: ServiceApp = implement(shipping, {
  on: {
    'order.released': (message, platform) => {
      const { orderId, lines, addressRef } = message.data
      const shipmentId = shipmentIdOf(orderId)
      return platform.streams.handle(message, orderId, ({ version }) => {
        if (version > 0) return nothing
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
      return platform.streams.handle(message, orderId, async ({ events }) => {
        const created = events.find(({ type }) => type === 'shipment.created')?.data as Created | undefined
        if (!created) throw new Unavailable(`There is no shipment ${shipmentId} yet.`)
        if (events.some(({ type }) => type === 'shipment.dispatched')) return nothing
        const { addressRef } = events.find(({ type }) => type === 'address.noted')!.data as { addressRef: string }
        const { trackingRef } = await bookedBy(message, platform, {
          shipmentId,
          to: () => addressOf(platform, addressRef),
        })
        return {
          events: [{ type: 'shipment.dispatched', data: { orderId, shipmentId, lines: created.lines, trackingRef } }],
          commands: [],
        }
      })
    },
  },
})
