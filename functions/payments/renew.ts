/**
 * Renews an authorization that ends before the goods have left: a new one is granted for what is not captured, and the former
 * one is released after the commit. A customer who gave the payment method after a lapse may have to act for it, until a time at
 * which the provider is asked. A capture that was on its way under the former one is found there, and not made twice.
 */

import type { Envelope } from '../../shared/contracts/envelope.ts'
import { Unavailable } from '../../shared/base/errors.ts'
import { noChange } from '../../shared/service/platform.ts'
import { vaultOf } from '../customers/contracts.ts'
import { isRenewalNeeded, uncapturedMinor } from './amounts.ts'
import { nextAttempt, nextAttemptMs } from './attempts.ts'
import { withCaptures } from './joined.ts'
import { alertingOperators, untilAnswered } from './overdue.ts'
import { decideOn, decideWithCalls, type PaymentDecision } from './decide.ts'
import {
  authorizationKey,
  awaitedRenewal,
  currentAuthorization,
  hasVoidBegun,
  isAuthorizing,
  isCaptureKeyOf,
  isRenewalWaiting,
  keyedBy,
  nextAuthorization,
  paymentId,
  type PaymentRecord,
  type PaymentState,
  release,
} from './payment.ts'
import { type Authorization, type Provider, provider } from './provider.ts'
import type { PaymentsPlatform as Platform } from './service.ts'

type RenewRequest = Envelope<
  string,
  { orderId: string; authorization: number; customerRef: string; paymentMethodRef: string; actUntil?: string }
>

/** Numbers the new authorization and fixes its request, so that a void includes it and each attempt is the same. */
export function renewAuthorization(message: RenewRequest, platform: Platform): Promise<PaymentDecision> {
  const { orderId, authorization: former, customerRef, paymentMethodRef, actUntil } = message.data
  return decideOn(message, platform, (state) => {
    const amountMinor = uncapturedMinor(state)
    if (state.status !== 'authorized' || former !== currentAuthorization(state) || amountMinor <= 0) return noChange
    if (isAuthorizing(state) || isRenewalWaiting(state))
      throw new Unavailable(`Another authorization of ${orderId} is not answered yet.`)
    const authorization = nextAuthorization(state)
    const named = { paymentMethodRef, customer: vaultOf(customerRef), ...(actUntil === undefined ? {} : { actUntil }) }
    return {
      events: [{ type: 'renewal.due', data: { authorization, former, amountMinor, ...named } }],
      commands: [{ type: 'MakeRenewal', data: { orderId, authorization } }],
    }
  })
}

type OneAuthorization = Envelope<string, { orderId: string; authorization: number }>

export function makeRenewal(message: OneAuthorization, platform: Platform): Promise<PaymentDecision> {
  const { orderId, authorization } = message.data
  const decision = decideWithCalls(message, platform, async (state) => {
    const due = state.renewals[authorization]
    if (due?.outcome === 'declined' && !hasVoidBegun(state)) return numberedAnew(state, message.data)
    if (hasVoidBegun(state) || (due?.outcome !== 'due' && due?.outcome !== 'action-required')) return noChange
    const isActing = due.outcome === 'action-required'
    // The command for the end of the customer's time to act was sent long before it.
    const sinceMs = Math.max(Date.parse(message.time), isActing ? Date.parse(due.actUntil ?? '') || 0 : 0)
    const waiting = { sinceMs, isReported: due.isOverdue === true, overdue: overdue(message.data) }
    const client = provider(platform, message)
    return untilAnswered(platform, waiting, () =>
      (isActing ? endOfWait : made)(state, { orderId, authorization, client, nowMs: platform.now() }),
    )
  })
  return alertingOperators(message, platform, decision)
}

/**
 * The next attempt after a decline for the moment: under another authorization, since a provider repeats its answer to a key. It has
 * its number from now on, so that a recapture that was granted meanwhile has a lower one, and this one is not needed any more.
 */
