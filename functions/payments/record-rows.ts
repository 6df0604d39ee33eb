/** The money of each payment in the ledger, by authorization. */

import type { Stream } from '../../shared/service/platform.ts'
import { changedAt } from '../../shared/service/stream-page.ts'
import { authorizationKey, isRecapturing, isRenewing, paymentIn, type PaymentState } from './payment.ts'
import type { PaymentRecordRow } from './record-contracts.ts'

/** Undefined for a stream in which no payment was agreed or voided. */
export function paymentRecord(stream: Stream): PaymentRecordRow | undefined {
  const state = paymentIn(stream.events)
  if (state.status === 'none') return undefined
  const { status, currency, totalMinor, captures } = state
  return {
    orderId: stream.id,
    changedAt: changedAt(stream),
    status,
    currency,
    totalMinor,
    inFlight: isInFlight(state),
    authorizations: state.authorizations.map((number) => ({
      authorizationKey: authorizationKey(stream.id, number),
      capturedMinor: sum(captured(state).filter(({ authorization }) => authorization === number)),
      refundedMinor: sum(
        Object.values(state.refunds).filter((one) => one.status === 'issued' && one.authorization === number),
      ),
      disputedMinor: sum(
        Object.values(state.disputes).filter((one) => one.outcome !== 'won' && one.authorization === number),
      ),
    })),
    captured: Object.keys(captures).filter((shipmentId) => captures[shipmentId]!.outcome === 'captured'),
  }
}

const captured = ({ captures }: PaymentState) => Object.values(captures).filter(({ outcome }) => outcome === 'captured')
const isInFlight = (state: PaymentState): boolean =>
  state.status === 'voiding' ||
  isRecapturing(state) ||
  isRenewing(state) ||
  Object.values(state.captures).some(({ outcome }) => outcome === 'due') ||
  Object.values(state.refunds).some(({ status }) => status === 'due' || status === 'pending')
const sum = (amounts: readonly { readonly amountMinor: number }[]): number =>
  amounts.reduce((total, { amountMinor }) => total + amountMinor, 0)
