/** Every rule about an order's life: the decisions when it is placed, when a step is answered, when a timer fires. */

import { Refused, refuseIf } from '../../shared/base/errors.ts'
import { type Decision, noChange } from '../../shared/service/platform.ts'
import { begin, isAtFirstStep, onReply, onTimer, retry, sagaStuck, type Transition } from '../../shared/saga/saga.ts'
import type { ReplyOf } from '../../shared/saga/definition.ts'
import { shopCodes } from '../shop/errors.ts'
import { checkout } from './checkout.ts'
import {
  askCarrier,
  askForEnds,
  fulfilmentStep,
  hasFact,
  isOnItsWay,
  isRefused,
  isShipped,
  type Ledger,
  LAST_REPORT_MS,
  MAX_REMINDERS,
  missingFrom,
  notCaptured,
  notCommitted,
  reminders,
  reminderWaitMs,
  returned,
  returnedAfterTheEnd,
  SETTLEMENT_REMINDER_MS,
  SHIPMENT_REMINDER_MS,
  stalled,
} from './fulfilment.ts'
import { type Correction, correct, recordRefusal } from './address.ts'
import type { Fact } from './facts.ts'
import type { OrderRecord, Placed } from './records.ts'
import { type Recapture, recapture } from './recapture.ts'
import { isNews } from './refunds.ts'
import type { OrderSent } from './sent.ts'
import { checkoutOf, evolve, goodsOf, type OrderState } from './order.ts'
import { pay, type Payment, requestToCustomer, withStatus } from './payment-needed.ts'
import { advance } from './advance.ts'
import { type CancelRequest, cancel, onCancelAnswer, settle } from './cancel.ts'
import { progressed, promiseToWatchMs, withTimer } from './timer.ts'
import {
  answerAgain,
  onActionRequired,
  onLapsed,
  onRenewed,
  recordedFrom,
  resumption,
  whenAuthorizationEnds,
} from './renewal.ts'
import { isLapsed, isPaidEarly } from './renewal-times.ts'

export interface Rules {
  /** Between confirmation and release; 0: at once. */
  readonly releaseDelayMs: number
}

/** The customer is promised the goods within this time. */
const DELIVERY_PROMISE_MS = 48 * 3_600_000
export type OrderCommand =
  | { readonly type: 'place'; readonly order: Placed; readonly timerAtMs: number; readonly nowMs: number }
  | {
      readonly type: 'step-reply'
      readonly reply: ReplyOf<typeof checkout>
      readonly nowMs: number
    }
  | (Fact & { readonly nowMs: number })
  | { readonly type: 'retry'; readonly reason: string; readonly by: string; readonly nowMs: number }
  | { readonly type: 'close'; readonly reason: string }
  | ({ readonly type: 'recapture' } & Recapture)
  | ({ readonly type: 'correct-address' } & Correction)
  | ({ readonly type: 'pay' } & Payment)
  | ({ readonly type: 'cancel' } & CancelRequest)
  /** Of an order whose status was never published (see `withStatus`), or that stalled without a timer, before orders had an end. */
  | { readonly type: 'announce'; readonly nowMs: number }
  | { readonly type: 'timeout'; readonly dueAtMs: number; readonly nowMs: number }

type CommandNamed<Type extends OrderCommand['type']> = Extract<OrderCommand, { type: Type }>

/** A repeated command decides nothing, so every caller may safely retry. */
export const decide = (command: OrderCommand, state: OrderState, rules: Rules): Decision<OrderRecord, OrderSent> =>
  withStatus(state, decideOn(command, state, rules))

