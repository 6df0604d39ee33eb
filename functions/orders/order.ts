/** An order's state, and its change by each recorded event. */

import { fold } from '../../shared/service/fold.ts'
import type { Message } from '../../shared/contracts/message.ts'
import type { SagaState } from '../../shared/saga/saga.ts'
import { isTransient } from '../payments/contracts.ts'
import { isRefused, type Ledger, noFacts, refusedCaptures, refusedParcels, withFact } from './fulfilment.ts'
import type { OrderView } from './contracts.ts'
import { upcast } from './past-events.ts'
import type { Cancellation, CancelStage, Checkout, FulfilmentFact, Goods, Imported, Placed } from './records.ts'
import { paymentView, type Refunds, withRefund } from './refunds.ts'

export type Status = 'none' | 'abandoned' | Exclude<OrderView['status'], WaitingStatus>

/** The statuses of an order that waits for its payment. */
const waitingStatuses = ['payment-needed', 'payment-failed'] as const
type WaitingStatus = (typeof waitingStatuses)[number]
export const waitingStatus = (status: string): WaitingStatus | undefined =>
  waitingStatuses.find((one) => one === status)

export interface OrderState {
  readonly status: Status
  readonly order?: Placed
  /** In place of `order`: an order of the past, with which nothing can be done. */
  readonly imported?: Imported
  readonly reason?: string
  readonly saga?: SagaState
  readonly ledger: Ledger
  readonly refunds: Refunds
  /** Shipments whose recapture was requested and is not answered. */
  readonly recapturing: readonly string[]
  readonly released: boolean
  /** A reference to the page on which the customer has to act for the payment. */
  readonly actionUrlRef?: string
  /** The customer was asked to act for the payment, or for another payment method. */
  readonly wasPaymentRequested?: true
  /** The last published status, while it is one that the order leaves again. */
  readonly waitsAs?: WaitingStatus
  /** The last request to the customer: the reason, and the page to act on. */
  readonly paymentRequest?: Pick<NonNullable<OrderView['paymentNeeded']>, 'reason' | 'actionUrl'>
  /** The payment method that the customer gave after the first, with the number of its authorization. */
  readonly payment?: { readonly paymentMethodRef: string; readonly authorization: number }
  /** The time of the armed timer, in milliseconds since the epoch; 0: none is armed. */
  readonly timerAtMs?: number
  /** After the pivot: when the services whose events are missing are reminded. */
  readonly nextReminderAtMs?: number
  readonly reminderCount: number
  /** When payments is to publish its answer to a renewal or a recapture again; absent: no time was recorded since the last request. */
  readonly answerAtMs?: number
  /** How often it was to, since then. */
  readonly answerRequests: number
  /** The time by which the customer was promised the goods. */
  readonly promisedByMs?: number
  /** The customer was notified that this time has passed. */
  readonly isDelayed: boolean
  /** The promised time has passed, and the carrier was asked. */
  readonly isPromiseChecked: boolean
  /** The authorization under which the goods are captured; absent: the order is not confirmed, free, or of an earlier revision. */
  readonly authorization?: { readonly number: number; readonly untilMs: number }
  /** The authorization whose successor was requested. */
  readonly renewing?: number
  /** The authorization at whose end shipping was requested to hold the parcels. */
  readonly heldFor?: number
  /** The number of renewals since the customer gave a payment method. */
  readonly renewals: number
  /** How often the address was corrected. */
  readonly corrections: number
  /** How often a recapture was requested. */
  readonly recaptures: number
  /** The authorizations of those by which a card refused the money: a bank that does not answer is no refusal. */
  readonly refusedRecaptures: readonly number[]
  /** How often an operator has retried it since its last fact. */
  readonly retries: number
  /** A cancellation was refused: all that is not cancelled has left, also while its report is under way. */
  readonly isCancelRefused: boolean
  /** A successor was refused. */
  readonly lapse?: {
    /** Its number. */
    readonly refused: number
    /** The end of the time for another payment method, in milliseconds since the epoch. */
    readonly untilMs: number
    /** How many the customer has given since. */
    readonly attempts: number
    /** Payments has not answered the last of them. */
    readonly isTried: boolean
    /** The authorization for which the customer has to act on the bank's page. */
    readonly acting?: number
  }
  /** Where the order stood when it was cancelled. */
  readonly cancelStage?: CancelStage
  /** All is paid although parcels have not left: no authorization is needed. */
  readonly isPaid: boolean
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
  answerRequests: 0,
  isDelayed: false,
  isPromiseChecked: false,
  renewals: 0,
  corrections: 0,
  recaptures: 0,
  refusedRecaptures: [],
  retries: 0,
  isCancelRefused: false,
  isPaid: false,
  isStalled: false,
}

/** The state after these recorded events. */
export const orderIn = (events: readonly Message[]): OrderState => fold({ initial, evolve }, events)

