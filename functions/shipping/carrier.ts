/** The carrier's API: a booking under a key of the shipment, so that a repeat is the same parcel; and its cancellation. */

import { z } from 'zod'
import type { Envelope } from '../../shared/contracts/envelope.ts'
import { reference } from '../../shared/base/fields.ts'
import { Unavailable } from '../../shared/base/errors.ts'
import { callOnce } from '../../shared/http/call-once.ts'
import type { Address } from '../customers/contracts.ts'
import type { CarrierReport } from './shipment.ts'
import { carrierUrl } from '../shop/fields.ts'
import type { ShippingPlatform as Platform } from './service.ts'

const booking = z.object({ trackingRef: reference })
const report = booking.extend({
  status: z.enum(['booked', 'collected', 'delivered', 'returned', 'cancelled']),
  code: reference.optional(),
})
const refusal = z.object({ code: reference })
/** Anything else is no answer to a cancellation. */
const cancellation = z.object({ status: z.literal('cancelled') })
const BAD_REQUEST = 400
const NOT_FOUND = 404
const CONFLICT = 409
const UNPROCESSABLE = 422
/** Refusals of a request that only this service can mend. All others are about the parcel or its address. */
const BUGS: readonly string[] = ['key-missing', 'key-reused', 'invalid-json', 'invalid-body']

/** The parcel's number, or why the carrier's rules do not let it take the parcel. */
export type BookingAnswer = z.output<typeof booking> | { readonly refused: string }

/** The service's credential for every call. */
const token = { secret: 'carrier-key' } as const
const bookingsUrl = (platform: Platform): string => `${platform.setting(carrierUrl)}/v1/bookings`

async function codeOf(response: Response): Promise<string> {
  return refusal.parse(await response.json()).code
}

interface BookingRequest {
  readonly key: string
  readonly orderId: string
  readonly shipmentId: string
  /** Undefined: the customer has withdrawn the address, and has to name another one, as after a refusal by the carrier. */
  readonly to: () => Promise<Address | undefined>
  /** True: it may be booked under this key before the cause, so that the key may have expired. */
  readonly mayBeBooked: boolean
}

const ADDRESS_WITHDRAWN = 'address-withdrawn'
const notTaken = (shipmentId: string, code: string): Unavailable =>
  new Unavailable(`The carrier takes no booking of ${shipmentId}: it is ${code}.`)

/** Books a parcel, once for each key. @throws Unavailable for a cancelled booking, whose cancellation is about to be recorded */
export async function bookedBy(
  cause: Envelope,
  platform: Platform,
  { key, orderId, shipmentId, to, mayBeBooked }: BookingRequest,
): Promise<BookingAnswer> {
  const find = async (): Promise<BookingAnswer | undefined> => {
    const found = await findBooking(platform, key)
    if (found?.status === 'cancelled') throw notTaken(shipmentId, found.status)
    return found
  }
  const call = async (): Promise<BookingAnswer> => {
    const address = await to()
    // An earlier attempt had it, and its answer may be lost.
    if (!address) return (await find()) ?? { refused: ADDRESS_WITHDRAWN }
    const response = await platform.callExternal(bookingsUrl(platform), {
      method: 'POST',
      operation: 'carrier.book',
      idempotencyKey: key,
      // The webhooks of the booking have the order.
      body: { reference: shipmentId, order: orderId, to: address, parcels: 1 },
      accept: [BAD_REQUEST, CONFLICT, UNPROCESSABLE],
      token,
    })
    if (response.ok) return booking.parse(await response.json())
    const code = await codeOf(response)
    if (response.status === CONFLICT) throw notTaken(shipmentId, code)
    if (BUGS.includes(code)) throw new Error(`The carrier refused the request for ${shipmentId} as "${code}".`)
    return { refused: code }
  }
  return (mayBeBooked ? await find() : undefined) ?? callOnce(platform, cause, { find, call })
}

/** The booking as it is now; undefined if the carrier has no such booking. */
export async function findBooking(platform: Platform, key: string): Promise<CarrierReport | undefined> {
  const found = await platform.callExternal(`${bookingsUrl(platform)}/${encodeURIComponent(key)}`, {
    method: 'GET',
    operation: 'carrier.find',
    accept: [NOT_FOUND],
    token,
  })
  return found.status === NOT_FOUND ? undefined : report.parse(await found.json())
}

/**
 * Cancels the booking, also one that comes later: the carrier refuses it then. True if the carrier has the parcel, so that
 * nothing can be cancelled.
 * @param requestKey the same for a repetition of this request: a carrier repeats its answer to a key
 */
export async function isCollected(
  platform: Platform,
  key: string,
  requestKey: string = `${key}:cancel`,
): Promise<boolean> {
  const response = await platform.callExternal(`${bookingsUrl(platform)}/${encodeURIComponent(key)}/cancel`, {
    method: 'POST',
    operation: 'carrier.cancel',
    idempotencyKey: requestKey,
    body: {},
    accept: [CONFLICT],
    token,
  })
  if (response.status !== CONFLICT) {
    cancellation.parse(await response.json())
    return false
  }
  const code = await codeOf(response)
  if (code !== 'collected') throw new Error(`The carrier refused to cancel ${key} as "${code}".`)
  return true
}

/**
 * A booking that the carrier has given back, as it is now. One that it still has is cancelled once more: it would be collected.
 * @param cause the question: each one cancels by a request of its own
 */
export async function findGivenBack(
  platform: Platform,
  key: string,
  cause: Envelope,
): Promise<CarrierReport | undefined> {
  const found = await findBooking(platform, key)
  if (found?.status !== 'booked') return found
  await isCollected(platform, key, `${key}:cancel:${cause.id}`)
  return findBooking(platform, key)
}
