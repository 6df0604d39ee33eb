import { describe, expect, it } from 'vitest'
import { Unavailable } from '../../shared/base/errors.ts'
import { deliver, message } from '../../shared/runtime/deliver.testing.ts'
import { testPlatform } from '../../shared/runtime/platform.testing.ts'
import { app } from './app.ts'
import { shipping } from './service.ts'

const DAY_MS = 24 * 3_600_000
const orderId = 'o-1'
const shipmentId = 's-o-1-1'
const address = { name: 'A. Customer', lines: ['1 Mill Lane'], city: 'Berlin', country: 'DE' }
const lines = [{ lineId: '1', sku: 'TEA-001', quantity: 2 }]

function open() {
  const carrier = {
    bookings: new Map<string, string>(),
    cancelled: new Set<string>(),
    requests: [] as string[],
    isThere: true,
    answers: true,
    /** Called before a booking is taken. */
    beforeBooking: async (): Promise<void> => {},
  }
  const vault = { isThere: true, has: true }
  const platform = testPlatform(shipping, {
    settings: { CARRIER_URL: 'https://carrier.example.com' },
    async call() {
      if (!vault.isThere) throw new Unavailable('The vault is silent.')
      return vault.has
        ? Response.json(address)
        : Response.json({ code: 'not-found', detail: 'There is no such address.' }, { status: 404 })
    },
    async callExternal(url, { method, idempotencyKey = '' }) {
      carrier.requests.push(`${method} ${new URL(url).pathname}`)
      if (!carrier.isThere) throw new Unavailable('The carrier is silent.')
      if (url.endsWith('/cancel')) {
        const cancelledKey = url.split('/').at(-2)!
        if (carrier.bookings.has(cancelledKey)) return Response.json({ code: 'collected' }, { status: 409 })
        carrier.cancelled.add(cancelledKey)
        return Response.json({ status: 'cancelled' })
      }
      const key = method === 'GET' ? url.split('/').at(-1)! : idempotencyKey
      if (method === 'POST') await carrier.beforeBooking()
      if (method === 'POST' && carrier.cancelled.has(key)) return Response.json({ code: 'cancelled' }, { status: 409 })
      if (method === 'POST') carrier.bookings.set(key, `t-${carrier.bookings.size + 1}`)
      if (!carrier.answers) throw new Unavailable('The answer was lost.')
      const trackingRef = carrier.bookings.get(key)
      return Response.json({ trackingRef }, { status: trackingRef ? 200 : 404 })
    },
  })
  return {
    platform,
    carrier,
    vault,
    released: (key = 1) =>
      deliver(app, platform, message('order.released', { orderId, lines, addressRef: 'address-1' }, { key })),
    book: (key = 1) => deliver(app, platform, message('BookCarrier', { orderId, shipmentId }, { key })),
    cancel: (cancellationId = 'c-1', key: string | number = cancellationId) =>
      deliver(app, platform, message('CancelShipments', { orderId, cancellationId, lines }, { key })),
    decisions: () =>
      platform.published.filter(({ type }) => type === 'shipment.cancel-decided').map(({ id, data }) => ({ id, data })),
    types: () => platform.published.map(({ type }) => type),
  }
}

describe('a released order', () => {
  it('becomes one shipment with all its lines, also when it is redelivered', async () => {
    const { released, platform } = open()
    for (const key of [1, 1, 2]) await released(key)
    expect(platform.published.map(({ id }) => id)).toEqual([platform.published[0]!.id, platform.published[0]!.id])
    expect(platform.published[0]).toMatchObject({ type: 'shipment.created', data: { orderId, shipmentId, lines } })
    expect(new Set(platform.sent.map(({ envelope }) => envelope.id)).size).toBe(1)
    // Addresses never travel in events.
    expect(JSON.stringify(platform.published)).not.toContain('address-1')
  })
})

