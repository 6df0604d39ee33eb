import { describe, expect, it } from 'vitest'
import { Unavailable } from '../../shared/base/errors.ts'
import { deliver, message } from '../../shared/runtime/deliver.testing.ts'
import { app } from './app.ts'
import { address, lines, open, orderId, shipmentId } from './shipping.testing.ts'

const DAY_MS = 24 * 3_600_000

/** The types of each commit. */
const recordedOf = ({ commitsByStream }: ReturnType<typeof open>['platform']) =>
  [...commitsByStream().values()].flatMap((commits) => commits.map(({ events }) => events.map(({ type }) => type)))

describe('a released order', () => {
  it('becomes one shipment with all its lines, also when it is redelivered', async () => {
    const { released, platform } = open()
    for (const key of [1, 1, 2]) await released(key)
    expect(platform.published.map(({ id }) => id)).toEqual([platform.published[0]!.id, platform.published[0]!.id])
    expect(platform.published[0]).toMatchObject({ type: 'shipment.created', data: { orderId, shipmentId, lines } })
    // Addresses never travel in events.
    expect(JSON.stringify(platform.published)).not.toContain('address-1')
  })

  it('is booked in the same commit, once, and no command is sent', async () => {
    const { released, platform, carrier, types } = open()
    for (const key of [1, 1, 2]) await released(key)
    expect(carrier.requests).toEqual(['POST /v1/bookings'])
    expect(recordedOf(platform)).toEqual([['shipment.created', 'address.noted', 'booking.made']])
    expect(platform.sent).toEqual([])
    expect(new Set(types())).toEqual(new Set(['shipment.created']))
  })

  it.each(['carrier', 'vault'] as const)(
    'is recorded without its booking while the %s is silent, and booked by a command',
    async (silent) => {
      const shop = open()
      shop[silent].isThere = false
      for (const key of [1, 1, 2]) await shop.released(key)
      expect(recordedOf(shop.platform)).toEqual([['shipment.created', 'address.noted']])
      expect(new Set(shop.platform.sent.map(({ envelope }) => envelope.id)).size).toBe(1)
      expect(shop.platform.sent[0]!.envelope).toMatchObject({ type: 'BookCarrier', data: { orderId, shipmentId } })
      shop[silent].isThere = true
      await shop.work()
      expect(await shop.recorded()).toEqual(['shipment.created', 'address.noted', 'booking.made'])
      expect(shop.carrier.bookings.size).toBe(1)
    },
  )

  it('whose booking has no answer is not booked twice by the command, a day later either', async () => {
    const { released, work, carrier, platform, recorded } = open()
    carrier.answers = false
    await released()
    carrier.answers = true
    platform.advance(2 * DAY_MS)
    const { envelope } = platform.sent[0]!
    platform.sent.splice(0, Infinity, {
      ...platform.sent[0]!,
      envelope: { ...envelope, time: new Date(platform.now()).toISOString() },
    })
    await work()
    expect(carrier.requests).toEqual(['POST /v1/bookings', `GET /v1/bookings/${shipmentId}`])
    expect((await recorded()).at(-1)).toBe('booking.made')
  })

  it('is handled again after a crash between booking and commit: the booking is the same, also when its key has expired', async () => {
    const { released, carrier, platform, recorded } = open()
    carrier.bookings.set(shipmentId, 't-before')
    platform.advance(2 * DAY_MS)
    await released()
    expect(carrier.requests).toEqual([`GET /v1/bookings/${shipmentId}`])
    expect((await platform.streams.read(orderId)).events.at(-1)).toMatchObject({ data: { trackingRef: 't-before' } })
    expect(await recorded()).toContain('booking.made')
  })

  it('and held meanwhile is decided anew: the booking is taken back, and the parcel waits', async () => {
    const { released, hold, work, carrier, platform, recorded } = open()
    const until = new Date(platform.now() + 40 * 3_600_000).toISOString()
    carrier.beforeBooking = async () => {
      carrier.beforeBooking = async () => {}
      platform.advance(12 * 3_600_000)
      await hold(until)
    }
    await released(1, until)
    await work()
    expect(await recorded()).toEqual([
      'payment.secured',
      'shipment.created',
      'address.noted',
      'payment.secured',
      'booking.held',
    ])
    expect(carrier.bookings.size).toBe(0)
  })
})

