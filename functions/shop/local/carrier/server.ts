/** A carrier: takes bookings under a key, and answers with a tracking reference; cancels what it has not collected. */

import { createHash } from 'node:crypto'
import {
  bodyOf,
  openPartner,
  type PartnerApp,
  partnerApp,
  type PartnerOptions,
  PartnerRefusal,
} from '../../../../emulators/partner-server.ts'

export interface Address {
  readonly name: string
  readonly lines: readonly string[]
  readonly postcode?: string
  readonly city: string
  /** ISO 3166-1 alpha-2. */
  readonly country: string
}

export interface Booking {
  readonly key: string
  readonly reference: string
  readonly to: Address
  readonly trackingRef: string
  readonly status: 'collected'
  readonly madeAtMs: number
}

/** As long as a key makes a repeat the same booking; after that the same key is another parcel. */
const IDEMPOTENCY_KEY_TTL_MS = 24 * 3_600_000

interface CarrierState {
  bookings(): Booking[]
  /** So many next calls are answered 503 before anything happens, or after it. */
  readonly faults: { unavailable: number; lostAnswers: number }
}

export interface Carrier extends CarrierState {
  readonly url: string
  readonly port: number
  close(): Promise<void>
}

export function carrierApp(options: PartnerOptions = {}): CarrierState & { readonly partner: PartnerApp } {
  const faults = { unavailable: 0, lostAnswers: 0 }
  const partner = partnerApp(options, ({ app, journal, clock }) => {
    const bookings = journal.table<Booking>('bookings')
    /** Keys that were cancelled before they were booked: nothing is booked under them any more. */
    const cancelled = journal.table<true>('cancelled')
    app.use('/v1/*', async (c, next) => {
      if (c.req.method !== 'POST') return next()
      if (faults.unavailable > 0) {
        faults.unavailable -= 1
        return c.json({ code: 'unavailable', message: 'Try again.' }, 503)
      }
      await next()
      if (faults.lostAnswers > 0) {
        faults.lostAnswers -= 1
        c.res = c.json({ code: 'unavailable', message: 'The answer was lost.' }, 503)
      }
      return undefined
    })
    app.post('/v1/bookings', async (c) => {
      const key = c.req.header('idempotency-key')
      if (!key) throw new PartnerRefusal(400, 'key-missing', 'Send a header Idempotency-Key.')
      const { reference, to } = await bodyOf(c.req)
      if (typeof reference !== 'string') throw new PartnerRefusal(422, 'invalid-body', 'reference must be a text.')
      if (!isAddress(to))
        throw new PartnerRefusal(
          422,
          'invalid-body',
          'to must have name, lines, city and country, and may have postcode.',
        )
      if (cancelled.has(key)) throw new PartnerRefusal(409, 'cancelled', `The booking ${key} was cancelled.`)
      const before = bookings.get(key)
      const known = before && clock.now() - before.madeAtMs <= IDEMPOTENCY_KEY_TTL_MS ? before : undefined
      if (known && known.reference !== reference)
        throw new PartnerRefusal(422, 'key-reused', `The key ${key} was used for another booking.`)
      const ownKey = before && !known ? `${key}~${bookings.size}` : key
      const booking: Booking = known ?? {
        key: ownKey,
        reference,
        to,
        trackingRef: trackingRef(ownKey),
        status: 'collected',
        madeAtMs: clock.now(),
      }
      if (!known) bookings.set(ownKey, booking)
      return c.json(booking)
    })
    app.post('/v1/bookings/:key/cancel', (c) => {
      const key = c.req.param('key')
      // A parcel is collected as soon as it is booked.
      if (bookings.has(key))
        throw new PartnerRefusal(409, 'collected', `The parcel of ${key} was collected: it can not be cancelled.`)
      cancelled.set(key, true)
      return c.json({ key, status: 'cancelled' })
    })
    app.get('/v1/bookings/:key', (c) => {
      const found = bookings.get(c.req.param('key'))
      if (!found) throw new PartnerRefusal(404, 'not-found', `There is no booking ${c.req.param('key')}.`)
      return c.json(found)
    })
  })
  const table = partner.journal.table<Booking>('bookings')
  return { partner, bookings: () => [...table.values()], faults }
}

export async function createCarrier(options: PartnerOptions = {}): Promise<Carrier> {
  const { partner, bookings, faults } = carrierApp(options)
  const { url, port, close } = await openPartner(partner, options)
  return { url, port, bookings, faults, close }
}

const trackingRef = (key: string): string =>
  `MR${createHash('sha256').update(key).digest('hex').slice(0, 12).toUpperCase()}`

function isAddress(value: unknown): value is Address {
  const { name, lines, postcode = '', city, country } = (value ?? {}) as Record<string, unknown>
  return (
    [name, postcode, city, country].every((part) => typeof part === 'string') &&
    Array.isArray(lines) &&
    lines.length > 0 &&
    lines.every((line) => typeof line === 'string')
  )
}
