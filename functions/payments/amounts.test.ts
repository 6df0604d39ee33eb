import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { captureFor, mustWait, payableMinor, refundable, refundsOf } from './amounts.ts'
import { type Capture, evolve, initial, type PaymentState } from './payment.ts'

const line = (lineId: string) => ({ lineId, quantity: 1, unitMinor: 100 })
const capture = (change: Partial<Capture> & { line: string }): Capture => ({
  outcome: 'captured',
  amountMinor: 100,
  final: false,
  quantities: { [change.line]: 1 },
  authorization: 1,
  attempt: 1,
  ...change,
})
/** Three lines of 1.00 and a fee of 0.50. */
const payment: PaymentState = {
  ...initial,
  status: 'authorized',
  currency: 'EUR',
  totalMinor: 350,
  shippingMinor: 50,
  lines: [line('1'), line('2'), line('3')],
  authorizations: [1],
}

describe('the amount of a shipment', () => {
  it('does not contain what was refused for another one: that is recaptured', () => {
    const captures = {
      's-1': capture({ line: '1', amountMinor: 150, outcome: 'failed' }),
      's-2': capture({ line: '2' }),
    }
    expect(captureFor({ ...payment, captures }, [{ lineId: '3', quantity: 1 }])).toMatchObject({
      amountMinor: 100,
      final: true,
    })
  })

  it('contains the fee once, also if the capture with the fee was refused', () => {
    const captures = { 's-1': capture({ line: '1', amountMinor: 150, outcome: 'failed' }) }
    expect(captureFor({ ...payment, captures }, [{ lineId: '2', quantity: 1 }])).toMatchObject({ amountMinor: 100 })
  })
})

describe('the captures of an order with taxes, a discount and a fee', () => {
  interface Piece {
    readonly lineId: string
    readonly shipment: number
  }

  /** Captures the shipments in this order; the pieces of shipment 0 are cancelled before the shipment `cancelledBefore`. */
  function captured(start: PaymentState, pieces: readonly Piece[], cancelledBefore: number): PaymentState {
    const linesOf = (shipment: number) =>
      pieces.filter((piece) => piece.shipment === shipment).map(({ lineId }) => ({ lineId, quantity: 1 }))
    return [1, 2, 3, 4].reduce((before, shipment) => {
      const state = shipment === cancelledBefore ? reduced(before, linesOf(0)) : before
      const lines = linesOf(shipment)
      if (lines.length === 0) return state
      const shipmentId = `s-${shipment}`
      const due = evolve(state, { type: 'capture.due', data: { shipmentId, ...captureFor(state, lines) } })
      expect(mustWait(due, shipmentId)).toBe(false)
      const { amountMinor, final } = due.captures[shipmentId]!
      const about = { orderId: 'o-1', paymentId: 'p-1', captureId: 'c', currency: 'EUR', authorization: 1 }
      return evolve(due, { type: 'payment.captured', data: { ...about, shipmentId, amountMinor, final } })
    }, start)
  }
  const reduced = (state: PaymentState, lines: readonly { lineId: string; quantity: number }[]): PaymentState =>
    evolve(state, {
      type: 'payment.reduced',
      data: {
        orderId: 'o-1',
        paymentId: 'p-1',
        cancellationId: 'c-1',
        lines: lines.map((one) => ({ ...one, sku: 'TEA' })),
        amountMinor: 0,
        currency: 'EUR',
      },
    })
  const amountsOf = ({ captures }: PaymentState): number[] => Object.values(captures).map((one) => one.amountMinor)
  const sum = (amounts: readonly number[]): number => amounts.reduce((total, one) => total + one, 0)

  const anyLines = fc.array(
    fc.record({ quantity: fc.integer({ min: 1, max: 5 }), unitMinor: fc.nat(300), amountMinor: fc.nat(1_600) }),
    { minLength: 1, maxLength: 4 },
  )
  const anyOrder = anyLines.chain((some) => {
    const lines = some.map((one, index) => ({ lineId: String(index), ...one }))
    const pieces = lines.flatMap(({ lineId, quantity }) => Array.from({ length: quantity }, () => lineId))
    return fc.record({
      lines: fc.constant(lines),
      feeMinor: fc.nat(500),
      pieces: fc.tuple(
        ...pieces.map((lineId) => fc.integer({ min: 0, max: 4 }).map((shipment) => ({ lineId, shipment }))),
      ),
      cancelledBefore: fc.integer({ min: 1, max: 4 }),
    })
  })

  it('add up to what the customer pays, to the cent, over any split and with any part cancelled', () => {
    fc.assert(
      fc.property(anyOrder, ({ lines, feeMinor, pieces, cancelledBefore }) => {
        const start: PaymentState = {
          ...payment,
          lines,
          shippingMinor: feeMinor,
          totalMinor: sum(lines.map(({ amountMinor }) => amountMinor)) + feeMinor,
        }
        fc.pre(pieces.some(({ shipment }) => shipment >= cancelledBefore))
        const end = captured(start, pieces, cancelledBefore)
        expect(sum(amountsOf(end))).toBe(payableMinor(end))
        for (const amountMinor of amountsOf(end)) expect(amountMinor).toBeGreaterThanOrEqual(0)
        expect(Object.values(end.captures).filter(({ final }) => final)).toHaveLength(1)
        // Without a cancellation that is the whole total.
        if (!pieces.some(({ shipment }) => shipment === 0)) expect(payableMinor(end)).toBe(start.totalMinor)
      }),
    )
  })

  it('have the fee in the first, and of each line the share of its pieces', () => {
    const lines = [{ lineId: '1', quantity: 3, unitMinor: 100, amountMinor: 320 }]
    const pieces = [1, 2, 3].map((shipment) => ({ lineId: '1', shipment }))
    const start = { ...payment, lines, totalMinor: 370 }
    expect(amountsOf(captured(start, pieces, 4))).toEqual([50 + 106, 107, 107])
  })
})

describe('a refund', () => {
  const state: PaymentState = {
    ...payment,
    authorizations: [1, 2],
    captures: { 's-1': capture({ line: '1', amountMinor: 150 }), 's-2': capture({ line: '2', authorization: 2 }) },
  }

  it('of money that was captured under two authorizations becomes two, whose amounts add up', () => {
    expect(refundsOf(state, { refundId: 'r', amountMinor: 200 })).toEqual([
      { refundId: 'r', authorization: 1, amountMinor: 150 },
      { refundId: 'r-2', authorization: 2, amountMinor: 50 },
    ])
    expect(refundsOf(state, { refundId: 'r', amountMinor: 251 })).toEqual([])
  })

  it('counts refunds that are due, pending or issued, each under its own authorization', () => {
    const refund = { amountMinor: 100, reason: 'broken', authorization: 2 } as const
    const after = (status: 'due' | 'pending' | 'issued' | 'failed'): PaymentState => ({
      ...state,
      refunds: { x: { ...refund, status } },
    })
    expect((['due', 'pending', 'issued', 'failed'] as const).map((status) => refundable(after(status)))).toEqual([
      150, 150, 150, 250,
    ])
    expect(refundsOf(after('due'), { refundId: 'r', amountMinor: 150 })).toEqual([
      { refundId: 'r', authorization: 1, amountMinor: 150 },
    ])
  })
})