describe('a released order of more pieces than a parcel holds', () => {
  const second = 's-o-1-2'
  const both = [shipmentId, second]
  const half = [{ ...lines[0]!, quantity: 1 }]

  it('becomes several shipments, each booked under a key of its own, also when it is redelivered', async () => {
    const shop = open({ piecesPerParcel: 1 })
    for (const key of [1, 1, 2]) await shop.released(key)
    const created = new Map(shop.platform.published.map(({ id, data }) => [id, data]))
    expect([...created.values()]).toEqual([
      { orderId, shipmentId, lines: half },
      { orderId, shipmentId: second, lines: half },
    ])
    const booked = new Map(shop.platform.sent.map(({ envelope }) => [envelope.id, envelope.data]))
    expect([...booked.values()]).toEqual([{ orderId, shipmentId: second }])
    await shop.bookEach(both)
    expect([...shop.carrier.bookings.keys()]).toEqual([shipmentId, second])
  })

  it('is refused to a wrong address in each, and both are booked again to the corrected one', async () => {
    const shop = open({ piecesPerParcel: 1 })
    shop.carrier.refusal = { status: 422, code: 'address-unknown' }
    await shop.released()
    await shop.bookEach(both)
    expect(shop.types().filter((type) => type === 'shipment.failed')).toHaveLength(2)
    shop.carrier.refusal = undefined
    await shop.correct()
    await shop.bookEach(both, 2)
    expect([...shop.carrier.bookings.keys()]).toEqual([`${shipmentId}:2`, `${second}:2`])
  })

  it('is asked about by the booking that a webhook names, and by all when it names none of ours', async () => {
    const shop = open({ piecesPerParcel: 1 })
    await shop.released()
    await shop.bookEach(both)
    const requested = async (...[status, key, bookingKey]: Parameters<typeof shop.check>): Promise<string[]> => {
      const before = shop.carrier.requests.length
      await shop.check(status, key, bookingKey)
      return shop.carrier.requests.slice(before)
    }
    const find = (key: string): string => `GET /v1/bookings/${key}`
    expect(await requested('booked', 1)).toEqual(both.map(find))
    expect(await requested('booked', 2, 'a-number-of-the-carrier')).toEqual(both.map(find))
    expect(await requested('collected', 3, second)).toEqual([find(second)])
    expect(await requested('collected', 4, `${second}:2`)).toEqual(both.map(find))
    expect(shop.types().filter((type) => type === 'shipment.dispatched')).toHaveLength(2)
  })

  it('is not changed by a webhook of a booking that another has replaced', async () => {
    const shop = open()
    shop.carrier.refusal = { status: 422, code: 'address-unknown' }
    await shop.released()
    shop.carrier.refusal = undefined
    await shop.correct()
    await shop.work()
    const before = (await shop.recorded()).length
    await shop.check('booked', 1, shipmentId)
    expect(await shop.recorded()).toHaveLength(before)
    await shop.check('collected', 2, `${shipmentId}:2`)
    expect(shop.types().at(-1)).toBe('shipment.dispatched')
  })

  it('is cancelled in the part that the carrier has not collected', async () => {
    const shop = open({ piecesPerParcel: 1 })
    await shop.released()
    await shop.bookEach(both)
    shop.carrier.collectedAlone = second
    await shop.check('booked')
    await shop.cancel()
    expect(shop.decisions().map(({ data }) => data)).toMatchObject([
      { cancelled: half, refused: half, cancelledShipments: [shipmentId] },
    ])
    expect(shop.platform.published.filter(({ type }) => type === 'shipment.dispatched')).toMatchObject([
      { data: { shipmentId: second, lines: half } },
    ])
  })
})