export function evolve(state: OrderState, recorded: Message): OrderState {
  const { type, data } = upcast(recorded)
  switch (type) {
    case 'order.placed':
      return { ...state, status: 'pending', order: data }
    case 'order.imported':
      return { ...state, status: 'completed', imported: data }
    case 'order.abandoned':
      return { ...state, status: 'abandoned' }
    case 'order.rejected':
      return { ...state, status: 'rejected', reason: data.reason }
    case 'order.expired':
      return { ...state, status: 'expired', reason: data.reason }
    case 'order.confirmed':
      return { ...state, status: 'confirmed', promisedByMs: Date.parse(data.promisedBy) }
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
      return { ...state, status: 'cancelled', reason: cancelReason(data), ledger: decided(state.ledger) }
    case 'order.partly-cancelled':
      return {
        ...state,
        ledger: { ...decided(state.ledger), cancelled: data.lines, cancelledMinor: data.amountMinor },
        isStalled: false,
      }
    case 'order.cancel-refused': {
      // A request that came too late is no news of its goods.
      const isStalled = state.isStalled && !state.ledger.cancelling
      return { ...state, ledger: decided(state.ledger), isCancelRefused: true, isStalled }
    }
    case 'cancellation.settled':
      return {
        ...state,
        ledger: { ...state.ledger, settled: [...state.ledger.settled, data.service] },
        isStalled: false,
      }
    case 'order.stalled':
      return { ...state, isStalled: true }
    case 'checkout.retried':
      return { ...awaitingAnswer(state), isStalled: false, retries: state.retries + 1 }
    case 'customerAction.required':
      return { ...state, ...data, wasPaymentRequested: true }
    case 'order.payment-needed': {
      const { reason, actionUrl } = data
      const paymentRequest = { reason, ...(actionUrl === undefined ? {} : { actionUrl }) }
      return { ...state, wasPaymentRequested: true, paymentRequest, waitsAs: 'payment-needed' }
    }
    case 'lapse.acting': {
      const { authorization: acting, actionUrlRef } = data
      return {
        ...awaitingAnswer(state),
        actionUrlRef,
        ...(state.lapse ? { lapse: { ...state.lapse, isTried: false, acting } } : {}),
      }
    }
    case 'order.status-changed': {
      const { waitsAs: _former, ...rest } = state
      const waitsAs = waitingStatus(data.status)
      return { ...rest, ...(waitsAs ? { waitsAs } : {}) }
    }
    case 'order.payment-continued': {
      const { paymentMethodRef, authorization } = data
      const { lapse } = state
      const tried = lapse ? { lapse: { ...lapse, attempts: lapse.attempts + 1, isTried: true } } : {}
      return { ...awaitingAnswer(state), payment: { paymentMethodRef, authorization }, renewals: 0, ...tried }
    }
    case 'authorization.recorded':
      return { ...state, authorization: { number: data.authorization, untilMs: Date.parse(data.until) } }
    case 'renewal.requested':
      return { ...awaitingAnswer(state), renewing: data.authorization, renewals: state.renewals + 1 }
    case 'hold.requested':
      return { ...state, heldFor: data.authorization }
    case 'shipments.resumed':
      return { ...state, isPaid: true }
    case 'authorization.lapsed': {
      const { refused, until } = data
      const attempts = state.lapse?.attempts ?? 0
      return { ...state, lapse: { refused, untilMs: Date.parse(until), attempts, isTried: false } }
    }
    case 'order.payment-renewed': {
      const { lapse, ...rest } = state
      const { authorization: number, authorizedUntil } = data
      // The order goes on: the reports on its parcels are requested again.
      const isStalled = rest.isStalled && lapse === undefined
      return { ...rest, authorization: { number, untilMs: Date.parse(authorizedUntil) }, isStalled }
    }
    case 'checkout.progressed':
      return { ...state, ...data }
    case 'fulfilment.recorded': {
      const ledger = withFact(state.ledger, data)
      const recaptures = { recapturing: openRecaptures(state, ledger, data), refusedRecaptures: refusedBy(state, data) }
      return { ...state, ledger, ...recaptures, isStalled: false, retries: 0 }
    }
    case 'promise.checked':
      return { ...state, isPromiseChecked: true }
    case 'order.delayed':
      return { ...state, isDelayed: true }
    case 'delivery.recorded': {
      const { shipmentId, ...end } = data
      const ledger = { ...state.ledger, ended: { ...state.ledger.ended, [shipmentId]: end } }
      // Each parcel that comes back is a reason for staff to act.
      return { ...state, ledger, isStalled: state.isStalled && end.status === 'delivered' }
    }
    case 'refusal.recorded': {
      const { shipmentId, ...refusal } = data
      const refusedParcels = { ...state.ledger.refusedParcels, [shipmentId]: { ...refusal, isCorrected: false } }
      return { ...state, ledger: { ...state.ledger, refusedParcels } }
    }
    case 'address.corrected':
      return { ...state, ledger: corrected(state.ledger), corrections: state.corrections + 1, isStalled: false }
    case 'recapture.requested':
      return { ...awaitingAnswer(state), recapturing: data.shipmentIds, recaptures: state.recaptures + 1 }
    case 'refund.recorded':
      return { ...state, refunds: withRefund(state.refunds, data) }
    case 'order.payment-not-required':
    case 'saga.stuck':
      return state
  }
}