function numberedAnew(state: PaymentState, { orderId, authorization }: OneAuthorization['data']): PaymentDecision {
  const dropped = droppedEvent(authorization)
  if (!isRenewalNeeded(state, authorization)) return { events: [dropped], commands: [] }
  if (isAuthorizing(state)) throw new Unavailable(`A recapture of ${orderId} is not answered yet.`)
  const { former, paymentMethodRef, customer, attempt } = state.renewals[authorization]!
  const next = nextAuthorization(state)
  const request = { former, amountMinor: uncapturedMinor(state), paymentMethodRef, customer, attempt }
  return {
    events: [dropped, { type: 'renewal.due', data: { authorization: next, ...request } }],
    commands: [{ type: 'MakeRenewal', data: { orderId, authorization: next } }],
  }
}

const overdue = (data: OneAuthorization['data']): PaymentDecision => ({
  events: [{ type: 'renewal.overdue', data: { ...data, paymentId: paymentId(data.orderId) } }],
  commands: [{ type: 'MakeRenewal', data }],
})

async function made(state: PaymentState, request: Request): Promise<PaymentDecision> {
  const { orderId, authorization, client, nowMs } = request
  if (!isRenewalNeeded(state, authorization)) return dropped(request)
  const awaited = awaitedRenewal(state)
  const approved = awaited === undefined ? undefined : await approvedOrEnded(state, awaited, request)
  if (approved) {
    const { events: granted, commands } = decided(state, { ...request, authorization: awaited! }, approved)
    return { events: [...granted, droppedEvent(authorization)], commands }
  }
  const { amountMinor, paymentMethodRef, customer, actUntil } = state.renewals[authorization]!
  const { currency } = state
  const key = authorizationKey(orderId, authorization)
  const about = { amountMinor, currency, paymentMethodRef, customer, reference: orderId }
  const answer = await client.authorize(key, about)
  // The customer is not there to act, or has no time left: what they would approve later must not be held.
  const isAwaited = actUntil !== undefined && nowMs < Date.parse(actUntil)
  if (answer.status === 'action-required' && !isAwaited) await client.void(key)
  const { events: outcome, commands } = decided(state, request, answer)
  const replaced = awaited === undefined ? [] : [droppedEvent(awaited)]
  return { events: [...replaced, ...outcome], commands }
}

interface Request {
  readonly orderId: string
  readonly authorization: number
  readonly client: Provider
  readonly nowMs: number
}

const droppedEvent = (authorization: number): PaymentRecord => ({ type: 'renewal.dropped', data: { authorization } })

/** No capture needs it any more. What the provider has granted meanwhile, or would grant once the customer approves, is held for nothing. */
async function dropped({ orderId, authorization, client }: Request): Promise<PaymentDecision> {
  await client.void(authorizationKey(orderId, authorization))
  return { events: [droppedEvent(authorization)], commands: [] }
}

/** The authorization for which the customer has to act, if they have approved it. Otherwise it is ended: another payment method was given. */
async function approvedOrEnded(
  state: PaymentState,
  awaited: number,
  { orderId, client }: Request,
): Promise<Authorization | undefined> {
  const key = authorizationKey(orderId, awaited)
  const found = isRenewalNeeded(state, awaited) ? await client.find(key) : undefined
  if (found?.status === 'authorized') return found
  await client.void(key)
  return undefined
}

/** The customer's time to act is up, or no capture needs the renewal any more. The provider is asked first: its webhook may be lost. */
async function endOfWait(state: PaymentState, request: Request): Promise<PaymentDecision> {
  const { orderId, authorization, client, nowMs } = request
  if (!isRenewalNeeded(state, authorization)) return dropped(request)
  const { actUntil } = state.renewals[authorization]!
  if (actUntil === undefined || nowMs < Date.parse(actUntil)) return noChange
  const key = authorizationKey(orderId, authorization)
  const answer = (await client.find(key)) ?? { status: 'declined' as const, code: 'not-requested' }
  if (answer.status === 'action-required') await client.void(key)
  return decided(state, request, answer)
}

