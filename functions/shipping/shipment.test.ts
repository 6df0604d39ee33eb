import { describe, expect, it } from 'vitest'
import { decideCancellation, evolve, type Goods, initial, isKnown, type OrderShipments, undecided } from './shipment.ts'

const orderId = 'o-1'
const line = (lineId: string, quantity = 1): Goods[number] => ({ lineId, sku: `SKU-${lineId}`, quantity })
const request = { orderId, cancellationId: 'c-1', lines: [line('1', 3), line('2')] }

/** Two shipments: two pieces of line 1, and the rest. */
const created = (['s-1', 's-2'] as const).reduce<OrderShipments>(
  (state, shipmentId) =>
    evolve(state, {
      type: 'shipment.created',
      data: { orderId, shipmentId, lines: shipmentId === 's-1' ? [line('1', 2)] : [line('1'), line('2')] },
    }),
  initial,
)
const dispatched = (state: OrderShipments, shipmentId: string): OrderShipments =>
  evolve(state, { type: 'shipment.dispatched', data: { orderId, shipmentId, lines: [line('1')], trackingRef: 't-1' } })
const decided = (state: OrderShipments, collected: readonly string[] = []) =>
  decideCancellation(state, request, collected).data

describe('a cancellation', () => {
  it('before the release cancels every line, and no shipment is created after it', () => {
    expect(decided(initial)).toEqual({
      orderId,
      cancellationId: 'c-1',
      cancelled: request.lines,
      refused: [],
      cancelledShipments: [],
    })
    expect(isKnown(initial)).toBe(false)
    expect(isKnown(evolve(initial, decideCancellation(initial, request, [])))).toBe(true)
  })

  it('of shipments that have not left cancels them all', () => {
    expect(decided(created)).toMatchObject({
      cancelled: request.lines,
      refused: [],
      cancelledShipments: ['s-1', 's-2'],
    })
  })

  it.each([
    ['is recorded', dispatched(created, 's-1'), []],
    ['only the carrier knows of', created, ['s-1']],
  ] as const)('refuses the lines of a dispatch that %s, and cancels the others', (_how, state, collected) => {
    expect(decided(state, collected)).toMatchObject({
      cancelled: [line('1'), line('2')],
      refused: [line('1', 2)],
      cancelledShipments: ['s-2'],
    })
  })

  it('refuses everything once everything has left', () => {
    const all = dispatched(dispatched(created, 's-1'), 's-2')
    expect(decided(all)).toMatchObject({ cancelled: [], refused: request.lines, cancelledShipments: [] })
  })

  it('leaves nothing for a later one: a cancelled shipment stays cancelled', () => {
    const state = evolve(created, decideCancellation(created, request, ['s-1']))
    expect(state.shipments.map(({ status }) => status)).toEqual(['created', 'cancelled'])
    expect(state.decided).toEqual(['c-1'])
    expect(undecided(state).map(({ shipmentId }) => shipmentId)).toEqual(['s-1'])
  })
})
