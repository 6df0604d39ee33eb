/** The refunds of an order, as payments reports them. */

import type { OrderView } from './contracts.ts'
import type { Ledger } from './fulfilment.ts'
import type { Placed, RefundFact } from './records.ts'

/** By refund, in the order in which they were first reported. */
export type Refunds = Readonly<Record<string, Omit<RefundFact, 'refundId'>>>

const RANKS = ['pending', 'issued', 'failed'] as const

/** False for a report that is known, or older than what is known. */
export function isNews(refunds: Refunds, { refundId, status }: RefundFact): boolean {
  const known = refunds[refundId]
  return known === undefined || RANKS.indexOf(status) > RANKS.indexOf(known.status)
}

export const withRefund = (refunds: Refunds, { refundId, ...fact }: RefundFact): Refunds => ({
  ...refunds,
  [refundId]: fact,
})

const sum = (amounts: readonly number[]): number => amounts.reduce((total, one) => total + one, 0)

/** The captured amount; undefined if a parcel was paid before amounts were recorded. */
export function capturedMinor({ captured, amounts }: Ledger): number | undefined {
  return captured.every((shipmentId) => shipmentId in amounts) ? sum(Object.values(amounts)) : undefined
}

/** The amount that is still to be captured: the total without cancelled lines and captures; undefined as above. */
export function unpaidMinor({ totalMinor }: Placed, ledger: Ledger): number | undefined {
  const paidMinor = capturedMinor(ledger)
  return paidMinor === undefined ? undefined : Math.max(0, totalMinor - ledger.cancelledMinor - paidMinor)
}

/** The amount that the customer has got back. */
export const refundedMinor = (refunds: Refunds): number =>
  sum(Object.values(refunds).map(({ status, amountMinor }) => (status === 'issued' ? amountMinor : 0)))

/** The money of the order as customers and staff see it; undefined while nothing was captured. */
export function paymentView(ledger: Ledger, refunds: Refunds): OrderView['payment'] {
  if (ledger.captured.length === 0) return undefined
  const all = Object.entries(refunds).map(([refundId, fact]) => ({ refundId, ...fact }))
  const paidMinor = capturedMinor(ledger)
  return {
    ...(paidMinor === undefined ? {} : { capturedMinor: paidMinor }),
    refundedMinor: refundedMinor(refunds),
    refunds: all,
  }
}
