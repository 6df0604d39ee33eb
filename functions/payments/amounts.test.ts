import { describe, expect, it } from 'vitest'
import { captureFor, refundable, refundsOf } from './amounts.ts'
import { type Capture, initial, type PaymentState } from './payment.ts'

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
