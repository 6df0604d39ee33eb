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
  const carrier = { bookings: new Map<string, string>(), requests: [] as string[], isThere: true, answers: true }
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
      const key = method === 'GET' ? url.split('/').at(-1)! : idempotencyKey
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
