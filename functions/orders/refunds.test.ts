import { expect, it } from 'vitest'
import { noFacts } from './fulfilment.ts'
import type { Placed } from './records.ts'
import { refundedMinor, type Refunds, unpaidMinor } from './refunds.ts'

it('only issued refunds count as money that the customer has got back', () => {
  const refund = (status: Refunds[string]['status'], amountMinor: number): Refunds[string] => ({ status, amountMinor })
  expect(refundedMinor({})).toBe(0)
  expect(
    refundedMinor({ 'r-1': refund('pending', 100), 'r-2': refund('issued', 20), 'r-3': refund('failed', 3) }),
  ).toBe(20)
})

it.each([
  ['all, while nothing is captured', {}, 3000],
  ['without what is captured', { captured: ['s-1'], amounts: { 's-1': 1200 } }, 1800],
  ['without cancelled lines', { captured: ['s-1'], amounts: { 's-1': 1200 }, cancelledMinor: 800 }, 1000],
  ['an unknown amount, if a parcel was paid before amounts were recorded', { captured: ['s-1'] }, undefined],
])('what is not paid is %s', (_name, facts, expected) => {
  expect(unpaidMinor({ totalMinor: 3000 } as Placed, { ...noFacts, ...facts })).toBe(expected)
})