describe('booking the carrier', () => {
  it("books once, with the shipment's idempotency key, and dispatches nothing", async () => {
    const { releasedOnly, book, carrier, types, recorded } = open()
    await releasedOnly()
    for (const key of [1, 1, 2]) await book(key)
    expect(carrier.requests).toEqual([`GET /v1/bookings/${shipmentId}`, 'POST /v1/bookings'])
    expect(types()).toEqual(['shipment.created'])
    expect(await recorded()).toEqual(['shipment.created', 'address.noted', 'booking.made'])
  })

  it('is retried until its shipment exists', async () => {
    const { book, carrier } = open()
    await expect(book()).rejects.toBeInstanceOf(Unavailable)
    expect(carrier.requests).toEqual([])
  })

  it('sends the address to the carrier, and does not store it', async () => {
    const { released, platform } = open()
    await released()
    expect(platform.calls).toEqual([{ service: 'customers', path: '/addresses/address-1' }])
    expect(platform.externalCalls[0]?.options.body).toEqual({
      reference: shipmentId,
      order: orderId,
      to: address,
      parcels: 1,
    })
    expect(JSON.stringify([...platform.commitsByStream(), platform.published, platform.sent])).not.toContain(
      'Mill Lane',
    )
  })

  it('is retried until the vault answers', async () => {
    const { releasedOnly, book, carrier, vault, recorded } = open()
    await releasedOnly()
    vault.isThere = false
    await expect(book()).rejects.toBeInstanceOf(Unavailable)
    expect(carrier.requests).toEqual([`GET /v1/bookings/${shipmentId}`])
    vault.isThere = true
    await book()
    expect((await recorded()).at(-1)).toBe('booking.made')
  })

  it('is retried until the carrier answers', async () => {
    const { releasedOnly, book, carrier, recorded } = open()
    await releasedOnly()
    carrier.isThere = false
    await expect(book()).rejects.toBeInstanceOf(Unavailable)
    carrier.isThere = true
    await book()
    expect((await recorded()).at(-1)).toBe('booking.made')
  })

  it('is retried while a cancellation that the carrier has taken is not recorded', async () => {
    const { released, book, carrier, platform, recorded } = open()
    carrier.answers = false
    await released()
    carrier.answers = true
    await platform.callExternal(`https://carrier.example.com/v1/bookings/${shipmentId}/cancel`, {
      method: 'POST',
      operation: 'carrier.cancel',
      idempotencyKey: `${shipmentId}:cancel`,
      token: { secret: 'carrier-key' },
    })
    await expect(book()).rejects.toBeInstanceOf(Unavailable)
    expect(await recorded()).not.toContain('booking.made')
  })

  it('queries the carrier first when its idempotency keys may have expired', async () => {
    const { released, bookEach, carrier, platform } = open({ piecesPerParcel: 1 })
    await released()
    carrier.requests.length = 0
    carrier.answers = false
    await expect(bookEach(['s-o-1-2'])).rejects.toBeInstanceOf(Unavailable)
    carrier.answers = true
    platform.advance(2 * DAY_MS)
    await bookEach(['s-o-1-2'])
    expect(carrier.requests).toEqual(['POST /v1/bookings', 'GET /v1/bookings/s-o-1-2'])
    expect((await platform.streams.read(orderId)).events.at(-1)).toMatchObject({
      type: 'booking.made',
      data: { trackingRef: 't-2' },
    })
  })
})

