/** The carrier's API: a booking under the shipment's own id, so that a repeat is the same parcel. */

import { z } from 'zod'
import type { Envelope } from '../../shared/contracts/envelope.ts'
import { reference } from '../../shared/base/fields.ts'
import { callOnce } from '../../shared/http/call-once.ts'
import type { Platform } from '../../shared/service/platform.ts'
import type { Address } from '../customers/contracts.ts'
import { carrierUrl } from './settings.ts'

const booking = z.object({ trackingRef: reference })
const NOT_FOUND = 404

/** Books a parcel, once for each shipment. */
export function bookedBy(
  cause: Envelope,
  platform: Platform,
  { shipmentId, to }: { readonly shipmentId: string; readonly to: () => Promise<Address> },
): Promise<z.output<typeof booking>> {
  const url = `${platform.setting(carrierUrl)}/v1/bookings`
  return callOnce(platform, cause, {
    async find() {
      const found = await platform.callExternal(`${url}/${encodeURIComponent(shipmentId)}`, {
        method: 'GET',
        operation: 'carrier.find',
        accept: [NOT_FOUND],
      })
      return found.status === NOT_FOUND ? undefined : booking.parse(await found.json())
    },
    async call() {
      const response = await platform.callExternal(url, {
        method: 'POST',
        operation: 'carrier.book',
        idempotencyKey: shipmentId,
        body: { reference: shipmentId, to: await to(), parcels: 1 },
      })
      return booking.parse(await response.json())
    },
  })
}
