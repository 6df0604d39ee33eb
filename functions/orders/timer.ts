/** The one timer of an order: armed with the decision that needs it, unless one is armed that fires in time. */

import { type Decision, noChange } from '../../shared/service/platform.ts'
import { nextTimeoutMs } from '../../shared/saga/saga.ts'
import { hasArrived } from './fulfilment.ts'
import { answerDueMs, answerTimeOf, holdAtMs, isLapsed, lapseEndMs, openEndMs, renewalAtMs } from './renewal-times.ts'
import type { OrderState } from './order.ts'
import type { OrderRecord, Placed, SagaProgress } from './records.ts'
import type { OrderSent } from './sent.ts'

/** Cloud Tasks takes no task for a time that is more than 30 days ahead: an earlier timer arms the next one. */
const MAX_TIMER_MS = 29 * 24 * 3_600_000

/** Records the progress, and arms a timer when the armed one would fire too late. An answer that is waited for gets its time here. */
export function withTimer(
  state: OrderState,
  nowMs: number,
  decision: Decision<OrderRecord, OrderSent>,
  changed: SagaProgress,
): Decision<OrderRecord, OrderSent> {
  const progress = { ...answerTimeOf({ ...state, ...changed }, nowMs), ...changed }
  const wantedMs = nextDueMs({ ...state, ...progress })
  // Never in the past: a timer of that time may have fired, and a repeated one is not sent.
  const dueMs = wantedMs === undefined ? undefined : Math.min(Math.max(wantedMs, nowMs), nowMs + MAX_TIMER_MS)
  if (dueMs !== undefined && !isArmed(state, nowMs, dueMs)) {
    return {
      events: [...decision.events, progressed({ ...progress, timerAtMs: dueMs })],
      commands: [...decision.commands, timer(state.order!, dueMs)],
    }
  }
  const isUnchanged = decision.events.length === 0 && decision.commands.length === 0
  if (isUnchanged && Object.keys(progress).length === 0) return noChange
  return { ...decision, events: [...decision.events, progressed(progress)] }
}

function nextDueMs(state: OrderState): number | undefined {
  const { status, saga, nextReminderAtMs, isStalled } = state
  const isConfirmed = status === 'confirmed' || saga!.phase === 'committed'
  if (!isConfirmed) return nextTimeoutMs(saga!)
  const due = [
    // A stalled order has no more reminders, and one that waits for its customer has none meanwhile.
    isStalled || isLapsed(state) ? undefined : nextReminderAtMs,
    promiseToWatchMs(state),
    renewalAtMs(state),
    answerDueMs(state),
    holdAtMs(state),
    lapseEndMs(state),
    openEndMs(state),
  ].filter((ms) => ms !== undefined)
  return due.length > 0 ? Math.min(...due) : undefined
}

/** So long after the promised time the customer is notified of a delay: a webhook may be under way, and the carrier was asked. */
export const PROMISE_REPORT_MS = 3_600_000

/** The promised time, until it is reported as passed or the carrier has reported the end of every parcel. */
export function promiseToWatchMs(state: OrderState): number | undefined {
  const { status, order, ledger, promisedByMs, isDelayed, isPromiseChecked } = state
  if (isDelayed || status !== 'confirmed' || promisedByMs === undefined || hasArrived(order!, ledger)) return undefined
  return isPromiseChecked ? promisedByMs + PROMISE_REPORT_MS : promisedByMs
}

const isArmed = ({ timerAtMs = 0 }: OrderState, nowMs: number, dueMs: number): boolean =>
  timerAtMs > nowMs && timerAtMs <= dueMs

const timer = ({ orderId }: Placed, atMs: number): OrderSent => ({
  type: 'ContinueCheckout',
  data: { orderId, deadline: new Date(atMs).toISOString() },
  notBeforeMs: atMs,
  key: String(atMs),
})

export const progressed = (progress: SagaProgress): OrderRecord => ({ type: 'checkout.progressed', data: progress })