function decideOn(command: OrderCommand, state: OrderState, rules: Rules): Decision<OrderRecord, OrderSent> {
  switch (command.type) {
    case 'place':
      return place(state, command)
    case 'step-reply':
      return onStepReply(state, command, rules)
    case 'fulfilment':
      return recordFulfilment(state, command)
    case 'refund':
      return isNews(state.refunds, command.fact)
        ? { events: [{ type: 'refund.recorded', data: command.fact }], commands: [] }
        : noChange
    case 'retry':
      return onRetry(state, command)
    case 'close':
      return close(state, command)
    case 'recapture':
      return recapture(state, command)
    case 'correct-address':
      return correct(state, command)
    case 'delivery':
      return recordDelivery(state, command)
    case 'parcel-refused':
      return recordRefusal(state, command.refusal)
    case 'pay':
      return pay(state, command)
    case 'cancel':
      return cancel(state, command)
    case 'cancel-answer':
      return onCancelAnswer(state, command)
    case 'authorization-reduced':
      return settle(state, 'payments', command.nowMs)
    case 'authorization-lapsed':
      return onLapsed(state, command.lapsed, command.nowMs)
    case 'timeout':
      return onTimeout(state, command, rules)
    case 'announce':
      return state.status === 'confirmed' ? withTimer(state, command.nowMs, noChange, {}) : noChange
  }
}

function place(
  state: OrderState,
  { order, timerAtMs, nowMs }: CommandNamed<'place'>,
): Decision<OrderRecord, OrderSent> {
  if (state.status !== 'none' && state.status !== 'abandoned') return noChange
  const { state: saga, commands } = begin(checkout, order, nowMs)
  return { events: [{ type: 'order.placed', data: order }, progressed({ saga, timerAtMs })], commands }
}

function onStepReply(
  state: OrderState,
  { reply, nowMs }: CommandNamed<'step-reply'>,
  rules: Rules,
): Decision<OrderRecord, OrderSent> {
  if (!state.order || !state.saga) return noChange
  const transition = onReply(checkout, state.saga, reply, checkoutOf(state), nowMs)
  if (!transition && reply.type === 'payment.authorized') return onRenewed(state, reply.data, nowMs)
  if (!transition && reply.type === 'payment.action-required') return onActionRequired(state, reply.data, nowMs)
  if (!transition) return reply.type === 'stock.released' ? settle(state, 'inventory', nowMs) : noChange
  const isConfirming = reply.type === 'payment.authorized' && transition.outcome?.type === 'committed'
  const before = isConfirming
    ? [recordedFrom(reply.data)]
    : requestToCustomer(state.order, reply, transition.state, nowMs)
  const decision = applyTransition(before.reduce(evolve, state), transition, nowMs, rules)
  return before.length === 0 ? decision : { ...decision, events: [...before, ...decision.events] }
}

/** Each fact is recorded once. */
function recordFulfilment(
  state: OrderState,
  { fact, nowMs }: CommandNamed<'fulfilment'>,
): Decision<OrderRecord, OrderSent> {
  if (!state.order || hasFact(state.ledger, fact)) return noChange
  const recorded: OrderRecord = { type: 'fulfilment.recorded', data: fact }
  const after = evolve(state, recorded)
  if (state.status === 'closed' && (fact.kind === 'refused' || fact.kind === 'captured'))
    return { events: [recorded], commands: releaseOfRefused(state.order.orderId, after.ledger) }
  const { events, commands } = resumedIfPaid(after)
  return advance(state, { events: [recorded, ...events], commands }, nowMs)
}

const resumedIfPaid = (state: OrderState): Decision<OrderRecord, OrderSent> =>
  isPaidEarly(state) ? resumption(state) : noChange

/** A parcel has one end: later reports change nothing. */
function recordDelivery(
  state: OrderState,
  { fact, nowMs }: CommandNamed<'delivery'>,
): Decision<OrderRecord, OrderSent> {
  const { order, status, ledger } = state
  if (!order || fact.shipmentId in ledger.ended) return noChange
  const recorded: OrderRecord = { type: 'delivery.recorded', data: fact }
  // An order that has ended stalls no more: staff is notified all the same.
  if (fact.status === 'returned' && (status === 'completed' || status === 'closed'))
    return { events: [recorded, returnedAfterTheEnd(order)], commands: [] }
  return advance(state, { events: [recorded], commands: [] }, nowMs)
}

