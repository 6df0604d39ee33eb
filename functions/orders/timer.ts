/** The one timer of an order: armed with the decision that needs it, unless one is armed that fires in time. */

import { type Decision, noChange } from '../../shared/service/platform.ts'
import { nextTimeoutMs } from '../../shared/saga/saga.ts'
import type { OrderState } from './order.ts'
import type { OrderRecord, Placed, SagaProgress } from './records.ts'
import type { OrderSent } from './sent.ts'

/** Records the progress, and arms a timer when the armed one would fire too late. */
export function withTimer(
  state: OrderState,
  nowMs: number,
  decision: Decision<OrderRecord, OrderSent>,
  progress: SagaProgress,
): Decision<OrderRecord, OrderSent> {
  const dueMs = nextDueMs({ ...state, ...progress })
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

function nextDueMs({ status, saga, nextReminderAtMs }: OrderState): number | undefined {
  const isConfirmed = status === 'confirmed' || saga!.phase === 'committed'
  return isConfirmed ? nextReminderAtMs : nextTimeoutMs(saga!)
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
