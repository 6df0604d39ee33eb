/** Shipping with a carrier and a vault that tests control. */

import { Unavailable } from '../../shared/base/errors.ts'
import { deliver, message } from '../../shared/runtime/deliver.testing.ts'
import { testPlatform } from '../../shared/runtime/platform.testing.ts'
import { app } from './app.ts'
import { shipping } from './service.ts'

export const orderId = 'o-1'
export const shipmentId = 's-o-1-1'
export const address = { name: 'A. Customer', lines: ['1 Mill Lane'], city: 'Berlin', country: 'DE' }
export const lines = [{ lineId: '1', sku: 'TEA-001', quantity: 2 }]

export function open({ piecesPerParcel = 20 } = {}) {
  const carrier = {
    bookings: new Map<string, string>(),
    /** Of every booking. */
    status: 'booked' as 'booked' | 'collected' | 'delivered' | 'returned',
    /** The one booking that is collected, whatever the status of the others. */
    collectedAlone: '',
    cancelled: new Set<string>(),
    /** The bookings that were given back. */
    givenBack: new Map<string, string>(),
    /** How many cancellations it answers without making them. */
    keeps: 0,
    /** True: it collects the parcel after it was next asked about it. */
    collectedAfterFind: false,
    /** The idempotency keys of the cancellations. */
    cancellations: [] as string[],
    requests: [] as string[],
    isThere: true,
    answers: true,
    /** Answers to bookings instead of a tracking reference. */
    refusal: undefined as { status: number; code: string } | undefined,
    /** Called before a booking is taken. */
    beforeBooking: async (): Promise<void> => {},
  }
  const vault = { isThere: true, has: true }
  const platform = testPlatform(shipping, {
    settings: { CARRIER_URL: 'https://carrier.example.com', PIECES_PER_PARCEL: String(piecesPerParcel) },
    async call() {
      if (!vault.isThere) throw new Unavailable('The vault is silent.')
      return vault.has
        ? Response.json(address)
        : Response.json({ code: 'not-found', detail: 'There is no such address.' }, { status: 404 })
    },
    async callExternal(url, { method, token, idempotencyKey = '' }) {
      if (typeof token !== 'object' || token.secret !== 'carrier-key') throw new Error(`${url} was refused with 401.`)
      carrier.requests.push(`${method} ${new URL(url).pathname}`)
      if (!carrier.isThere) throw new Unavailable('The carrier is silent.')
      if (url.endsWith('/cancel')) {
        const cancelledKey = decodeURIComponent(url.split('/').at(-2)!)
        carrier.cancellations.push(idempotencyKey)
        if (carrier.keeps > 0 && carrier.keeps--) return Response.json({ status: 'cancelled' })
        const isCollected = carrier.status !== 'booked' || carrier.collectedAlone === cancelledKey
        if (carrier.bookings.has(cancelledKey) && isCollected)
          return Response.json({ code: 'collected' }, { status: 409 })
        const booked = carrier.bookings.get(cancelledKey)
        if (booked !== undefined) carrier.givenBack.set(cancelledKey, booked)
        carrier.bookings.delete(cancelledKey)
        carrier.cancelled.add(cancelledKey)
        return Response.json({ status: 'cancelled' })
      }
      const key = method === 'GET' ? decodeURIComponent(url.split('/').at(-1)!) : idempotencyKey
      if (method === 'POST') await carrier.beforeBooking()
      if (method === 'POST' && carrier.cancelled.has(key)) return Response.json({ code: 'cancelled' }, { status: 409 })
      if (method === 'POST' && carrier.refusal)
        return Response.json({ code: carrier.refusal.code }, { status: carrier.refusal.status })
      if (method === 'POST') carrier.bookings.set(key, `t-${carrier.bookings.size + 1}`)
      if (!carrier.answers) throw new Unavailable('The answer was lost.')
      const givenBack = carrier.bookings.has(key) ? undefined : carrier.givenBack.get(key)
      if (givenBack !== undefined) return Response.json({ trackingRef: givenBack, status: 'cancelled' })
      const trackingRef = carrier.bookings.get(key)
      const code = carrier.status === 'returned' ? { code: 'recipient-unknown' } : {}
      const status = key === carrier.collectedAlone ? 'collected' : carrier.status
      if (method === 'GET' && carrier.collectedAfterFind) carrier.collectedAlone = key
      return Response.json({ trackingRef, status, ...code }, { status: trackingRef ? 200 : 404 })
    },
  })
  const released = (key = 1, authorizedUntil?: string): Promise<void> => {
    const until = authorizedUntil === undefined ? {} : { authorizedUntil }
    const data = { orderId, lines, addressRef: 'address-1', ...until }
    return deliver(app, platform, message('order.released', data, { key, version: 2 }))
  }
  return {
    platform,
    carrier,
    vault,
    /** @param authorizedUntil absent: nothing is to be paid */
    released,
    /** While the carrier is silent: the booking is left to a command. */
    async releasedOnly(authorizedUntil?: string) {
      carrier.isThere = false
      await released(1, authorizedUntil)
      carrier.isThere = true
      carrier.requests.length = 0
      platform.calls.length = 0
      platform.externalCalls.length = 0
    },
    renewed: (authorizedUntil: string, authorization = 2) => {
      const data = { orderId, authorization, authorizedUntil }
      return deliver(app, platform, message('order.payment-renewed', data, { key: authorization }))
    },
    hold: (authorizedUntil: string, key: number | string = 1) =>
      deliver(app, platform, message('HoldShipments', { orderId, authorizedUntil }, { key })),
    /** Delivers the commands that shipping has sent to itself, each until it succeeds. */
    async work() {
      while (platform.sent.length > 0) await deliver(app, platform, platform.sent.shift()!.envelope)
    },
    /** Books each of the shipments. */
    async bookEach(shipmentIds: readonly string[], key = 1) {
      for (const one of shipmentIds)
        await deliver(app, platform, message('BookCarrier', { orderId, shipmentId: one }, { key: `${one} ${key}` }))
    },
    book: (key = 1) => deliver(app, platform, message('BookCarrier', { orderId, shipmentId }, { key })),
    /** A webhook of the carrier. */
    check: (status: typeof carrier.status, key: number | string = status, bookingKey?: string) => {
      carrier.status = status
      const data = { orderId, carrierEventId: `e-${key}`, ...(bookingKey === undefined ? {} : { bookingKey }) }
      return deliver(app, platform, message('CheckShipments', data, { key, version: 2 }))
    },
    recorded: async () => (await platform.streams.read(orderId)).events.map(({ type }) => type),
    correct: (addressRef = 'address-2', correction = 1, key = correction) =>
      deliver(app, platform, message('ChangeAddress', { orderId, addressRef, correction }, { key, version: 2 })),
    cancel: (cancellationId = 'c-1', key: string | number = cancellationId) =>
      deliver(app, platform, message('CancelShipments', { orderId, cancellationId, lines }, { key })),
    decisions: () =>
      platform.published.filter(({ type }) => type === 'shipment.cancel-decided').map(({ id, data }) => ({ id, data })),
    types: () => platform.published.map(({ type }) => type),
  }
}
