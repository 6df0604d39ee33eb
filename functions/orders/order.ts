/** An order's state, and what each recorded event makes of it. */

import type { z } from 'zod'
import type { Message } from '../../shared/platform.ts'
import type { SagaState } from '../../shared/saga.ts'
import type { ordersContracts } from './contracts.ts'

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
  /** Where the customer was asked to act, for the payment. */
  readonly actionUrlRef?: string
  /** When somebody looks next: the deadline of the armed timer. */
  readonly armedMs?: number
  /** After the pivot: when what is missing is asked for, and how often it was. */
  readonly askAtMs?: number
  readonly asked: number
}

export const initial: OrderState = {
  status: 'none',
  ledger: { dispatched: {}, captured: [], committed: [] },
  released: false,
  asked: 0,
}

/** Recorded in the stream only: where the saga stands, which timer is armed, what was asked for. */
export interface Progress {
  readonly saga?: SagaState
  readonly armedMs?: number
  readonly askAtMs?: number
  readonly asked?: number
}

export function evolve(state: OrderState, { type, data }: Message): OrderState {
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
    case 'customer.asked':
      return { ...state, ...(data as { actionUrlRef: string }) }
    case 'checkout.moved':
      return { ...state, ...(data as Progress) }
    case 'fulfilment.heard':
      return { ...state, ledger: heard(state.ledger, data as Heard) }
    default:
      // saga.stuck tells others; nothing is decided by it.
      return state
  }
}

/** One of the three things that must follow for each shipment. */
export interface Heard {
  readonly what: 'dispatched' | 'captured' | 'committed'
  readonly shipmentId: string
  readonly lines?: Goods
}

export function heard(ledger: Ledger, { what, shipmentId, lines }: Heard): Ledger {
  if (what === 'dispatched') return { ...ledger, dispatched: { ...ledger.dispatched, [shipmentId]: lines ?? [] } }
  return { ...ledger, [what]: [...ledger[what], shipmentId] }
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

/** Nobody has answered its first messages: they may never have left. */
export const isUnanswered = ({ status, saga }: OrderState): boolean =>
  status === 'pending' && saga?.phase === 'running' && saga.step === 0

export const goodsOf = ({ lines }: Placed): Goods =>
  lines.map(({ lineId, sku, quantity }) => ({ lineId, sku, quantity }))