/** A timer fired: acts on overdue steps, and sets the next timer if anything is still pending. */
function onTimeout(
  state: OrderState,
  { dueAtMs, nowMs }: CommandNamed<'timeout'>,
  rules: Rules,
): Decision<OrderRecord, OrderSent> {
  // The request was lost before its commit: its late commit must fail. So must that of a later request, which read the
  // abandoned stream and was slow as well: each timer that finds no order moves the version on.
  if (state.status === 'none' || state.status === 'abandoned')
    return { events: [{ type: 'order.abandoned', data: {} }], commands: [] }
  const { order, saga } = state
  if (!order || !saga || state.status === 'completed' || state.status === 'closed') return noChange
  // Another timer is armed for later: this one was the end of an older chain.
  if (state.timerAtMs !== undefined && dueAtMs < state.timerAtMs) return noChange
  const unarmed: OrderState = { ...state, timerAtMs: 0 }
  const transition = onTimer(checkout, saga, checkoutOf(state), nowMs)
  if (transition) return applyTransition(unarmed, transition, nowMs, rules)
  if (state.status === 'confirmed') return onConfirmedDue(unarmed, order, nowMs)
  return withTimer(unarmed, nowMs, noChange, {})
}

/** The payment first: an order that waits for its customer, or is cancelled, requests nothing else. */
function onConfirmedDue(state: OrderState, order: Placed, nowMs: number): Decision<OrderRecord, OrderSent> {
  const payment = whenAuthorizationEnds(state, nowMs)
  const after = payment.events.reduce(evolve, state)
  if (after.ledger.cancelling !== state.ledger.cancelling || after.status !== 'confirmed') return payment
  const { events, commands } = requestMissingFulfilment(after, order, nowMs)
  return { events: [...payment.events, ...events], commands: [...payment.commands, ...commands] }
}

/** After the pivot nothing is compensated: an order that is due is released, and missing events are requested again. */
function requestMissingFulfilment(before: OrderState, order: Placed, nowMs: number): Decision<OrderRecord, OrderSent> {
  const delayed = reportDelay(before, order, nowMs)
  const state = delayed.events.reduce(evolve, before)
  return state.isStalled ? withTimer(state, nowMs, delayed, {}) : whenDue(state, order, nowMs, delayed)
}

/** The promised time is watched: the carrier is asked when it has passed, and the customer notified once if it reports no end. */
function reportDelay(state: OrderState, { orderId }: Placed, nowMs: number): Decision<OrderRecord, OrderSent> {
  if (nowMs < (promiseToWatchMs(state) ?? Infinity)) return noChange
  const promisedBy = new Date(state.promisedByMs!).toISOString()
  // Goods that were not released can not be on their way.
  return state.released && !state.isPromiseChecked
    ? { events: [{ type: 'promise.checked', data: { promisedBy } }], commands: [askCarrier(orderId)] }
    : { events: [{ type: 'order.delayed', data: { orderId, promisedBy } }], commands: [] }
}

function whenDue(
  state: OrderState,
  order: Placed,
  nowMs: number,
  delayed: Decision<OrderRecord, OrderSent>,
): Decision<OrderRecord, OrderSent> {
  const { nextReminderAtMs = 0, released, ledger } = state
  if (isLapsed(state) || nowMs < nextReminderAtMs) return withTimer(state, nowMs, delayed, {})
  const and = ({ events, commands }: Decision<OrderRecord, OrderSent>): Decision<OrderRecord, OrderSent> => ({
    events: [...delayed.events, ...events],
    commands: [...delayed.commands, ...commands],
  })
  if (!released) return release(state, order, nowMs, delayed)
  if (isOnItsWay(order, ledger) && returned(ledger).length === 0) {
    // The carrier has reported neither the delivery nor that a parcel comes back, and was asked.
    if (state.reminderCount > 0)
      return and({ events: [{ type: 'order.completed', data: { orderId: order.orderId } }], commands: [] })
    const inquiry = and({ events: [], commands: askForEnds(order.orderId) })
    return withTimer(state, nowMs, inquiry, { nextReminderAtMs: nowMs + LAST_REPORT_MS, reminderCount: 1 })
  }
  const missing = missingFrom({ order, ledger })
  if (missing.length === 0 || state.reminderCount >= MAX_REMINDERS) {
    const decision = and({ events: stalled({ order, ledger }, state.reminderCount), commands: [] })
    return withTimer({ ...state, isStalled: true }, nowMs, decision, {})
  }
  const reminderCount = state.reminderCount + 1
  const stuck = sagaStuck({
    sagaId: order.orderId,
    step: fulfilmentStep({ order, ledger }),
    attempt: reminderCount,
    reason: 'no answer in time',
  })
  return withTimer(state, nowMs, and({ events: [stuck], commands: reminders(order, missing) }), {
    nextReminderAtMs: nowMs + reminderWaitMs(reminderCount),
    reminderCount,
  })
}

