/** A carrier: takes bookings under a key, and answers with a tracking reference. */

import { createHash } from 'node:crypto'
import { bodyOf, openPartner, type PartnerOptions, PartnerRefusal } from '../partner-server.ts'

export interface Booking {
  readonly key: string
  readonly reference: string
  readonly addressRef: string
  readonly trackingRef: string
  readonly status: 'collected'
}

export interface Carrier {
  readonly url: string
  readonly port: number
  bookings(): Booking[]
  /** So many next calls are answered 503 before anything happens. */
  readonly faults: { unavailable: number }
  close(): Promise<void>
}

export async function createCarrier(options: PartnerOptions = {}): Promise<Carrier> {
  const faults = { unavailable: 0 }
  const server = await openPartner(options, (app, { journal }) => {
    const bookings = journal.table<Booking>('bookings')
    app.post('/v1/bookings', async (c) => {
      if (faults.unavailable > 0) {
        faults.unavailable -= 1
        return c.json({ code: 'unavailable', message: 'Try again.' }, 503)
      }
      const key = c.req.header('idempotency-key')
      if (!key) throw new PartnerRefusal(400, 'key-missing', 'Send a header Idempotency-Key.')
      const { reference, addressRef } = await bodyOf(c.req)
      if (typeof reference !== 'string' || typeof addressRef !== 'string')
        throw new PartnerRefusal(422, 'invalid-body', 'reference and addressRef must be texts.')
      const known = bookings.get(key)
      if (known && known.reference !== reference)
        throw new PartnerRefusal(422, 'key-reused', `The key ${key} was used for another booking.`)
      const booking: Booking = known ?? {
        key,
        reference,
        addressRef,
        trackingRef: trackingRef(key),
        status: 'collected',
      }
      if (!known) bookings.set(key, booking)
      return c.json(booking)
    })
    app.get('/v1/bookings/:key', (c) => {
      const found = bookings.get(c.req.param('key'))
      if (!found) throw new PartnerRefusal(404, 'not-found', `There is no booking ${c.req.param('key')}.`)
      return c.json(found)
    })
  })
  const table = server.journal.table<Booking>('bookings')
  return { url: server.url, port: server.port, bookings: () => [...table.values()], faults, close: server.close }
}

const trackingRef = (key: string): string =>
  `MR${createHash('sha256').update(key).digest('hex').slice(0, 12).toUpperCase()}`
