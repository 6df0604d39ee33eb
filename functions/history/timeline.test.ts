import { describe, expect, it } from 'vitest'
import { message } from '../../shared/runtime/deliver.testing.ts'
import { ordersContracts } from '../orders/contracts.ts'
import { isKept, type Timeline, type TimelineDocument, timelineOf, timelineFields } from './timeline.ts'

/** A time by minutes and seconds of the day of the test. */
const at = (time: string): string => `2026-01-01T00:${time}.000Z`
const event = (source: string, sequence: number, type: string, time: string) =>
  message(
    type,
    { customerRef: 'customer-1', placedAt: at('00:00'), totalMinor: 2380, currency: 'EUR' },
    { source, sequence, time: at(time), subject: 'o-1' },
  )

const life = [
  event('orders', 1, 'order.placed', '00:00'),
  event('inventory', 1, 'stock.reserved', '00:01'),
  event('payments', 1, 'payment.authorized', '00:02'),
  // The same time, and then an instance whose clock is behind.
  event('orders', 2, 'order.confirmed', '00:03'),
  event('orders', 3, 'order.released', '00:03'),
  event('orders', 4, 'order.completed', '00:01'),
]
/** Merges fields as Firestore does: the last write of a field wins. */
const recordedInTurn = (events: typeof life): Timeline => {
  const parts = events.map((event) => timelineFields(event)) as unknown as TimelineDocument[]
  return timelineOf(Object.assign({}, ...parts, { events: Object.assign({}, ...parts.map((part) => part.events)) }))
}
const types = ({ entries }: Timeline): string[] => entries.map(({ type }) => type)

describe('a timeline', () => {
  it('is the same for any order of delivery, and keeps the sequence of each service', () => {
    const expected = recordedInTurn(life)
    expect(types(expected)).toEqual(life.map(({ type }) => type))
    for (let turn = 0; turn < life.length; turn++) {
      const rotated = [...life.slice(turn), ...life.slice(0, turn)]
      for (const order of [rotated, rotated.toReversed()]) expect(recordedInTurn(order)).toEqual(expected)
    }
  })

  it('contains each event once', () => {
    expect(recordedInTurn([...life, ...life])).toEqual(recordedInTurn(life))
  })

  it('has the customer from order.placed on', () => {
    expect(recordedInTurn(life.slice(1)).customerRef).toBeUndefined()
    expect(recordedInTurn(life.toReversed()).customerRef).toBe('customer-1')
  })

  it('has actor, reason, amount and tracking where the event has them', () => {
    const shown = (type: string, data: object, actor = 'staff:jo') => {
      const { eventId: _, ...entry } = recordedInTurn([message(type, data, { subject: 'o-1', actor }) as never])
        .entries[0]!
      return entry
    }
    const refund = { orderId: 'o-1', refundId: 'r-1', amountMinor: 1190, currency: 'EUR', reason: 'one was broken' }
    expect(shown('refund.issued', refund)).toMatchObject({
      actor: 'staff:jo',
      reason: 'one was broken',
      amountMinor: 1190,
      currency: 'EUR',
    })
    expect(shown('payment.declined', { orderId: 'o-1', code: 'card-expired' })).toMatchObject({
      reason: 'card-expired',
    })
    expect(shown('shipment.dispatched', { orderId: 'o-1', trackingRef: 't-1' })).toMatchObject({ trackingRef: 't-1' })
    const { events } = ordersContracts
    expect(shown('recapture.requested', events['recapture.requested'].example)).toMatchObject({
      actor: 'staff:jo',
      reason: 'the customer has a new card',
      amountMinor: 2380,
      currency: 'EUR',
    })
    expect(shown('checkout.retried', events['checkout.retried'].example)).toMatchObject({
      actor: 'staff:jo',
      reason: 'the provider is back',
    })
    // Its address is no part of the entry.
    const corrected = shown('address.corrected', events['address.corrected'].example, 'customer:jo')
    expect(Object.keys(corrected).toSorted()).toEqual(['actor', 'sequence', 'source', 'time', 'type'])
    // A total is no amount that moved, and a field of another type is left out.
    const data = { currency: 'EUR', totalMinor: 1, reason: ['x'], placedAt: at('00:00') }
    const plain = shown('order.placed', data, 'customer:jo')
    expect(Object.keys(plain).toSorted()).toEqual(['actor', 'sequence', 'source', 'time', 'type'])
  })

  it('stays small while a saga is reported stuck again and again, and counts the reports', () => {
    const reports = Array.from({ length: 10_000 }, (_, index) =>
      message('saga.stuck', { sagaId: 'o-1', step: 'x', attempt: index + 1, reason: 'x' }),
    )
    const attempts = reports.filter(isKept).map(({ data }) => data.attempt)
    expect(attempts).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192])
    expect(isKept(life[0]!)).toBe(true)
  })
})