/** The outcome of a renewal by the provider's answer. */
function decided(
  state: PaymentState,
  { orderId, authorization, nowMs }: Request,
  answer: Authorization,
): PaymentDecision {
  const { currency, expiresAt } = state
  const { former, amountMinor, actUntil } = state.renewals[authorization]!
  const about = { orderId, paymentId: paymentId(orderId) }
  if (answer.status === 'authorized') {
    const granted = { ...about, amountMinor, currency, expiresAt: answer.expiresAt, authorization }
    return withCaptures({ orderId, nowMs }, state, {
      events: [{ type: 'payment.authorized', data: granted }],
      commands: [release(orderId, former)],
    })
  }
  const untilMs = actUntil === undefined ? 0 : Date.parse(actUntil)
  if (answer.status === 'action-required' && nowMs < untilMs) {
    const { actionUrlRef, actionUrl } = answer
    const page = { actionUrlRef, ...(actionUrl === undefined ? {} : { actionUrl }) }
    return {
      events: [{ type: 'payment.action-required', data: { ...about, authorization, ...page } }],
      commands: [{ type: 'MakeRenewal', data: { orderId, authorization }, notBeforeMs: untilMs }],
    }
  }
  const code = answer.status === 'declined' ? answer.code : answer.status
  const retried = retry(state, { orderId, authorization, nowMs }, code)
  if (retried) return retried
  const lapsed = { ...about, authorization: former, expiresAt, refused: authorization, code }
  return { events: [{ type: 'payment.lapsed', data: lapsed }], commands: [] }
}

/**
 * Authorizations that one request of orders has, over seven hours. The parcels wait from the first hour on, and the next attempt
 * would be a day later, about when the former authorization ends: before that the customer is asked, who can name another card.
 */
const MAX_ATTEMPTS = 5

/**
 * Another attempt later, while the former authorization lasts; undefined: the refusal is for good, or was the last. A customer who gave
 * the payment method is there, and may give another one, once they know.
 */
function retry(
  state: PaymentState,
  { orderId, authorization, nowMs }: Pick<Request, 'orderId' | 'authorization' | 'nowMs'>,
  code: string,
): PaymentDecision | undefined {
  const { attempt, actUntil } = state.renewals[authorization]!
  if (actUntil !== undefined || attempt >= MAX_ATTEMPTS) return undefined
  const declined = { authorization, attempt, code, nowMs }
  const notBeforeMs = nextAttemptMs(declined)
  if (notBeforeMs === undefined || notBeforeMs >= Date.parse(state.expiresAt)) return undefined
  return {
    events: [{ type: 'renewal.retried', data: nextAttempt(declined) }],
    commands: [{ type: 'MakeRenewal', data: { orderId, authorization }, notBeforeMs }],
  }
}

/** The provider's report on a renewal for which the customer has to act; it may have no news. */
export async function checkRenewal(state: PaymentState, request: Request): Promise<PaymentDecision> {
  if (!isRenewalNeeded(state, request.authorization)) return dropped(request)
  const answer = await request.client.find(authorizationKey(request.orderId, request.authorization))
  return !answer || answer.status === 'action-required' ? noChange : decided(state, request, answer)
}

interface Shipped {
  readonly orderId: string
  readonly shipmentId: string
}

/**
 * A capture of this shipment whose answer was lost, under an authorization that was renewed meanwhile. Each of these is
 * ended first, so that none succeeds there later: the money is taken once.
 */
export async function earlierCapture(
  state: PaymentState,
  { orderId, shipmentId }: Shipped,
  client: Provider,
): Promise<{ readonly captureId: string; readonly authorization: number } | undefined> {
  const granted = Object.values(state.renewals).filter(({ outcome }) => outcome === 'granted')
  for (const { former: authorization } of granted) {
    const made = await client.release(authorizationKey(orderId, authorization))
    const capturedAs = { orderId, shipmentId: keyedBy(state, shipmentId, authorization), authorization }
    const found = made.find(({ key }) => isCaptureKeyOf(capturedAs, key))
    if (!found) continue
    return { captureId: found.captureId, authorization }
  }
  return undefined
}