/** Payments has answered for the shipment of this fact: it is paid, refused again, or its capture waits under the new authorization. */
function openRecaptures(
  { recapturing }: OrderState,
  ledger: Ledger,
  { kind, shipmentId }: FulfilmentFact,
): readonly string[] {
  const isAnswer = kind === 'refused' || !isRefused(ledger, shipmentId)
  return isAnswer ? recapturing.filter((one) => one !== shipmentId) : recapturing
}

/** One recapture of several shipments is refused once. */
function refusedBy(
  { recapturing, refusedRecaptures }: OrderState,
  { kind, shipmentId, code = '', authorization = 1 }: FulfilmentFact,
): readonly number[] {
  const isRefusal = kind === 'refused' && recapturing.includes(shipmentId) && !isTransient(code)
  return isRefusal ? [...new Set([...refusedRecaptures, authorization])] : refusedRecaptures
}

/** Another answer of payments is waited for, or the same one anew. Its time is recorded with it. */
function awaitingAnswer(state: OrderState): OrderState {
  const { answerAtMs: _former, ...rest } = state
  return { ...rest, answerRequests: 0 }
}

/** As customers read it. */
const cancelReason = ({ by, reason }: Pick<Cancellation, 'by' | 'reason'>): string =>
  by === 'platform' ? reason : `cancelled-by-${by}`

const awaiting = ({ ledger }: OrderState, { cancellationId, by, reason }: Cancellation): Partial<OrderState> => ({
  ledger: { ...ledger, cancelling: { cancellationId, by, reason } },
  isStalled: false,
})

function decided(ledger: Ledger): Ledger {
  const { cancelling: _decided, ...others } = ledger
  return others
}

const corrected = (ledger: Ledger): Ledger => ({
  ...ledger,
  refusedParcels: Object.fromEntries(
    Object.entries(ledger.refusedParcels).map(([shipmentId, one]) => [shipmentId, { ...one, isCorrected: true }]),
  ),
})

/** An order that its customer knows of. */
export type PlacedOrder = OrderState & {
  readonly status: Exclude<Status, 'none' | 'abandoned'>
  readonly order: Placed
}

export const isPlaced = (state: OrderState): state is PlacedOrder =>
  state.status !== 'none' && state.status !== 'abandoned' && !state.imported

/** The order as its checkout performs it: with the payment method that the customer gave last. */
export const checkoutOf = ({ order, payment }: Pick<OrderState, 'order' | 'payment'>): Checkout => ({
  ...order!,
  ...payment,
})

type ViewedOrder = Pick<PlacedOrder, 'order' | 'status' | 'reason' | 'ledger' | 'refunds'>

/** The order in the view of other services: without references to personal data, and without hash. */
export function viewOf({ order, status, reason, ledger, refunds }: ViewedOrder): OrderView {
  const { cancelling, cancelled } = ledger
  const payment = paymentView(ledger, refunds)
  const shipments = shipmentsView(ledger)
  const { orderId, customerRef, currency, totalMinor, shippingMinor, taxMinor = 0, discountMinor = 0, lines } = order
  return {
    orderId,
    status: status === 'confirmed' && refusedCaptures(ledger).length > 0 ? 'payment-failed' : status,
    ...(reason === undefined ? {} : { reason }),
    customerRef,
    currency,
    totalMinor,
    shippingMinor,
    taxMinor,
    discountMinor,
    lines,
    placedAt: order.placedAt,
    ...(cancelling ? { cancelPending: true } : {}),
    ...(cancelled.length > 0 ? { cancelledLines: cancelled } : {}),
    ...(payment ? { payment } : {}),
    ...(shipments.length > 0 && status !== 'cancelled' ? { shipments } : {}),
  }
}

const shipmentsView = (ledger: Ledger): NonNullable<OrderView['shipments']> => [
  ...refusedParcels(ledger).map((one) => ({ ...one, status: 'refused' as const })),
  ...Object.entries(ledger.dispatched).map(([shipmentId, lines]) => {
    const trackingRef = ledger.tracking[shipmentId]
    return {
      shipmentId,
      ...(ledger.ended[shipmentId] ?? { status: 'dispatched' as const }),
      ...(trackingRef === undefined ? {} : { trackingRef }),
      // None were recorded with the first facts.
      ...(lines.length === 0 ? {} : { lines }),
    }
  }),
]

/** The view of an order of the past. */
export const importedView = (order: Imported): OrderView => ({
  ...order,
  status: 'completed',
  taxMinor: 0,
  discountMinor: 0,
  imported: true,
})

export const goodsOf = ({ lines }: Placed): Goods =>
  lines.map(({ lineId, sku, quantity }) => ({ lineId, sku, quantity }))
