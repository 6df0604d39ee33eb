/**
 * The authorization of a confirmed order whose goods have not left. Orders has it renewed before it ends. When that is refused the
 * customer is asked for another payment method, for a bounded time, at whose end the order is cancelled.
 */

import { republishCommand } from '../../shared/base/names.ts'
import type { EventOf } from '../../shared/contracts/contract.ts'
import type { RepublishEvents } from '../../shared/contracts/message.ts'
import { type Decision, noChange } from '../../shared/service/platform.ts'
import type { paymentsContracts } from '../payments/contracts.ts'
import { cancel } from './cancel.ts'
import { sagaStuck } from '../../shared/saga/saga.ts'
import { SHIPMENT_REMINDER_MS } from './fulfilment.ts'
import { checkoutOf, evolve, type OrderState } from './order.ts'
import type { OrderRecord } from './records.ts'
import { unpaidMinor } from './refunds.ts'
import {
  ACTION_REQUIRED,
  ANSWER_STEP,
  answerDueMs,
  holdAtMs,
  isLapsed,
  isOpen,
  isPaidEarly,
  isRenewalUnanswered,
  LAPSE_WAIT_MS,
  lapseAttemptsLeft,
  lapseEndMs,
  MAX_ANSWER_REQUESTS,
  MAX_RENEWALS,
  NEXT_ANSWER_REMINDER_MS,
  openEndMs,
  renewalAtMs,
} from './renewal-times.ts'
import type { OrderSent } from './sent.ts'
import { progressed, withTimer } from './timer.ts'

type DataOf<Type extends string> = Extract<EventOf<typeof paymentsContracts>, { readonly type: Type }>['data']
type OrderDecision = Decision<OrderRecord, OrderSent>

/** The authorization with which an order is confirmed. */
export const recordedFrom = ({ authorization, expiresAt: until }: DataOf<'payment.authorized'>): OrderRecord => ({
  type: 'authorization.recorded',
  data: { authorization, until },
})

/** The request for a successor of the present authorization, with the payment method that the customer gave last. */
export function renewal(state: OrderState): OrderSent {
  const { orderId, customerRef, paymentMethodRef } = checkoutOf(state)
  const { number: authorization } = state.authorization!
  const act = state.lapse ? { actUntil: new Date(state.lapse.untilMs).toISOString() } : {}
  return { type: 'RenewAuthorization', data: { orderId, authorization, customerRef, paymentMethodRef, ...act } }
}

/**
 * Payments publishes its events again if it is yet to answer: a lost answer would leave the parcels waiting, and an order that was
 * recaptured could be neither closed nor recaptured.
 */
export const answerAgain = (state: OrderState): RepublishEvents[] =>
  isRenewalUnanswered(state) || state.recapturing.length > 0
    ? [{ type: republishCommand, target: 'payments', data: { correlationId: state.order!.orderId } }]
    : []

/** The parcels that have left pay all: shipping is to send the others without an authorization. */
export const resumption = ({ order }: OrderState): OrderDecision => ({
  events: [{ type: 'shipments.resumed', data: {} }],
  commands: [{ type: 'ResumeShipments', data: { orderId: order!.orderId } }],
})

/** The decision of a timer about the end of the order or of its authorization, before all else that is due. */
export function whenAuthorizationEnds(state: OrderState, nowMs: number): OrderDecision {
  const by = 'platform'
  if (nowMs >= (openEndMs(state) ?? Infinity))
    return cancel(state, { cancellationId: `${state.order!.orderId}-open`, by, reason: 'open-too-long', nowMs })
  // Its last fact came to a revision that renewed the authorization of free parcels.
  if (isPaidEarly(state)) return resumption(state)
  if (nowMs >= (lapseEndMs(state) ?? Infinity)) {
    const cancellationId = `${state.order!.orderId}-lapse-${state.lapse!.refused}`
    return cancel(state, { cancellationId, by, reason: 'payment-lapsed', nowMs })
  }
  const renewing = nowMs >= (renewalAtMs(state) ?? Infinity) ? renewalDue(state, nowMs) : noChange
  const holding = nowMs >= (holdAtMs(state) ?? Infinity) ? hold(state) : noChange
  const answering =
    nowMs >= (answerDueMs(state) ?? Infinity)
      ? requestAnswer(state, renewing.events.reduce(evolve, state), nowMs)
      : noChange
  return {
    events: [...renewing.events, ...holding.events, ...answering.events],
    commands: [...renewing.commands, ...holding.commands, ...answering.commands],
  }
}

/**
 * Without a bound the order's stream would grow for as long as the message does not arrive: operators know of the last request.
 * @param after with the renewal that is due as well: the times that begin anew with it are not those of this request
 */
