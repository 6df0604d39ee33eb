/** The carrier's API: a booking under the shipment's own id, so that a repeat is the same parcel; and its cancellation. */

import { z } from 'zod'
import type { Envelope } from '../../shared/contracts/envelope.ts'
import { reference } from '../../shared/base/fields.ts'
import { Unavailable } from '../../shared/base/errors.ts'
import { callOnce } from '../../shared/http/call-once.ts'
import type { Platform } from '../../shared/service/platform.ts'
import type { Address } from '../customers/contracts.ts'
import { carrierUrl } from './settings.ts'

const booking = z.object({ trackingRef: reference })
const refusal = z.object({ code: reference })
const NOT_FOUND = 404
const CONFLICT = 409

const bookingsUrl = (platform: Platform): string => `${platform.setting(carrierUrl)}/v1/bookings`

async function codeOf(response: Response): Promise<string> {
  return refusal.parse(await response.json()).code
}

/** Books a parcel, once for each shipment. @throws Unavailable for a cancelled booking, whose cancellation is about to be recorded */
export function bookedBy(
  cause: Envelope,
  platform: Platform,
  { shipmentId, to }: { readonly shipmentId: string; readonly to: () => Promise<Address> },
): Promise<z.output<typeof booking>> {
  const url = bookingsUrl(platform)
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
        accept: [CONFLICT],
      })
      if (response.status === CONFLICT)
        throw new Unavailable(`The carrier takes no booking of ${shipmentId}: it is ${await codeOf(response)}.`)
      return booking.parse(await response.json())
    },
  })
}

/**
 * Cancels the booking, also one that comes later: the carrier refuses it then. True if the carrier has the parcel, so that
 * nothing can be cancelled.
 */
export async function isCollected(platform: Platform, shipmentId: string): Promise<boolean> {
  const response = await platform.callExternal(`${bookingsUrl(platform)}/${encodeURIComponent(shipmentId)}/cancel`, {
    method: 'POST',
    operation: 'carrier.cancel',
    idempotencyKey: `${shipmentId}:cancel`,
    body: {},
    accept: [CONFLICT],
  })
  if (response.status !== CONFLICT) return false
  const code = await codeOf(response)
  if (code !== 'collected') throw new Error(`The carrier refused to cancel ${shipmentId} as "${code}".`)
  return true
}
