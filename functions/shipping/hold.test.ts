/** A parcel waits while the authorization of its order has less than a day left, and goes with the next one. */

import { describe, expect, it } from 'vitest'
import { Unavailable } from '../../shared/base/errors.ts'
import { deliver, message } from '../../shared/runtime/deliver.testing.ts'
import { startOfTests } from '../../shared/runtime/platform.testing.ts'
import { HELD_BEFORE_MS } from '../orders/contracts.ts'
import { app } from './app.ts'
import { open, orderId, shipmentId } from './shipping.testing.ts'

const DAY_MS = 24 * 3_600_000
const start = Date.parse(startOfTests)
const FIRST_END = new Date(start + 7 * DAY_MS).toISOString()
const SECOND_END = new Date(start + 14 * DAY_MS).toISOString()
const HELD_AFTER_MS = 7 * DAY_MS - HELD_BEFORE_MS

const booked = async () => {
  const shop = open()
  await shop.released(1, FIRST_END)
  await shop.work()
  expect(await shop.recorded()).toContain('booking.made')
  return shop
}
const booking = `POST /v1/bookings`
const cancelling = (key = shipmentId): string => `POST /v1/bookings/${encodeURIComponent(key)}/cancel`

describe('a parcel that is to be booked', () => {
  it('is booked until a day and six hours before the end of the authorization, and waits from then on', async () => {
    const inTime = open()
    await inTime.releasedOnly(FIRST_END)
    inTime.platform.advance(HELD_AFTER_MS - 1)
    await inTime.work()
    expect(inTime.carrier.bookings.size).toBe(1)

    const late = open()
    await late.releasedOnly(FIRST_END)
    late.platform.advance(HELD_AFTER_MS)
    await late.work()
    expect(late.carrier.bookings.size).toBe(0)
    expect((await late.recorded()).at(-1)).toBe('booking.held')
  })

  it('in the delivery of the release waits in the same way', async () => {
    const inTime = open()
    inTime.platform.advance(HELD_AFTER_MS - 1)
    await inTime.released(1, FIRST_END)
    expect(inTime.carrier.bookings.size).toBe(1)

    const late = open()
    late.platform.advance(HELD_AFTER_MS)
    await late.released(1, FIRST_END)
    expect(late.carrier.requests).toEqual([])
    await late.work()
    expect(late.carrier.bookings.size).toBe(0)
    expect((await late.recorded()).at(-1)).toBe('booking.held')
  })

  it('of an order with nothing to pay never waits', async () => {
    const { released, work, platform, carrier } = open()
    await released()
    platform.advance(30 * DAY_MS)
    await work()
    expect(carrier.bookings.size).toBe(1)
  })

  it('does not wait if the renewal was reported before the release, nor for an older report after it', async () => {
    const { released, renewed, work, platform, carrier } = open()
    await renewed(SECOND_END)
    await released(1, FIRST_END)
    await renewed(FIRST_END, 3)
    platform.advance(HELD_AFTER_MS)
    await work()
    expect([...carrier.bookings.keys()]).toEqual([shipmentId])
  })
})