describe("the carrier's webhook", () => {
  const dispatched = { type: 'shipment.dispatched', data: { orderId, shipmentId, lines, trackingRef: 't-1' } }
  const delivered = { type: 'shipment.delivered', data: { orderId, shipmentId } }
  const failed = {
    type: 'shipment.failed',
    data: { orderId, shipmentId, lines, code: 'recipient-unknown', stage: 'delivery', attempt: 1 },
  }

  it.each([
    ['while it is booked', ['booked'], []],
    ['of the collection', ['collected'], [dispatched]],
    ['of the collection twice', ['collected', 'collected'], [dispatched]],
    ['of both', ['collected', 'delivered'], [dispatched, delivered]],
    ['of the delivery alone', ['delivered'], [dispatched, delivered]],
    ['of a parcel that comes back', ['collected', 'returned'], [dispatched, failed]],
    ['of a parcel that comes back alone', ['returned'], [dispatched, failed]],
    ['of the delivery, and then of what a carrier never reports', ['delivered', 'returned'], [dispatched, delivered]],
  ] as const)('%s records each fact once', async (_name, reports, expected) => {
    const { released, book, check, platform } = open()
    await released()
    await book()
    for (const [index, status] of reports.entries()) await check(status, index)
    await check(reports.at(-1)!, 'once more')
    expect(platform.published.slice(1).map(({ type, data }) => ({ type, data }))).toEqual(expected)
  })

  it("before the booking's answer is recorded dispatches it; the answer changes nothing", async () => {
    const { released, book, check, carrier, types } = open()
    carrier.answers = false
    await released()
    carrier.answers = true
    await check('collected')
    await book()
    expect(types()).toEqual(['shipment.created', 'shipment.dispatched'])
    expect(carrier.bookings.size).toBe(1)
  })

  it('of an order without a shipment is refused', async () => {
    const { check } = open()
    await expect(check('collected')).rejects.toMatchObject({ name: 'Refused', code: 'not-found' })
    await expect(check('collected', 2, 'a-number-of-the-carrier')).rejects.toMatchObject({ name: 'Refused' })
  })

  it('of a booking whose release is not recorded is handled when it is', async () => {
    const { check, released, carrier, types } = open()
    let answer: unknown
    carrier.beforeBooking = async () => {
      carrier.bookings.set(shipmentId, 't-1')
      answer = await check('collected', 1, shipmentId).catch((error: unknown) => error)
    }
    await released()
    expect(answer).toBeInstanceOf(Unavailable)
    await check('collected', 1, shipmentId)
    expect(types()).toEqual(['shipment.created', 'shipment.dispatched'])
  })

  it('of a cancelled booking changes nothing, and the carrier is not asked', async () => {
    const { released, book, cancel, check, carrier, types } = open()
    await released()
    await book()
    await cancel()
    const before = carrier.requests.length
    await check('collected')
    expect(carrier.requests).toHaveLength(before)
    expect(types()).toEqual(['shipment.created', 'shipment.cancel-decided'])
  })
})

describe('a parcel whose address was withdrawn and erased', () => {
  const refusals = ({ platform }: ReturnType<typeof open>) =>
    platform.published.flatMap(({ type, data }) => (type === 'shipment.failed' ? [data] : []))

  it('is refused as by the carrier, and leaves to another address', async () => {
    const shop = open()
    shop.vault.has = false
    await shop.released()
    const refusal = {
      orderId,
      shipmentId,
      lines,
      code: 'address-withdrawn',
      stage: 'booking',
      attempt: 1,
      correction: 0,
    }
    expect(refusals(shop)).toEqual([refusal])
    expect(shop.carrier.bookings.size).toBe(0)
    shop.vault.has = true
    await shop.correct()
    await shop.work()
    expect(await shop.recorded()).toContain('booking.made')
  })

  it('goes on if an earlier attempt has booked it', async () => {
    const shop = open()
    shop.carrier.bookings.set(shipmentId, 't-before')
    shop.vault.has = false
    await shop.released()
    expect(refusals(shop)).toEqual([])
    expect(await shop.recorded()).toContain('booking.made')
  })
})

