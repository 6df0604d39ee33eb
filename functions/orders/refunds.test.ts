import { expect, it } from 'vitest'
import { refundedMinor, type Refunds } from './refunds.ts'

it('only issued refunds count as money that the customer has got back', () => {
  const refund = (status: Refunds[string]['status'], amountMinor: number): Refunds[string] => ({ status, amountMinor })
  expect(refundedMinor({})).toBe(0)
  expect(
    refundedMinor({ 'r-1': refund('pending', 100), 'r-2': refund('issued', 20), 'r-3': refund('failed', 3) }),
  ).toBe(20)
})
