/** The times at which something is due for the authorization of a confirmed order whose goods have not left. */

import { HELD_BEFORE_MS } from './contracts.ts'
import { isShipped, type Ledger } from './fulfilment.ts'
import type { OrderState } from './order.ts'
import { capturedMinor } from './refunds.ts'

/** The reason of a request to the customer to act on the bank's page. */
export const ACTION_REQUIRED = 'action-required'
const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
/** A new authorization is requested so long before the end of the present one: an hour before the parcels wait for it. */
export const RENEWED_BEFORE_MS = HELD_BEFORE_MS + HOUR_MS
/** The customer has so long for another payment method, however many are tried. The stock is held meanwhile. */
export const LAPSE_WAIT_MS = 3 * DAY_MS
/**
 * An order whose goods have not all left so long after it was placed is cancelled, however often its customer has paid it again:
 * the pieces are for sale again. Longer than the longest release delay, and than a month of renewals without the customer.
 */
export const MAX_OPEN_MS = 90 * DAY_MS
/** Payments has so long to answer the last payment method that was given in time, or that the customer had to act for. */
const LAST_ANSWER_MS = HOUR_MS
/** Renewals without the customer: about a month. After that the customer is asked whether the order shall go on. */
export const MAX_RENEWALS = 4
/** Other payment methods that the customer may try after a lapse. */
export const MAX_LAPSE_ATTEMPTS = 3

/** Its authorization matters: goods that are to be paid have not left. After a cancellation the rest has, also while its report is under way. */
export const isOpen = ({ status, order, ledger, isPaid, isCancelRefused }: OrderState): boolean =>
  status === 'confirmed' &&
  order !== undefined &&
  !isPaid &&
  !isCancelRefused &&
  ledger.cancelled.length === 0 &&
  !isShipped(order, ledger)

/** The parcels that have left pay all: what has not left is free, and needs no authorization. */
export function isPaidEarly(state: OrderState): boolean {
  const { authorization, order, ledger } = state
  // The capture of a parcel may be reported before its dispatch: then it is not known what has left.
  if (!authorization || !isOpen(state) || notReported(ledger).length > 0) return false
  return (capturedMinor(ledger) ?? 0) >= order!.totalMinor
}

const notReported = ({ captured, dispatched }: Ledger): string[] =>
  captured.filter((shipmentId) => !(shipmentId in dispatched))

/** When the order is cancelled because it was open for too long; undefined: all that is not cancelled has left, or is being cancelled. */
export function openEndMs({ status, order, ledger, isCancelRefused }: OrderState): number | undefined {
  const isDecided = isCancelRefused || ledger.cancelling !== undefined || ledger.cancelled.length > 0
  if (status !== 'confirmed' || !order || isDecided || isShipped(order, ledger)) return undefined
  const endMs = Date.parse(order.placedAt) + MAX_OPEN_MS
  // The first streams have no such time.
  return Number.isNaN(endMs) ? undefined : endMs
}

/** A new authorization was refused, and the order waits for another payment method, or for the answer to one. */
export const isLapsed = (state: OrderState): boolean =>
  state.lapse !== undefined && isOpen(state) && !state.ledger.cancelling

/** When a new authorization is to be requested; undefined: it was, or none is needed. */
export function renewalAtMs(state: OrderState): number | undefined {
  const { authorization, renewing, lapse } = state
  if (!authorization || lapse || renewing === authorization.number || !isOpen(state)) return undefined
  return authorization.untilMs - RENEWED_BEFORE_MS
}

/** When the parcels that have not left are to wait; undefined: they do, shipping has none, or all are being cancelled. */
export function holdAtMs(state: OrderState): number | undefined {
  const { authorization, heldFor, released, ledger } = state
  if (!authorization || !released || heldFor === authorization.number || ledger.cancelling || !isOpen(state))
    return undefined
  return authorization.untilMs - HELD_BEFORE_MS
}

/** When the order is cancelled for want of a payment method; undefined: it waits for none. */
export const lapseEndMs = (state: OrderState): number | undefined =>
  isLapsed(state) ? state.lapse!.untilMs + (isAnswerDue(state.lapse!) ? LAST_ANSWER_MS : 0) : undefined

/** Payments is yet to answer: it asks the provider at the end of the customer's time to act. */
const isAnswerDue = ({ isTried, acting }: NonNullable<OrderState['lapse']>): boolean => isTried || acting !== undefined

/** Payments has recorded no answer to the last request for a new authorization that orders knows of: it may be lost. */
export const isRenewalUnanswered = (state: OrderState): boolean =>
  isOpen(state) &&
  state.authorization !== undefined &&
  (state.lapse ? isAnswerDue(state.lapse) : state.renewing === state.authorization.number)

/** Payments is yet to answer a renewal or a recapture. An order that is being cancelled needs neither. */
export const isAnswerAwaited = (state: OrderState): boolean =>
  (isRenewalUnanswered(state) && !state.ledger.cancelling) ||
  (state.status === 'confirmed' && state.recapturing.length > 0)

/** For operators: the answer of payments that was requested again. */
export const ANSWER_STEP = 'payment: answer'
/** So long after the answer was to come, payments is to publish it again: before the parcels are held, and before the end of a lapse. */
export const ANSWER_REMINDER_MS = LAST_ANSWER_MS / 2
/** And again so long after each request. */
export const NEXT_ANSWER_REMINDER_MS = 6 * HOUR_MS
/** Over a week, which no attempts of payments take: a message that never arrives is for operators. */
export const MAX_ANSWER_REQUESTS = 28

/** The time at which an answer that is waited for from now on is requested again; none if there is no such answer, or it has a time. */
export function answerTimeOf(state: OrderState, nowMs: number): { readonly answerAtMs?: number } {
  if (state.answerAtMs !== undefined || !isAnswerAwaited(state)) return {}
  const { lapse } = state
  // Payments asks the provider at the end of the customer's time to act.
  const isActing = lapse !== undefined && !lapse.isTried && lapse.acting !== undefined
  return { answerAtMs: (isActing ? lapse.untilMs : nowMs) + ANSWER_REMINDER_MS }
}

/**
 * When payments is to publish its answer again: in every state of the order, also before its release, and when it has stalled. An
 * answer that an earlier revision waits for has no time: it is due now.
 */
export const answerDueMs = (state: OrderState): number | undefined =>
  isAnswerAwaited(state) && state.answerRequests < MAX_ANSWER_REQUESTS ? (state.answerAtMs ?? 0) : undefined

export const lapseAttemptsLeft = ({ lapse }: OrderState): number => MAX_LAPSE_ATTEMPTS - (lapse?.attempts ?? 0)
