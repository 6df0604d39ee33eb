/**
 * A carrier: takes bookings under a key, and answers with a tracking reference; cancels what it has not collected. It collects
 * and delivers after a time on its clock, and reports each by a webhook.
 */

import { createHash } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import type { Hono } from 'hono'
import type { Clock, Journal } from 'local-google-cloud/host'
import {
  bodyOf,
  openPartner,
  type PartnerApp,
  partnerApp,
  type PartnerOptions,
  PartnerRefusal,
} from '../../../../emulators/partner-server.ts'
import { type Faults, withFaults } from '../faults.ts'
import { openWebhooks, type WebhookOptions, type Webhooks } from '../webhooks.ts'
import { type Address, isAddress, obstacleOf, returnOf } from './addresses.ts'

export interface Booking {
  readonly key: string
  readonly reference: string
  /** The client's own reference, which the webhooks have; absent in bookings of earlier versions. */
  readonly order?: string
  readonly to: Address
  readonly trackingRef: string
  readonly madeAtMs: number
  /** Both absent in bookings of earlier versions, which were collected with the booking. */
  readonly collectedAtMs?: number
  readonly endedAtMs?: number
  readonly isCancelled?: true
  /** The trace context of the booking, which its webhooks continue. */
  readonly traceparent?: string
}

type Shown = Booking & {
  readonly status: 'booked' | 'collected' | 'delivered' | 'returned' | 'cancelled'
  readonly code?: string
}

/** As long as a key makes a repeat the same booking; after that the same key is another parcel. */
const IDEMPOTENCY_KEY_TTL_MS = 24 * 3_600_000
const COLLECTED_AFTER_MS = 100
const DELIVERED_AFTER_MS = 300

export interface CarrierOptions extends PartnerOptions, WebhookOptions {
  /** From a booking to its collection, and from there to the delivery, in milliseconds. */
  readonly collectedAfterMs?: number
  readonly deliveredAfterMs?: number
  /** From the collection of one parcel of an order to that of the next; absent: together. */
  readonly collectedApartMs?: number
  /** From a webhook to its repetition; absent: it is sent once. */
  readonly repeatedAfterMs?: number
}

interface CarrierState {
  /** The parcels that were not cancelled. */
  bookings(): Shown[]
  readonly webhooks: Webhooks
  readonly faults: Faults
}

export interface Carrier extends CarrierState {
  readonly url: string
  readonly port: number
  close(): Promise<void>
}

export function carrierApp(options: CarrierOptions = {}): CarrierState & { readonly partner: PartnerApp } {
  const faults: Faults = { unavailable: 0, lostAnswers: 0 }
  const opened: { parcels?: Parcels; webhooks?: Webhooks } = {}
  const partner = partnerApp(options, ({ app, journal, clock }) => {
    const webhooks = openWebhooks(journal, clock, options)
    const parcels = openParcels({ journal, clock, webhooks, options })
    Object.assign(opened, { parcels, webhooks })
    withFaults(app, faults)
    routes(app, parcels)
    app.get('/.well-known/jwks.json', async (c) => c.json(await webhooks.keys()))
  })
  return { partner, bookings: opened.parcels!.all, webhooks: opened.webhooks!, faults }
}

export async function createCarrier(options: CarrierOptions = {}): Promise<Carrier> {
  const { partner, ...state } = carrierApp(options)
  const { url, port, close } = await openPartner(partner, options)
  return {
    url,
    port,
    ...state,
    async close() {
      state.webhooks.close()
      await close()
    },
  }
}

type Request = Pick<Booking, 'reference' | 'to' | 'order' | 'traceparent'>

interface Parcels {
  book(key: string, request: Request): Shown
  /** Also of a key that was not booked: nothing is booked under it any more. */
  cancel(key: string): void
  find(key: string): Shown | undefined
  all(): Shown[]
}

interface ParcelParts {
  readonly journal: Journal
  readonly clock: Clock
  readonly webhooks: Webhooks
  readonly options: CarrierOptions
}