/** Its timer is that of the released order: the parcels may have to wait soon, before the end of their authorization. */
function release(
  state: OrderState,
  order: Placed,
  nowMs: number,
  delayed: Decision<OrderRecord, OrderSent>,
): Decision<OrderRecord, OrderSent> {
  const released = orderReleased(state, order)
  const decision = { events: [...delayed.events, released], commands: delayed.commands }
  return withTimer(evolve(state, released), nowMs, decision, { nextReminderAtMs: nowMs + SHIPMENT_REMINDER_MS })
}

/** Staff ends it. Nothing is left to compensate: the goods have left, and were taken out of stock. */
function close(
  { order, status, ledger, recapturing }: OrderState,
  { reason }: CommandNamed<'close'>,
): Decision<OrderRecord, OrderSent> {
  if (status === 'closed') return noChange
  if (status !== 'confirmed' || !order || !isShipped(order, ledger) || notCommitted(ledger).length > 0)
    throw new Refused(
      shopCodes['not-closable'],
      'Only an order whose goods have all left and are taken out of stock, and that is not completed, can be closed.',
    )
  refuseIf(
    ledger.cancelling !== undefined,
    shopCodes['cancellation-pending'],
    'A cancellation was requested, and shipping has not answered it yet: close the order when the answer is there.',
  )
  refuseIf(
    recapturing.length > 0,
    shopCodes['recapture-pending'],
    'A recapture was requested, and payments has not answered it yet: its money may still be taken.',
  )
  const { orderId } = order
  return {
    events: [{ type: 'order.closed', data: { orderId, reason, notCaptured: notCaptured(ledger) } }],
    commands: releaseOfRefused(orderId, ledger),
  }
}

/** Of an order that staff closes, or has closed: a capture that is not answered may still be made, and is waited for. */
function releaseOfRefused(orderId: string, ledger: Ledger): OrderSent[] {
  const open = notCaptured(ledger)
  if (open.length === 0 || !open.every((shipmentId) => isRefused(ledger, shipmentId))) return []
  // An authorization of which a part is captured can not be voided.
  return ledger.captured.length === 0
    ? [{ type: 'VoidPayment', data: { orderId } }]
    : [{ type: 'ReleaseUncaptured', data: { orderId } }]
}

/** Each asks other services for events, and the order's stream would grow without a limit. */
const MAX_RETRIES = 10

/** Before it is submitted, and when its turn comes. @throws Refused for one too many since the last fact */
export function checkRetry({ retries }: OrderState): void {
  refuseIf(
    retries >= MAX_RETRIES,
    shopCodes['too-many-retries'],
    `The order was retried ${MAX_RETRIES} times, and no service has answered: find out why before the next retry.`,
  )
}

