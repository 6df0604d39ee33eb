/** An order's state, and what each recorded event makes of it. */

import type { z } from 'zod'
import type { Message } from '../../shared/platform.ts'
import type { SagaState } from '../../shared/saga.ts'
import type { ordersContracts } from './contracts.ts'
import { upcast } from './past-events.ts'

export type Placed = z.output<(typeof ordersContracts)['events']['order.placed']['data']>
export type Goods = z.output<(typeof ordersContracts)['events']['order.released']['data']>['lines']

export type Status = 'none' | 'abandoned' | 'pending' | 'confirmed' | 'completed' | 'rejected' | 'expired'

/** What was shipped, and what followed from it; the order is complete when nothing is missing. */
export interface Ledger {
  /** Shipment → its lines. */
  readonly dispatched: Readonly<Record<string, Goods>>
  readonly captured: readonly string[]
  readonly committed: readonly string[]
}

export interface OrderState {
  readonly status: Status
  readonly order?: Placed
  readonly reason?: string
  readonly saga?: SagaState
  readonly ledger: Ledger
  readonly released: boolean
  /** Where the customer has to act, for the payment. */
  readonly actionUrlRef?: string
  /** Deadline of the armed timer, in milliseconds since the epoch; 0: none is armed. */
  readonly timerAtMs?: number
  /** After the pivot: when the services whose events are missing are reminded. */
  readonly nextReminderAtMs?: number
  readonly reminderCount: number
}

export const initial: OrderState = {
  status: 'none',
  ledger: { dispatched: {}, captured: [], committed: [] },
  released: false,
  reminderCount: 0,
}

/** Recorded in the stream only, as `checkout.progressed`: the fields of the state that it changes. */
export interface SagaProgress {
  readonly saga?: SagaState
  readonly timerAtMs?: number
  readonly nextReminderAtMs?: number
  readonly reminderCount?: number
}

export function evolve(state: OrderState, recorded: Message): OrderState {
  const { type, data } = upcast(recorded)
  switch (type) {
    case 'order.placed':
      return { ...state, status: 'pending', order: data as Placed }
    case 'order.abandoned':
      return { ...state, status: 'abandoned' }
    case 'order.rejected':
      return { ...state, status: 'rejected', reason: (data as { reason: string }).reason }
    case 'order.expired':
      return { ...state, status: 'expired', reason: (data as { reason: string }).reason }
    case 'order.confirmed':
      return { ...state, status: 'confirmed' }
    case 'order.released':
      return { ...state, released: true }
    case 'order.completed':
      return { ...state, status: 'completed' }
    case 'customerAction.required':
      return { ...state, ...(data as { actionUrlRef: string }) }
    case 'checkout.progressed':
      return { ...state, ...(data as SagaProgress) }
    case 'fulfilment.recorded':
      return { ...state, ledger: withFact(state.ledger, data as FulfilmentFact) }
    default:
      // Reports and retries change nothing that is decided by.
      return state
  }
}

/** One of the three facts that must follow for each shipment. Recorded in the stream only, as `fulfilment.recorded`. */
export interface FulfilmentFact {
  readonly kind: 'dispatched' | 'captured' | 'committed'
  readonly shipmentId: string
  readonly lines?: Goods
}

export function withFact(ledger: Ledger, { kind, shipmentId, lines }: FulfilmentFact): Ledger {
  if (kind === 'dispatched') return { ...ledger, dispatched: { ...ledger.dispatched, [shipmentId]: lines ?? [] } }
  return { ...ledger, [kind]: [...ledger[kind], shipmentId] }
}

/** Every line is shipped, and each shipment paid and taken out of stock. */
export function isClosed(order: Placed, ledger: Ledger): boolean {
  const shipped = new Map<string, number>()
  for (const line of Object.values(ledger.dispatched).flat())
    shipped.set(line.lineId, (shipped.get(line.lineId) ?? 0) + line.quantity)
  return order.lines.every(({ lineId, quantity }) => (shipped.get(lineId) ?? 0) >= quantity) && isSettled(ledger)
}

/** What left is paid and taken out of stock. */
export const isSettled = ({ dispatched, captured, committed }: Ledger): boolean =>
  Object.keys(dispatched).every((shipmentId) => captured.includes(shipmentId) && committed.includes(shipmentId))

export const goodsOf = ({ lines }: Placed): Goods =>
  lines.map(({ lineId, sku, quantity }) => ({ lineId, sku, quantity }))
