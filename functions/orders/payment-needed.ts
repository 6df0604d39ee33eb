/**
 * The time in which an order waits for its customer: the card was declined, or the bank wants the customer to act. Another
 * payment method continues it, a bounded number of times. The stock is held for one time in all, however many are tried.
 */

import { Refused } from '../../shared/base/errors.ts'
import { attemptOf, attemptsLeft, type SagaState, tryAgain } from '../../shared/saga/saga.ts'
import type { ReplyOf } from '../../shared/saga/definition.ts'
import type { Decision, Platform } from '../../shared/service/platform.ts'
import { shopCodes } from '../shop/errors.ts'
import { checkout } from './checkout.ts'
import type { OrderView } from './contracts.ts'
import { checkoutOf, evolve, isPlaced, type OrderState, type PlacedOrder, viewOf, waitingStatus } from './order.ts'
import type { OrderRecord, Placed } from './records.ts'
import { refuseUnknown, unknownReferencesOf } from './references.ts'
import { renewal } from './renewal.ts'
import { ACTION_REQUIRED, isLapsed, lapseAttemptsLeft, MAX_LAPSE_ATTEMPTS, openEndMs } from './renewal-times.ts'
import type { OrderSent } from './sent.ts'
import { withTimer } from './timer.ts'

/** The request to the customer that follows from a reply after which the checkout waits for them. */
export function requestToCustomer(
  order: Placed,
  reply: ReplyOf<typeof checkout>,
  saga: SagaState,
  nowMs: number,
): OrderRecord[] {
  if (saga.phase !== 'running' || !saga.isExtended || saga.isInquiring || nowMs >= saga.deadlineMs) return []
  const { orderId, totalMinor: amountMinor, currency } = order
  const about = {
    orderId,
    amountMinor,
    currency,
    until: new Date(saga.deadlineMs).toISOString(),
    attemptsLeft: attemptsLeft(checkout, saga),
  }
  if (reply.type === 'payment.declined')
    return [{ type: 'order.payment-needed', data: { ...about, reason: reply.data.code } }]
  if (reply.type !== 'payment.action-required') return []
  const { actionUrlRef, actionUrl } = reply.data
  const page = actionUrl === undefined ? {} : { actionUrl }
  return [
    { type: 'customerAction.required', data: { actionUrlRef } },
    { type: 'order.payment-needed', data: { ...about, reason: ACTION_REQUIRED, ...page } },
  ]
}

type Running = Extract<SagaState, { phase: 'running' }>

/** The state of a checkout that waits for its customer. After a further payment method it first waits for the provider. */
function waiting({ status, saga }: OrderState): Running | undefined {
  if (status !== 'pending' || saga?.phase !== 'running' || !saga.isExtended || saga.isInquiring) return undefined
  return saga.isPersonsTurn || attemptOf(saga) === 1 ? saga : undefined
}

/** A confirmed order whose authorization was not renewed: it waits for its customer. */
const waitsAfterLapse = (state: OrderState): boolean => isLapsed(state) && !state.lapse!.isTried

/** The order in the view of other services, with the request to its customer. */
export function shownOrder(state: PlacedOrder): OrderView {
  const { paymentRequest, actionUrlRef } = state
  const endMs = openEndMs(state)
  const view = { ...viewOf(state), ...(endMs === undefined ? {} : { openUntil: new Date(endMs).toISOString() }) }
  if (waitsAfterLapse(state)) {
    const until = new Date(state.lapse!.untilMs).toISOString()
    const paymentNeeded = { ...paymentRequest!, until, attemptsLeft: lapseAttemptsLeft(state) }
    return { ...view, status: 'payment-needed', paymentNeeded, ...pageOf(state) }
  }
  const saga = waiting(state)
  if (!saga) return view
  // Absent in an order whose customer was asked before requests were recorded.
  if (!paymentRequest) return { ...view, ...(actionUrlRef === undefined ? {} : { actionUrlRef }) }
  const until = new Date(saga.deadlineMs).toISOString()
  const paymentNeeded = { ...paymentRequest, until, attemptsLeft: attemptsLeft(checkout, saga) }
  return { ...view, status: 'payment-needed', paymentNeeded, ...pageOf(state) }
}

const pageOf = ({ paymentRequest, actionUrlRef }: OrderState): { readonly actionUrlRef?: string } =>
  paymentRequest?.reason === ACTION_REQUIRED && actionUrlRef !== undefined ? { actionUrlRef } : {}

/** The decision, with the event of a status that the order enters or leaves by it. Its ends have events of their own. */
export function withStatus(
  before: OrderState,
  decision: Decision<OrderRecord, OrderSent>,
): Decision<OrderRecord, OrderSent> {
  const after = decision.events.reduce(evolve, before)
  if (!isPlaced(after) || (after.status !== 'pending' && after.status !== 'confirmed')) return decision
  const { status } = shownOrder(after)
  if (waitingStatus(status) === after.waitsAs) return decision
  const { orderId } = after.order
  const changed = { type: 'order.status-changed', data: { orderId, status } } as OrderRecord
  return { ...decision, events: [...decision.events, changed] }
}

export interface Payment {
  readonly paymentMethodRef: string
  readonly by: 'customer' | 'staff'
  readonly nowMs: number
}

/** Why no other payment method continues this order now; undefined: one does. */
function obstacleTo(state: OrderState, nowMs: number): Refused | undefined {
  if (waitsAfterLapse(state) && nowMs < state.lapse!.untilMs)
    return lapseAttemptsLeft(state) > 0 ? undefined : tooMany(MAX_LAPSE_ATTEMPTS)
  const saga = waiting(state)
  if (!saga || nowMs >= saga.deadlineMs)
    return new Refused(
      shopCodes['payment-not-needed'],
      'Only an order that waits for its customer (payment-needed) takes another payment method.',
    )
  return attemptsLeft(checkout, saga) > 0 ? undefined : tooMany(attemptOf(saga))
}

const tooMany = (times: number): Refused =>
  new Refused(
    shopCodes['too-many-payment-attempts'],
    `The payment was tried ${times} times: act for the last one, or cancel the order.`,
  )

/** Before it is submitted: the order needs it, and the payment method belongs to the order's customer. */
export async function checkPayment(state: PlacedOrder, paymentMethodRef: string, platform: Platform): Promise<void> {
  const obstacle = obstacleTo(state, platform.now())
  if (obstacle) throw obstacle
  const { customerRef, addressRef } = state.order
  const unknown = await unknownReferencesOf(platform, customerRef, { addressRef, paymentMethodRef })
  // The order was placed with its address: one that was withdrawn since is kept until the order has ended.
  refuseUnknown(unknown.filter((field) => field === 'paymentMethodRef'))
}

export function pay(state: OrderState, { paymentMethodRef, by, nowMs }: Payment): Decision<OrderRecord, OrderSent> {
  const obstacle = obstacleTo(state, nowMs)
  if (obstacle) throw obstacle
  const { orderId } = state.order!
  const { lapse } = state
  const authorization = (lapse ? Math.max(lapse.refused, lapse.acting ?? 0) : attemptOf(state.saga!)) + 1
  const continued: OrderRecord = {
    type: 'order.payment-continued',
    data: { orderId, paymentMethodRef, authorization, by },
  }
  const after = evolve(state, continued)
  if (lapse) return withTimer(after, nowMs, { events: [continued], commands: [renewal(after)] }, {})
  const { state: saga, commands } = tryAgain(checkout, state.saga!, checkoutOf(after), nowMs)!
  return withTimer(after, nowMs, { events: [continued], commands }, { saga })
}