function openParcels({ journal, clock, webhooks, options }: ParcelParts): Parcels {
  const { collectedAfterMs = COLLECTED_AFTER_MS, deliveredAfterMs = DELIVERED_AFTER_MS } = options
  const { collectedApartMs = 0, repeatedAfterMs } = options
  const bookings = journal.table<Booking>('bookings')
  /** Keys that were cancelled before they were booked: nothing is booked under them any more. */
  const cancelled = journal.table<true>('cancelled')

  const shown = (booking: Booking): Shown => {
    const { to, collectedAtMs = booking.madeAtMs, endedAtMs = Infinity } = booking
    if (booking.isCancelled) return { ...booking, status: 'cancelled' }
    if (clock.now() < collectedAtMs) return { ...booking, status: 'booked' }
    if (clock.now() < endedAtMs) return { ...booking, status: 'collected' }
    const code = returnOf(to)
    return code === undefined ? { ...booking, status: 'delivered' } : { ...booking, status: 'returned', code }
  }
  /** The webhooks of what will happen to it; each says only that it changed. */
  const announce = ({ key, order, reference, traceparent, collectedAtMs = 0, endedAtMs = 0 }: Booking): void => {
    for (const [what, atMs] of [
      ['collected', collectedAtMs],
      ['ended', endedAtMs],
    ] as const) {
      const about = { key, reference: order ?? reference, ...(traceparent === undefined ? {} : { traceparent }) }
      const webhook = { ...about, id: `event-${key}-${what}`, type: 'booking.updated' } as const
      webhooks.send(webhook, atMs)
      if (repeatedAfterMs !== undefined) webhooks.send(webhook, atMs + repeatedAfterMs)
    }
  }

  return {
    book(key, request) {
      const obstacle = obstacleOf(request.to)
      if (obstacle) throw new PartnerRefusal(422, obstacle.code, obstacle.message)
      const before = bookings.get(key)
      if (cancelled.has(key) || before?.isCancelled)
        throw new PartnerRefusal(409, 'cancelled', `The booking ${key} was cancelled.`)
      const known = before && clock.now() - before.madeAtMs <= IDEMPOTENCY_KEY_TTL_MS ? before : undefined
      if (known && (known.reference !== request.reference || !isDeepStrictEqual(known.to, request.to)))
        throw new PartnerRefusal(422, 'key-reused', `The key ${key} was used for another booking.`)
      if (known) return shown(known)
      const ownKey = before ? `${key}~${bookings.size}` : key
      const madeAtMs = clock.now()
      const others = [...bookings.values()].filter(({ order }) => order !== undefined && order === request.order).length
      const collectedAtMs = madeAtMs + collectedAfterMs + others * collectedApartMs
      const endedAtMs = collectedAtMs + deliveredAfterMs
      const booking = { key: ownKey, ...request, trackingRef: trackingRef(ownKey), madeAtMs, collectedAtMs, endedAtMs }
      bookings.set(ownKey, booking)
      announce(booking)
      return shown(booking)
    },
    cancel(key) {
      const booking = bookings.get(key)
      if (!booking) return cancelled.set(key, true)
      const { status } = shown(booking)
      if (status !== 'booked' && status !== 'cancelled')
        throw new PartnerRefusal(409, 'collected', `The parcel of ${key} was collected: it can not be cancelled.`)
      bookings.set(key, { ...booking, isCancelled: true })
    },
    find(key) {
      const booking = bookings.get(key)
      return booking && shown(booking)
    },
    all: () => [...bookings.values()].filter(({ isCancelled }) => !isCancelled).map(shown),
  }
}

function routes(app: Hono, parcels: Parcels): void {
  app.post('/v1/bookings', async (c) => {
    const key = c.req.header('idempotency-key')
    if (!key) throw new PartnerRefusal(400, 'key-missing', 'Send a header Idempotency-Key.')
    const { reference, to, order } = await bodyOf(c.req)
    if (typeof reference !== 'string' || (order !== undefined && typeof order !== 'string'))
      throw new PartnerRefusal(422, 'invalid-body', 'reference must be a text, and order if there is one.')
    if (!isAddress(to))
      throw new PartnerRefusal(
        422,
        'invalid-body',
        'to must have name, lines, city and country, and may have postcode.',
      )
    const traceparent = c.req.header('traceparent')
    const request = {
      reference,
      to,
      ...(order === undefined ? {} : { order }),
      ...(traceparent ? { traceparent } : {}),
    }
    return c.json(parcels.book(key, request))
  })
  app.post('/v1/bookings/:key/cancel', (c) => {
    const key = c.req.param('key')
    parcels.cancel(key)
    return c.json({ key, status: 'cancelled' })
  })
  app.get('/v1/bookings/:key', (c) => {
    const found = parcels.find(c.req.param('key'))
    if (!found) throw new PartnerRefusal(404, 'not-found', `There is no booking ${c.req.param('key')}.`)
    return c.json(found)
  })
}

const trackingRef = (key: string): string =>
  `MR${createHash('sha256').update(key).digest('hex').slice(0, 12).toUpperCase()}`
