/** An order's state, and its change by each recorded event. */

import type { Message } from '../../shared/contracts/message.ts'
import type { SagaState } from '../../shared/saga/saga.ts'
import { type Ledger, noFacts, refusedCaptures, withFact } from './fulfilment.ts'
import type { OrderView } from './contracts.ts'
import { upcast } from './past-events.ts'
import type { Cancellation, CancelStage, Goods, Placed } from './records.ts'
import { paymentView, type Refunds, withRefund } from './refunds.ts'

export type Status = 'none' | 'abandoned' | Exclude<OrderView['status'], 'payment-failed'>

export interface OrderState {
  readonly status: Status
  readonly order?: Placed
  readonly reason?: string
  readonly saga?: SagaState
  readonly ledger: Ledger
  readonly refunds: Refunds
  /** Shipments whose recapture was requested and is not answered. */
  readonly recapturing: readonly string[]
  readonly released: boolean
  /** A reference to the page on which the customer has to act for the payment. */
  readonly actionUrlRef?: string
  /** The time of the armed timer, in milliseconds since the epoch; 0: none is armed. */
  readonly timerAtMs?: number
  /** After the pivot: when the services whose events are missing are reminded. */
  readonly nextReminderAtMs?: number
  readonly reminderCount: number
  /** Where the order stood when it was cancelled. */
  readonly cancelStage?: CancelStage
  /** Orders sends no more reminders: staff has to act. */
  readonly isStalled: boolean
}

export const initial: OrderState = {
  status: 'none',
  ledger: noFacts,
  refunds: {},
  recapturing: [],
  released: false,
  reminderCount: 0,
  isStalled: false,
}

export function evolve(state: OrderState, recorded: Message): OrderState {
  const { type, data } = upcast(recorded)
  switch (type) {
    case 'order.placed':
      return { ...state, status: 'pending', order: data }
    case 'order.abandoned':
      return { ...state, status: 'abandoned' }
    case 'order.rejected':
      return { ...state, status: 'rejected', reason: data.reason }
    case 'order.expired':
      return { ...state, status: 'expired', reason: data.reason }
    case 'order.confirmed':
      return { ...state, status: 'confirmed' }
    case 'order.released':
      return { ...state, released: true }
    case 'order.completed':
      return { ...state, status: 'completed' }
    case 'order.closed':
      // Customers read this reason; the text of staff stays in the event.
      return { ...state, status: 'closed', reason: 'closed-by-staff' }
    case 'order.cancel-requested':
      return { ...state, cancelStage: data.stage, ...(data.stage === 'shipping' ? awaiting(state, data) : {}) }
    case 'order.cancelled':
      return { ...state, status: 'cancelled', reason: `cancelled-by-${data.by}`, ledger: decided(state.ledger) }
    case 'order.partly-cancelled':
      return { ...state, ledger: { ...decided(state.ledger), cancelled: data.lines } }
    case 'order.cancel-refused':
      return { ...state, ledger: decided(state.ledger) }
    case 'cancellation.settled':
      return {
        ...state,
        ledger: { ...state.ledger, settled: [...state.ledger.settled, data.service] },
        isStalled: false,
      }
    case 'order.stalled':
      return { ...state, isStalled: true }
    case 'checkout.retried':
      return { ...state, isStalled: false }
    case 'customerAction.required':
      return { ...state, ...data }
    case 'checkout.progressed':
      return { ...state, ...data }
    case 'fulfilment.recorded':
      return {
        ...state,
        ledger: withFact(state.ledger, data),
        recapturing:
          data.kind === 'captured' || data.kind === 'refused'
            ? state.recapturing.filter((shipmentId) => shipmentId !== data.shipmentId)
            : state.recapturing,
        isStalled: false,
      }
    case 'recapture.requested':
      return { ...state, recapturing: data.shipmentIds }
    case 'refund.recorded':
      return { ...state, refunds: withRefund(state.refunds, data) }
    case 'saga.stuck':
      return state
  }
}

const awaiting = ({ ledger }: OrderState, { cancellationId, by, reason }: Cancellation): Partial<OrderState> => ({
  ledger: { ...ledger, cancelling: { cancellationId, by, reason } },
  isStalled: false,
})

function decided(ledger: Ledger): Ledger {
  const { cancelling: _decided, ...others } = ledger
  return others
}

/** An order that its customer knows of. */
export type PlacedOrder = OrderState & {
  readonly status: Exclude<Status, 'none' | 'abandoned'>
  readonly order: Placed
}

export const isPlaced = (state: OrderState): state is PlacedOrder =>
  state.status !== 'none' && state.status !== 'abandoned'

type ViewedOrder = Pick<PlacedOrder, 'order' | 'status' | 'reason' | 'ledger' | 'refunds'>

/** The order in the view of other services: without references to personal data, and without hash. */
export function viewOf({ order, status, reason, ledger, refunds }: ViewedOrder): OrderView {
  const { cancelling, cancelled } = ledger
  const payment = paymentView(ledger, refunds)
  const { orderId, customerRef, currency, totalMinor, shippingMinor, lines, placedAt } = order
  return {
    orderId,
    status: status === 'confirmed' && refusedCaptures(ledger).length > 0 ? 'payment-failed' : status,
    ...(reason === undefined ? {} : { reason }),
    customerRef,
    currency,
    totalMinor,
    shippingMinor,
    lines,
    placedAt,
    ...(cancelling ? { cancelPending: true } : {}),
    ...(cancelled.length > 0 ? { cancelledLines: cancelled } : {}),
    ...(payment ? { payment } : {}),
  }
}

export const goodsOf = ({ lines }: Placed): Goods =>
  lines.map(({ lineId, sku, quantity }) => ({ lineId, sku, quantity }))