describe('a parcel that the carrier collects although its booking was given back', () => {
  const error = 'shipment.collected-in-error'
  const errors = ({ platform }: ReturnType<typeof open>) =>
    [...new Map(platform.published.map((event) => [event.id, event])).values()].filter(({ type }) => type === error)
  /** The carrier has it all the same. */
  const collect = (shop: ReturnType<typeof open>, key: string) => shop.carrier.bookings.set(key, 't-1')

  it.each(['collected', 'delivered', 'returned'] as const)(
    'is an event and a line for staff, once, and no dispatch: %s',
    async (status) => {
      const shop = open()
      await shop.released()
      await shop.book()
      await shop.cancel()
      await shop.check('booked', 'too early', shipmentId)
      collect(shop, shipmentId)
      for (const key of ['a', 'a', 'b']) await shop.check(status, key, shipmentId)
      expect(errors(shop)).toMatchObject([
        { data: { orderId, shipmentId, lines, trackingRef: 't-1', bookingKey: shipmentId } },
      ])
      expect(shop.types()).not.toContain('shipment.dispatched')
      const logged = shop.platform.logs.filter(({ event }) => event === error)
      expect(logged[0]).toMatchObject({ severity: 'ERROR', fields: { orderId, shipmentId } })
    },
  )

  const questions = ({ platform }: ReturnType<typeof open>) =>
    platform.sent
      .filter(({ envelope }) => envelope.type === 'CheckShipments')
      .map(({ envelope: { data }, notBeforeMs }) => [data, (notBeforeMs! - platform.now()) / 3_600_000])

  it('has the carrier asked about each booking that it refused, an hour and a day later: a second instance may have made it', async () => {
    const shop = open()
    shop.carrier.refusal = { status: 422, code: 'address-unknown' }
    await shop.released()
    await shop.correct()
    await shop.book(2)
    const requested = [shipmentId, `${shipmentId}:2`].flatMap((bookingKey) =>
      [1, 24].map((hours) => [{ orderId, bookingKey }, hours]),
    )
    expect(questions(shop)).toEqual(requested)
  })

  it('has the carrier asked about each booking that was given back, an hour, a day and a week later: its webhook may be lost', async () => {
    const requested = [1, 24, 168].map((hours) => [{ orderId, bookingKey: shipmentId }, hours])
    const cancelled = open()
    await cancelled.released()
    await cancelled.book()
    await cancelled.cancel()
    expect(questions(cancelled)).toEqual(requested)
    const waiting = open()
    await waiting.released(1, '2026-01-03T00:00:00.000Z')
    await waiting.book()
    await waiting.hold('2026-01-03T00:00:00.000Z')
    expect(questions(waiting)).toEqual(requested)
  })

  it('is reported of a booking that was given back for a hold, and the new booking goes on', async () => {
    const shop = open()
    const until = '2026-01-03T00:00:00.000Z'
    await shop.released(1, until)
    await shop.book()
    await shop.hold(until)
    collect(shop, shipmentId)
    await shop.check('collected', 'held', shipmentId)
    expect(errors(shop)).toHaveLength(1)
    await shop.renewed('2026-01-10T00:00:00.000Z')
    shop.carrier.status = 'booked'
    await shop.book(2)
    await shop.check('collected', 'again', shipmentId)
    expect(errors(shop)).toHaveLength(1)
    await shop.check('collected', 'new', `${shipmentId}:2`)
    expect(shop.types().at(-1)).toBe('shipment.dispatched')
  })

  it('is not reported of a booking that is collected before its cancellation: then it has left', async () => {
    const shop = open()
    await shop.released()
    await shop.book()
    shop.carrier.status = 'collected'
    await shop.cancel()
    await shop.check('collected', 'late', shipmentId)
    expect(errors(shop)).toEqual([])
    expect(shop.types().filter((type) => type === 'shipment.dispatched')).toHaveLength(1)
  })
})

describe('a booking that the carrier keeps although it has answered that it is cancelled', () => {
  const line = 'booking.not-given-back'
  const kept = async (ignored: number) => {
    const shop = open()
    await shop.released()
    await shop.book()
    shop.carrier.keeps = ignored
    await shop.cancel()
    expect(shop.carrier.bookings.has(shipmentId)).toBe(true)
    const questions = shop.platform.sent.filter(({ envelope }) => envelope.type === 'CheckShipments')
    return {
      ...shop,
      lines: () => shop.platform.logs.filter(({ event }) => event === line),
      ask: (number: number) => deliver(app, shop.platform, questions[number]!.envelope),
    }
  }

  it('is cancelled once more by the next question, under a key of its own', async () => {
    const { ask, carrier, lines, types } = await kept(1)
    await ask(0)
    expect(carrier.bookings.has(shipmentId)).toBe(false)
    expect(new Set(carrier.cancellations).size).toBe(2)
    await ask(1)
    expect(carrier.cancellations).toHaveLength(2)
    expect(lines()).toEqual([])
    expect(types().at(-1)).toBe('shipment.cancel-decided')
  })

  it('and keeps again is a line for staff with each question, before the parcel is collected', async () => {
    const { ask, carrier, lines, types } = await kept(Infinity)
    await ask(0)
    expect(lines()).toMatchObject([
      { severity: 'ERROR', fields: { correlationId: orderId, orderId, shipmentId, bookingKey: shipmentId } },
    ])
    // A redelivery asks by the same request.
    await ask(0)
    expect(new Set(carrier.cancellations).size).toBe(2)
    await ask(1)
    expect(lines()).toHaveLength(3)
    expect(new Set(carrier.cancellations).size).toBe(3)
    expect(types()).not.toContain('shipment.collected-in-error')
  })

  it('and collects in the moment of that question is collected in error', async () => {
    const { ask, carrier, lines, types } = await kept(1)
    carrier.collectedAfterFind = true
    await ask(0)
    expect(types().at(-1)).toBe('shipment.collected-in-error')
    expect(lines()).toEqual([])
  })
})