describe('a booking that the carrier has not collected', () => {
  it('is taken back by a hold, once', async () => {
    const { hold, carrier, recorded } = await booked()
    await hold(FIRST_END)
    await hold(FIRST_END, 2)
    expect(carrier.requests.filter((request) => request === cancelling())).toHaveLength(1)
    expect(carrier.bookings.size).toBe(0)
    expect((await recorded()).filter((type) => type === 'booking.held')).toHaveLength(1)
  })

  it('is made anew under another key with the next authorization, once for each', async () => {
    const { hold, renewed, work, carrier } = await booked()
    await hold(FIRST_END)
    for (const _ of [1, 2]) {
      await renewed(SECOND_END)
      await work()
    }
    expect([...carrier.bookings.keys()]).toEqual([`${shipmentId}:2`])
    expect(carrier.requests.filter((request) => request === booking)).toHaveLength(2)
  })

  it('whose answer is lost is found and taken back', async () => {
    const { released, platform, carrier, hold, renewed, work, recorded } = open()
    carrier.answers = false
    await released(1, FIRST_END)
    const command = platform.sent.shift()!.envelope
    await expect(deliver(app, platform, command)).rejects.toBeInstanceOf(Unavailable)
    carrier.answers = true
    expect(carrier.bookings.size).toBe(1)
    await hold(FIRST_END)
    expect(carrier.bookings.size).toBe(0)
    await deliver(app, platform, command)
    expect((await recorded()).at(-1)).toBe('booking.held')
    await renewed(SECOND_END)
    await work()
    expect([...carrier.bookings.keys()]).toEqual([`${shipmentId}:2`])
  })

  it('that a lost attempt of the hold has ended is made anew although the renewal came in between', async () => {
    const { hold, renewed, work, carrier, recorded, platform } = await booked()
    // The carrier has given it back, and the commit was lost.
    await platform.callExternal(`https://carrier.example.com/v1/bookings/${shipmentId}/cancel`, {
      method: 'POST',
      operation: 'carrier.cancel',
      idempotencyKey: `${shipmentId}:cancel`,
      token: { secret: 'carrier-key' },
    })
    await renewed(SECOND_END)
    await hold(FIRST_END)
    await work()
    expect((await recorded()).slice(-3)).toEqual(['booking.held', 'booking.renewed', 'booking.made'])
    expect([...carrier.bookings.keys()]).toEqual([`${shipmentId}:2`])
  })

  it('is not collected while it waits, whatever a late webhook says', async () => {
    const { hold, check, types } = await booked()
    await hold(FIRST_END)
    await check('collected')
    expect(types()).not.toContain('shipment.dispatched')
  })
})

describe('a parcel that the carrier has collected', () => {
  it('is dispatched, and is not held', async () => {
    const { hold, renewed, work, carrier, types, recorded } = await booked()
    carrier.status = 'collected'
    await hold(FIRST_END)
    expect(types()).toContain('shipment.dispatched')
    expect(await recorded()).not.toContain('booking.held')
    await renewed(SECOND_END)
    await work()
    expect(carrier.requests.filter((request) => request === booking)).toHaveLength(1)
  })
})

describe('a parcel that waits', () => {
  it('is cancelled without the carrier', async () => {
    const { hold, cancel, renewed, work, carrier, decisions } = await booked()
    await hold(FIRST_END)
    const before = carrier.requests.length
    await cancel()
    expect(carrier.requests).toHaveLength(before)
    expect(decisions()[0]!.data).toMatchObject({ refused: [], cancelledShipments: [shipmentId] })
    await renewed(SECOND_END)
    await work()
    expect(carrier.bookings.size).toBe(0)
  })

  it('and whose address was corrected waits still', async () => {
    const { released, work, hold, correct, carrier, platform, renewed } = open()
    carrier.refusal = { status: 422, code: 'address-unknown' }
    await released(1, FIRST_END)
    await work()
    await hold(FIRST_END)
    carrier.refusal = undefined
    platform.advance(HELD_AFTER_MS)
    await correct()
    await work()
    expect(carrier.bookings.size).toBe(0)
    await renewed(SECOND_END)
    await work()
    expect([...carrier.bookings.keys()]).toEqual([`${shipmentId}:3`])
  })

  it('stays so for a hold that is delivered before the shipment is known', async () => {
    const { hold, released, work, carrier, platform } = open()
    await hold(FIRST_END)
    platform.advance(HELD_AFTER_MS)
    await released(1, FIRST_END)
    await work()
    expect(carrier.bookings.size).toBe(0)
  })
})

it('a hold waits for a carrier that does not answer', async () => {
  const { platform, carrier, hold } = await booked()
  carrier.isThere = false
  await expect(hold(FIRST_END)).rejects.toBeInstanceOf(Unavailable)
  carrier.isThere = true
  await deliver(app, platform, message('HoldShipments', { orderId, authorizedUntil: FIRST_END }, { key: 1 }))
  expect(carrier.bookings.size).toBe(0)
})