function requestAnswer(state: OrderState, after: OrderState, nowMs: number): OrderDecision {
  if (after.renewing !== state.renewing) return { events: [], commands: answerAgain(state) }
  const answerRequests = state.answerRequests + 1
  const reason = 'no answer after the last request'
  const stuck = sagaStuck({ sagaId: state.order!.orderId, step: ANSWER_STEP, attempt: answerRequests, reason })
  const requested = progressed({ answerAtMs: nowMs + NEXT_ANSWER_REMINDER_MS, answerRequests })
  return {
    events: answerRequests < MAX_ANSWER_REQUESTS ? [requested] : [requested, stuck],
    commands: answerAgain(state),
  }
}

function renewalDue(state: OrderState, nowMs: number): OrderDecision {
  const { number } = state.authorization!
  if (state.renewals >= MAX_RENEWALS) return askCustomer(state, { refused: number, code: 'renewed-too-often' }, nowMs)
  return { events: [{ type: 'renewal.requested', data: { authorization: number } }], commands: [renewal(state)] }
}

/** Shipping takes the bookings back that the carrier has not collected. */
function hold({ order, authorization }: OrderState): OrderDecision {
  const { number, untilMs } = authorization!
  const { orderId } = order!
  const authorizedUntil = new Date(untilMs).toISOString()
  return {
    events: [{ type: 'hold.requested', data: { authorization: number } }],
    commands: [{ type: 'HoldShipments', data: { orderId, authorizedUntil } }],
  }
}

/** A successor was granted: the parcels may go. */
export function onRenewed(state: OrderState, data: DataOf<'payment.authorized'>, nowMs: number): OrderDecision {
  const { authorization: number, expiresAt: authorizedUntil } = data
  const { authorization } = state
  if (!isOpen(state) || !authorization || number <= authorization.number) return noChange
  const { orderId } = state.order!
  const renewed: OrderRecord = {
    type: 'order.payment-renewed',
    data: { orderId, authorization: number, authorizedUntil },
  }
  // Reminders begin anew. The end of a release delay stays.
  const progress = state.released ? { nextReminderAtMs: nowMs + SHIPMENT_REMINDER_MS, reminderCount: 0 } : {}
  return withTimer(evolve(state, renewed), nowMs, { events: [renewed], commands: [] }, state.lapse ? progress : {})
}

/** No successor was granted. A refusal that is older than the present authorization, or than the known refusal, changes nothing. */
export function onLapsed(state: OrderState, data: DataOf<'payment.lapsed'>, nowMs: number): OrderDecision {
  const { authorization: number, refused, code } = data
  const isOld = number !== state.authorization?.number || refused <= (state.lapse?.refused ?? 0)
  if (!isOpen(state) || isOld) return noChange
  const decision = askCustomer(state, { refused, code }, nowMs)
  return withTimer(decision.events.reduce(evolve, state), nowMs, decision, {})
}

/** The bank wants the customer's approval for the payment method that they gave after a lapse. */
export function onActionRequired(
  state: OrderState,
  { authorization, actionUrlRef, actionUrl }: DataOf<'payment.action-required'>,
  nowMs: number,
): OrderDecision {
  const { lapse } = state
  if (!lapse?.isTried || !isLapsed(state) || authorization <= lapse.refused || nowMs >= lapse.untilMs) return noChange
  const acting: OrderRecord = { type: 'lapse.acting', data: { authorization, actionUrlRef } }
  const page = actionUrl === undefined ? {} : { actionUrl }
  const needed = paymentNeeded(state, ACTION_REQUIRED, page)
  return withTimer(evolve(state, acting), nowMs, { events: [acting, needed], commands: [] }, {})
}

/** One time for all payment methods that are tried, within that of the order. An order that is being cancelled asks for none. */
function askCustomer(
  state: OrderState,
  { refused, code }: { refused: number; code: string },
  nowMs: number,
): OrderDecision {
  const untilMs = state.lapse?.untilMs ?? Math.min(nowMs + LAPSE_WAIT_MS, openEndMs(state) ?? Infinity)
  const until = new Date(untilMs).toISOString()
  const lapsed: OrderRecord = { type: 'authorization.lapsed', data: { refused, until } }
  const after = evolve(state, lapsed)
  if (!isLapsed(after)) return { events: [lapsed], commands: [] }
  return { events: [lapsed, paymentNeeded(after, code)], commands: [] }
}

/** The request to the customer of a lapsed order. */
function paymentNeeded(state: OrderState, reason: string, page: { readonly actionUrl?: string } = {}): OrderRecord {
  const { orderId, totalMinor, currency } = state.order!
  // The parcels that have left are paid, or their captures wait for the others.
  const amountMinor = unpaidMinor(state.order!, state.ledger) ?? totalMinor
  const until = new Date(state.lapse!.untilMs).toISOString()
  const attemptsLeft = lapseAttemptsLeft(state)
  return {
    type: 'order.payment-needed',
    data: { orderId, amountMinor, currency, reason, until, attemptsLeft, ...page },
  }
}