describe('a booking that the carrier refuses', () => {
  const refusal = { status: 422, code: 'address-unknown' }

  it.each([refusal, { status: 400, code: 'not-serviceable' }])('%j is an answer, once', async (one) => {
    const { released, book, carrier, platform, types } = open()
    carrier.refusal = one
    for (const key of [1, 1, 2]) await released(key)
    await book()
    expect(carrier.requests).toEqual(['POST /v1/bookings'])
    expect(types()).toEqual(['shipment.created', 'shipment.failed', 'shipment.created', 'shipment.failed'])
    expect(platform.published.at(-1)!.data).toEqual({
      orderId,
      shipmentId,
      lines,
      code: one.code,
      stage: 'booking',
      attempt: 1,
      correction: 0,
    })
  })

  it('because of the request itself is a bug, and no event', async () => {
    const { released, book, carrier, types } = open()
    carrier.refusal = { status: 422, code: 'key-reused' }
    await released()
    await expect(book()).rejects.toThrow('key-reused')
    expect(types()).toEqual(['shipment.created'])
  })

  it('is booked again under another key and to the corrected address, once for each correction', async () => {
    const { released, book, correct, check, carrier, platform, types } = open()
    carrier.refusal = refusal
    await released()
    carrier.refusal = undefined
    for (const key of [1, 1, 2]) await correct('address-2', 1, key)
    const again = platform.sent.filter(({ envelope }) => envelope.type === 'BookCarrier')
    expect(new Set(again.map(({ envelope }) => envelope.id)).size).toBe(1)
    await book(2)
    expect(platform.calls.map(({ path }) => path)).toEqual(['/addresses/address-1', '/addresses/address-2'])
    expect([...carrier.bookings.keys()]).toEqual([`${shipmentId}:2`])
    await check('collected')
    expect(types().at(-1)).toBe('shipment.dispatched')
  })

  it('again, to the corrected address, is reported as one to that address', async () => {
    const { released, book, correct, carrier, platform } = open()
    carrier.refusal = refusal
    await released()
    await correct()
    await book(2)
    const failed = platform.published.filter(({ type }) => type === 'shipment.failed')
    expect(failed.map(({ data }) => data)).toMatchObject([
      { attempt: 1, correction: 0 },
      { attempt: 2, correction: 1 },
    ])
  })

  it('is booked to the address of an earlier revision, which numbers none, and reported as it did', async () => {
    const { releasedOnly, book, carrier, platform } = open()
    const change = (key: number): Promise<void> =>
      deliver(app, platform, message('ChangeAddress', { orderId, addressRef: `address-${key}` }, { key }))
    carrier.refusal = refusal
    await releasedOnly()
    await change(2)
    await book()
    await change(3)
    await book(2)
    expect(platform.calls.map(({ path }) => path)).toEqual(['/addresses/address-1', '/addresses/address-3'])
    expect(platform.published.at(-1)!.data).toMatchObject({ attempt: 2 })
    expect(platform.published.at(-1)!.data).not.toHaveProperty('correction')
  })

  it('is not booked to the address of an earlier correction that arrives later', async () => {
    const { released, book, correct, carrier, platform } = open()
    carrier.refusal = refusal
    await released()
    await correct('address-3', 2)
    await book(2)
    await correct('address-2', 1)
    await deliver(app, platform, message('ChangeAddress', { orderId, addressRef: 'address-4' }))
    await book(3)
    expect(platform.calls.map(({ path }) => path)).toEqual(['/addresses/address-1', '/addresses/address-3'])
  })

  it('is cancelled without the carrier, and not booked again', async () => {
    const { released, book, correct, cancel, carrier, decisions, types } = open()
    carrier.refusal = refusal
    await released()
    await cancel()
    await correct()
    await book(2)
    expect(carrier.requests).toEqual(['POST /v1/bookings'])
    expect(decisions()[0]!.data).toMatchObject({ cancelled: lines, refused: [], cancelledShipments: [shipmentId] })
    expect(types().at(-1)).toBe('shipment.cancel-decided')
  })

  it('and was corrected is cancelled at the carrier under the key of the new booking', async () => {
    const { released, book, correct, cancel, carrier, decisions } = open()
    carrier.refusal = refusal
    await released()
    carrier.refusal = undefined
    await correct()
    await cancel()
    expect(carrier.requests.at(-1)).toBe(`POST /v1/bookings/${encodeURIComponent(`${shipmentId}:2`)}/cancel`)
    expect(decisions()[0]!.data).toMatchObject({ cancelledShipments: [shipmentId] })
    await expect(book(2)).resolves.toBeUndefined()
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
    expect(platform.sent.filter(({ envelope }) => envelope.type === 'BookCarrier')).toEqual([])
    expect(carrier.bookings.size).toBe(0)
  })

  it('before the release takes the booking back that a lost attempt of the release has made, and has the carrier asked about it', async () => {
    const { cancel, released, check, decisions, carrier, platform, types } = open()
    carrier.bookings.set(shipmentId, 't-before')
    await cancel()
    expect(carrier.bookings.size).toBe(0)
    const questions = platform.sent.filter(({ envelope }) => envelope.type === 'CheckShipments')
    expect(questions.map(({ envelope }) => envelope.data)).toEqual(
      [1, 2, 3].map(() => ({ orderId, bookingKey: shipmentId })),
    )
    await released()
    expect(carrier.bookings.size).toBe(0)
    expect(decisions().map(({ data }) => data)).toEqual([{ ...all, cancelledShipments: [] }])
    // The carrier has it all the same.
    carrier.bookings.set(shipmentId, 't-before')
    await check('collected', 1, shipmentId)
    expect(types()).toEqual(['shipment.cancel-decided', 'shipment.collected-in-error'])
  })

  it('before the release waits for it if the carrier has collected the parcel, and is refused then', async () => {
    const { cancel, released, check, decisions, carrier } = open()
    carrier.bookings.set(shipmentId, 't-before')
    carrier.status = 'collected'
    await expect(cancel()).rejects.toBeInstanceOf(Unavailable)
    await released()
    await check('collected', 1, shipmentId)
    await cancel()
    expect(decisions().map(({ data }) => data)).toEqual([none])
  })

  it('before the booking is decided once, and nothing is booked afterwards', async () => {
    const { releasedOnly, cancel, book, decisions, carrier, types } = open()
    await releasedOnly()
    await cancel()
    await cancel()
    await cancel('c-1', 'another message')
    await book()
    expect(new Set(decisions().map(({ id }) => id)).size).toBe(1)
    expect(decisions()[0]!.data).toEqual(all)
    expect(carrier.bookings.size).toBe(0)
    expect(types()).not.toContain('shipment.dispatched')
  })

  it('after the booking is taken by the carrier too', async () => {
    const { released, book, cancel, decisions, carrier } = open()
    await released()
    await book()
    await cancel()
    expect(decisions().map(({ data }) => data)).toEqual([all])
    expect(carrier.bookings.size).toBe(0)
  })

  it.each(['collected', 'delivered', 'returned'] as const)(
    'after the carrier reported it as %s is refused',
    async (status) => {
      const { released, book, cancel, check, decisions } = open()
      await released()
      await book()
      await check(status)
      await cancel()
      expect(decisions().map(({ data }) => data)).toEqual([none])
    },
  )

  it('is refused if the carrier has the parcel, and records the dispatch that was not reported yet', async () => {
    const { released, book, cancel, check, carrier, decisions, types } = open()
    await released()
    await book()
    carrier.status = 'collected'
    await cancel()
    expect(decisions().map(({ data }) => data)).toEqual([none])
    await check('collected')
    expect(types()).toEqual(['shipment.created', 'shipment.dispatched', 'shipment.cancel-decided'])
    expect(carrier.bookings.size).toBe(1)
  })

  it('during the booking of the release: the carrier refuses the booking, and no shipment is created', async () => {
    const { released, cancel, carrier, decisions, types } = open()
    carrier.beforeBooking = async () => cancel()
    await released()
    expect(decisions().map(({ data }) => data)).toEqual([{ ...all, cancelledShipments: [] }])
    expect(types()).toEqual(['shipment.cancel-decided'])
    expect(carrier.bookings.size).toBe(0)
  })

  it('during the booking of the command: the carrier refuses the booking, and nothing is dispatched', async () => {
    const { releasedOnly, book, cancel, carrier, decisions, types } = open()
    await releasedOnly()
    carrier.beforeBooking = async () => cancel()
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