/** Staff retries the saga; actor and reason are in the event. */
function onRetry(state: OrderState, { reason, by, nowMs }: CommandNamed<'retry'>): Decision<OrderRecord, OrderSent> {
  const { order, saga } = state
  checkRetry(state)
  if (!order) throw new Refused(shopCodes['nothing-to-retry'], 'It was not placed.')
  const { orderId } = order
  const retried: OrderRecord = { type: 'checkout.retried', data: { orderId, reason, by } }
  const isConfirmed = state.status === 'confirmed'
  const again = isConfirmed ? answerAgain(state) : []
  // Before the release nothing else is waited for: the saga has ended.
  if (again.length > 0 && !state.released)
    return withTimer(evolve(state, retried), nowMs, { events: [retried], commands: again }, {})
  if (isConfirmed && state.released) {
    const { ledger } = state
    const missing = missingFrom({ order, ledger })
    const isNothing = missing.length === 0 && again.length === 0
    refuseIf(
      isNothing && returned(ledger).length > 0,
      shopCodes['nothing-to-retry'],
      'A parcel comes back: refund it, and close the order.',
    )
    if (isOnItsWay(order, ledger)) return { events: [retried], commands: askForEnds(orderId) }
    refuseIf(
      isNothing,
      shopCodes['nothing-to-retry'],
      'The provider refused the capture: recapture it, or close the order.',
    )
    const progress = { nextReminderAtMs: nowMs + SETTLEMENT_REMINDER_MS, reminderCount: 0 }
    const { events, commands } = resumedIfPaid(state)
    const requested = [...reminders(order, missing), ...again]
    const decision = { events: [retried, ...events], commands: [...commands, ...requested] }
    const after = decision.events.reduce(evolve, state)
    const isResumed = state.isStalled || events.length > 0
    return isResumed || again.length > 0 ? withTimer(after, nowMs, decision, isResumed ? progress : {}) : decision
  }
  const transition = saga && retry(checkout, saga, checkoutOf(state), nowMs)
  refuseIf(!transition, shopCodes['nothing-to-retry'], 'Nothing is waited for.')
  const { state: after, commands } = transition!
  return withTimer(state, nowMs, { events: [retried], commands }, { saga: after })
}

/** No reply to its first command has arrived: its first messages may never have been sent. */
export const isUnanswered = ({ status, saga, order }: OrderState): boolean =>
  status === 'pending' && saga !== undefined && order !== undefined && isAtFirstStep(checkout, saga, order)

/** In both versions of the checkout. */
const PAYMENT_STEPS: readonly string[] = ['obtain-payment', 'authorize-payment']

/** The order's events for a transition of the saga: confirmed at the pivot only, or rejected. */
function applyTransition(
  state: OrderState,
  transition: Transition,
  nowMs: number,
  rules: Rules,
): Decision<OrderRecord, OrderSent> {
  const { state: saga, outcome, commands } = transition
  const { orderId, currency } = state.order!
  const free: OrderRecord = { type: 'order.payment-not-required', data: { orderId, currency } }
  const events = [
    ...transition.events,
    ...(transition.skipped?.some((step) => PAYMENT_STEPS.includes(step)) ? [free] : []),
    ...outcomeEvents(state, outcome, nowMs, rules),
  ]
  const decision: Decision<OrderRecord, OrderSent> = { events, commands }
  if (outcome?.type !== 'committed') return withTimer(state, nowMs, decision, { saga })
  const { releaseDelayMs } = rules
  const nextReminderAtMs = nowMs + (releaseDelayMs > 0 ? releaseDelayMs : SHIPMENT_REMINDER_MS)
  // The confirmed order has times of its own: the end of its authorization may be near.
  return withTimer(events.reduce(evolve, state), nowMs, decision, { saga, nextReminderAtMs })
}

function outcomeEvents(
  state: OrderState,
  outcome: Transition['outcome'],
  nowMs: number,
  { releaseDelayMs }: Rules,
): OrderRecord[] {
  const order = state.order!
  const { orderId } = order
  switch (outcome?.type) {
    case undefined:
      return []
    case 'committed': {
      const confirmed: OrderRecord = {
        type: 'order.confirmed',
        data: { orderId, promisedBy: new Date(nowMs + DELIVERY_PROMISE_MS).toISOString() },
      }
      return releaseDelayMs > 0 ? [confirmed] : [confirmed, orderReleased(state, order)]
    }
    case 'rejected':
      return [
        {
          type: outcome.expired ? 'order.expired' : 'order.rejected',
          data: { orderId, reason: outcome.reason, lines: goodsOf(order) },
        },
      ]
  }
}

const orderReleased = ({ authorization }: OrderState, order: Placed): OrderRecord => ({
  type: 'order.released',
  data: {
    orderId: order.orderId,
    lines: goodsOf(order),
    addressRef: order.addressRef,
    ...(authorization ? { authorizedUntil: new Date(authorization.untilMs).toISOString() } : {}),
  },
})