describe('booking the carrier', () => {
  it("dispatches once, with the shipment's idempotency key", async () => {
    const { released, book, carrier, types } = open()
    await released()
    for (const key of [1, 1, 2]) await book(key)
    expect(carrier.requests).toEqual(['POST /v1/bookings'])
    expect(types()).toEqual(['shipment.created', 'shipment.dispatched', 'shipment.dispatched'])
  })

  it('is retried until its shipment exists', async () => {
    const { book, carrier } = open()
    await expect(book()).rejects.toBeInstanceOf(Unavailable)
    expect(carrier.requests).toEqual([])
  })

  it('sends the address to the carrier, and does not store it', async () => {
    const { released, book, platform } = open()
    await released()
    await book()
    expect(platform.calls).toEqual([{ service: 'customers', path: '/addresses/address-1' }])
    expect(platform.externalCalls[0]?.options.body).toEqual({ reference: shipmentId, to: address, parcels: 1 })
    expect(JSON.stringify([...platform.commitsByStream(), platform.published, platform.sent])).not.toContain(
      'Mill Lane',
    )
  })

  it.each(['isThere', 'has'] as const)('is retried until the address is available (%s)', async (what) => {
    const { released, book, carrier, vault, types } = open()
    await released()
    vault[what] = false
    await expect(book()).rejects.toBeInstanceOf(Unavailable)
    expect(carrier.requests).toEqual([])
    vault[what] = true
    await book()
    expect(types()).toEqual(['shipment.created', 'shipment.dispatched'])
  })

  it('is retried until the carrier answers', async () => {
    const { released, book, carrier, types } = open()
    await released()
    carrier.isThere = false
    await expect(book()).rejects.toBeInstanceOf(Unavailable)
    carrier.isThere = true
    await book()
    expect(types()).toEqual(['shipment.created', 'shipment.dispatched'])
  })

  it('queries the carrier first when its idempotency keys may have expired', async () => {
    const { released, book, carrier, platform } = open()
    await released()
    carrier.answers = false
    await expect(book()).rejects.toBeInstanceOf(Unavailable)
    carrier.answers = true
    platform.advance(2 * DAY_MS)
    await book()
    expect(carrier.requests).toEqual(['POST /v1/bookings', `GET /v1/bookings/${shipmentId}`])
    expect(platform.published.at(-1)).toMatchObject({ type: 'shipment.dispatched', data: { trackingRef: 't-1' } })
  })
})

describe('cancelling', () => {
  const all = { orderId, cancellationId: 'c-1', cancelled: lines, refused: [], cancelledShipments: [shipmentId] }
  const none = { orderId, cancellationId: 'c-1', cancelled: [], refused: lines, cancelledShipments: [] }

  it('before the release leaves a tombstone: no shipment is created', async () => {
    const { cancel, released, decisions, carrier, platform } = open()
    await cancel()
    await released()
    expect(decisions().map(({ data }) => data)).toEqual([{ ...all, cancelledShipments: [] }])
    expect(platform.sent).toEqual([])
    expect(carrier.requests).toEqual([])
  })

  it('before the booking is decided once, and nothing is booked afterwards', async () => {
    const { released, cancel, book, decisions, carrier, types } = open()
    await released()
    await cancel()
    await cancel()
    await cancel('c-1', 'another message')
    await book()
    expect(new Set(decisions().map(({ id }) => id)).size).toBe(1)
    expect(decisions()[0]!.data).toEqual(all)
    expect(carrier.bookings.size).toBe(0)
    expect(types()).not.toContain('shipment.dispatched')
  })

  it('after the dispatch is refused', async () => {
    const { released, book, cancel, decisions } = open()
    await released()
    await book()
    await cancel()
    expect(decisions().map(({ data }) => data)).toEqual([none])
  })

  it('is refused if the carrier has the parcel, though the dispatch is not recorded yet', async () => {
    const { released, book, cancel, carrier, decisions, types } = open()
    await released()
    carrier.answers = false
    await expect(book()).rejects.toBeInstanceOf(Unavailable)
    carrier.answers = true
    await cancel()
    expect(decisions().map(({ data }) => data)).toEqual([none])
    await book()
    expect(types().at(-1)).toBe('shipment.dispatched')
    expect(carrier.bookings.size).toBe(1)
  })

  it('during the booking: the carrier refuses the booking, and nothing is dispatched', async () => {
    const { released, book, cancel, carrier, decisions, types } = open()
    await released()
    carrier.beforeBooking = async () => cancel()
    await expect(book()).rejects.toBeInstanceOf(Unavailable)
    await book()
    expect(decisions().map(({ data }) => data)).toEqual([all])
    expect(types()).not.toContain('shipment.dispatched')
    expect(carrier.bookings.size).toBe(0)
  })

  it('is retried until the carrier answers, and decides nothing before', async () => {
    const { released, cancel, carrier, decisions } = open()
    await released()
    carrier.isThere = false
    await expect(cancel()).rejects.toBeInstanceOf(Unavailable)
    expect(decisions()).toEqual([])
    carrier.isThere = true
    await cancel()
    expect(decisions().map(({ data }) => data)).toEqual([all])
  })
})
