/** The consequence of newly recorded facts of a released order: it is completed, it stalls, or it waits for the next fact. */

import type { Decision } from '../../shared/service/platform.ts'
import {
  isFulfilled,
  isOnItsWay,
  isSettled,
  missingFrom,
  returned,
  SETTLEMENT_REMINDER_MS,
  SHIPMENT_REMINDER_MS,
  stalled,
  UNREPORTED_DELIVERY_MS,
} from './fulfilment.ts'
import { evolve, type OrderState } from './order.ts'
import type { OrderRecord } from './records.ts'
import type { OrderSent } from './sent.ts'
import { withTimer } from './timer.ts'

/** The decision, with all that follows from its events. Facts arrive in any order, even before the order's own confirmation. */
export function advance(
  before: OrderState,
  decision: Decision<OrderRecord, OrderSent>,
  nowMs: number,
): Decision<OrderRecord, OrderSent> {
  const after = decision.events.reduce(evolve, before)
  const { order, status, ledger, reminderCount } = after
  if (!order || ['completed', 'closed', 'cancelled'].includes(status)) return decision
  const { events, commands } = decision
  if (status === 'confirmed' && isFulfilled(order, ledger))
    return { events: [...events, { type: 'order.completed', data: { orderId: order.orderId } }], commands }
  // Staff knows it already: this fact is no further reason.
  if (after.isStalled) return decision
  const waits = isOnItsWay(order, ledger) && returned(ledger).length === 0
  if (status === 'confirmed' && !waits && missingFrom({ order, ledger }).length === 0)
    return { events: [...events, ...stalled({ order, ledger }, reminderCount)], commands }
  const shippedMs = waits ? UNREPORTED_DELIVERY_MS : SHIPMENT_REMINDER_MS
  const nextReminderAtMs = nowMs + (isSettled(order, ledger) ? shippedMs : SETTLEMENT_REMINDER_MS)
  const progress = { nextReminderAtMs, ...(reminderCount > 0 ? { reminderCount: 0 } : {}) }
  return withTimer(after, nowMs, decision, progress)
}
