/** Where an order's saga stands, as operators read it. */

import { STUCK_FROM_ATTEMPT } from '../../shared/saga/saga.ts'
import { fulfilmentStep } from './fulfilment.ts'
import type { OrderState } from './order.ts'

export interface SagaView {
  readonly status: string
  /** Empty when it has ended. */
  readonly waitsFor: readonly Wait[]
  readonly stuck: boolean
}

interface Wait {
  readonly step: string
  /** How often it was requested. */
  readonly attempt: number
  /** When the saga acts on it by itself. */
  readonly until: string | null
}

export function sagaView(state: OrderState): SagaView {
  const waitsFor = waits(state)
  const limit = state.status === 'confirmed' ? 1 : STUCK_FROM_ATTEMPT
  const isOverdue = state.isStalled || waitsFor.some(({ attempt }) => attempt >= limit)
  return { status: state.status, waitsFor, stuck: waitsFor.length > 0 && isOverdue }
}

function waits(state: OrderState): Wait[] {
  const { status, saga, order, ledger, nextReminderAtMs, reminderCount, released, isStalled } = state
  if (!saga || status === 'completed' || status === 'closed') return []
  if (status === 'confirmed') {
    const step = released ? fulfilmentStep({ order: order!, ledger }) : 'the end of the release delay'
    return [{ step, attempt: reminderCount, until: isStalled ? null : at(nextReminderAtMs) }]
  }
  if (saga.phase === 'running') return [{ step: saga.step, attempt: 1, until: at(saga.deadlineMs) }]
  return saga.compensations
    .filter(({ nextRetryAtMs }) => nextRetryAtMs !== undefined)
    .map(({ step, attempt, nextRetryAtMs }) => ({ step: `compensate ${step}`, attempt, until: at(nextRetryAtMs) }))
}

const at = (ms: number | undefined): string | null => (ms === undefined ? null : new Date(ms).toISOString())
