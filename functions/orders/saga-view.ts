/** Where an order's saga stands, as operators read it. */

import { isStuck, type SagaWait, timeOf, waitsOf } from '../../shared/saga/state.ts'
import { fulfilmentStep, returned } from './fulfilment.ts'
import type { OrderState } from './order.ts'
import { ANSWER_STEP, answerDueMs, isAnswerAwaited, isLapsed, lapseEndMs } from './renewal-times.ts'

export interface SagaView {
  readonly status: string
  /** Empty when it has ended. */
  readonly waitsFor: readonly SagaWait[]
  readonly stuck: boolean
}

export function sagaView(state: OrderState): SagaView {
  const waitsFor = waits(state)
  const isOverdue =
    state.isStalled ||
    state.status === 'completed' ||
    (state.status === 'confirmed' ? isStuck(waitsFor, 1) : isStuck(waitsFor))
  return { status: state.status, waitsFor, stuck: waitsFor.length > 0 && isOverdue }
}

function waits(state: OrderState): SagaWait[] {
  const { status, saga, order, ledger, nextReminderAtMs, reminderCount, released, isStalled } = state
  if (!saga || status === 'closed') return []
  if (status === 'completed')
    return isOwedForReturns(state) ? [{ step: fulfilmentStep({ order: order!, ledger }), attempt: 0, until: null }] : []
  if (status !== 'confirmed') return waitsOf(saga)
  const answer = answerWaits(state)
  if (isLapsed(state))
    return [{ step: 'another payment method', attempt: 0, until: timeOf(lapseEndMs(state)) }, ...answer]
  const step = released ? fulfilmentStep({ order: order!, ledger }) : 'the end of the release delay'
  return [{ step, attempt: reminderCount, until: isStalled ? null : timeOf(nextReminderAtMs) }, ...answer]
}

/** An answer of payments that did not come in time. */
const answerWaits = (state: OrderState): SagaWait[] =>
  isAnswerAwaited(state) && state.answerRequests > 0
    ? [{ step: ANSWER_STEP, attempt: state.answerRequests, until: timeOf(answerDueMs(state)) }]
    : []

/** Parcels came back after the order was completed, and less was refunded since than was captured for them. */
function isOwedForReturns({ ledger, refunds }: OrderState): boolean {
  const captured = returned(ledger).reduce((sum, { shipmentId }) => sum + (ledger.amounts[shipmentId] ?? 0), 0)
  const refunded = Object.values(refunds).reduce(
    (sum, { status, amountMinor }) => sum + (status === 'failed' ? 0 : amountMinor),
    0,
  )
  return refunded < captured
}
