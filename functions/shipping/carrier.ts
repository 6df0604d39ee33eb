/** The carrier's API: a booking under the shipment's own id, so that a repeat is the same parcel. */

import { z } from 'zod'
import type { Envelope } from '../../shared/contracts/envelope.ts'
import { reference } from '../../shared/base/fields.ts'
import type { Platform } from '../../shared/service/platform.ts'
import type { Address } from '../customers/contracts.ts'
import { carrierUrl } from './settings.ts'

const booking = z.object({ trackingRef: reference })
const NOT_FOUND = 404
/** The carrier knows a key for a day; an hour less, since the call itself takes its time. */
const IDEMPOTENCY_KEY_TTL_MS = 23 * 3_600_000

/** Books a parcel; queries the carrier first if the idempotency key may have expired since the cause. */
export async function bookedBy(
  cause: Envelope,
  platform: Platform,
  { shipmentId, to }: { readonly shipmentId: string; readonly to: () => Promise<Address> },
): Promise<z.output<typeof booking>> {
  const url = `${platform.setting(carrierUrl)}/v1/bookings`
  if (platform.now() - Date.parse(cause.time) > IDEMPOTENCY_KEY_TTL_MS) {
    const found = await platform.callExternal(`${url}/${encodeURIComponent(shipmentId)}`, {
      method: 'GET',
      operation: 'carrier.find',
      accept: [NOT_FOUND],
    })
    if (found.status !== NOT_FOUND) return booking.parse(await found.json())
  }
  const response = await platform.callExternal(url, {
    method: 'POST',
    operation: 'carrier.book',
    idempotencyKey: shipmentId,
    body: { reference: shipmentId, to: await to(), parcels: 1 },
  })
  return booking.parse(await response.json())
}
