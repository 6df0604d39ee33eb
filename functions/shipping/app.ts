/** Shipping's handlers: a shipment for each released order, then the carrier, each in a commit of its own. */

import { implement } from '../../shared/service/app.ts'
import type { RecordOf, SentBy } from '../../shared/contracts/contract.ts'
import { recordsOf } from '../../shared/service/fold.ts'
import type { ServiceApp } from '../../shared/service/service-app.ts'
import { Unavailable } from '../../shared/base/errors.ts'
import { noChange, type Stream } from '../../shared/service/platform.ts'
import { addressOf } from './address.ts'
import { bookedBy } from './carrier.ts'
import type { shippingContracts } from './contracts.ts'
import { shipping } from './service.ts'

/** One parcel an order for now; the events allow several. */
const shipmentIdOf = (orderId: string): string => `s-${orderId}-1`

type ShippingRecord = RecordOf<typeof shippingContracts>

/** The event of this type, if it was recorded. */
const recorded = <T extends ShippingRecord['type']>(
  { events }: Stream,
  type: T,
): Extract<ShippingRecord, { type: T }> | undefined =>
  recordsOf<ShippingRecord>(events).find((event): event is Extract<ShippingRecord, { type: T }> => event.type === type)

export const app: ServiceApp = implement(shipping, {
  on: {
    'order.released': (message, platform) => {
      const { orderId, lines, addressRef } = message.data
      const shipmentId = shipmentIdOf(orderId)
      return platform.streams.handle<ShippingRecord, SentBy<typeof shipping>>(message, orderId, ({ version }) => {
        if (version > 0) return noChange
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
        const created = recorded(stream, 'shipment.created')
        if (!created) throw new Unavailable(`There is no shipment ${shipmentId} yet.`)
        if (recorded(stream, 'shipment.dispatched')) return noChange
        const { addressRef } = recorded(stream, 'address.noted')!.data
        const { trackingRef } = await bookedBy(message, platform, {
          shipmentId,
          to: () => addressOf(platform, addressRef),
        })
        return {
          events: [
            { type: 'shipment.dispatched', data: { orderId, shipmentId, lines: created.data.lines, trackingRef } },
          ],
          commands: [],
        }
      })
    },
  },
})
