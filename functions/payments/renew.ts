/**
 * Renews an authorization that ends before the goods have left: a new one is granted for what is not captured, and the former
 * one is released after the commit. A capture that was on its way under the former one is found there, and not made twice.
 */

import type { Envelope } from '../../shared/contracts/envelope.ts'
import { Unavailable } from '../../shared/base/errors.ts'
import { type Decision, noChange } from '../../shared/service/platform.ts'
import { vaultOf } from '../customers/contracts.ts'
import { uncapturedMinor } from './amounts.ts'
import { withCaptures } from './joined.ts'
import {
  authorizationKey,
  currentAuthorization,
  hasVoidBegun,
  isAuthorizing,
  isCaptureKeyOf,
  keyedBy,
  nextAuthorization,
  paymentId,
  paymentIn,
  type PaymentRecord,
  type PaymentSent,
  type PaymentState,
} from './payment.ts'
import { type Provider, provider } from './provider.ts'
import type { PaymentsPlatform as Platform } from './service.ts'

type RenewRequest = Envelope<
  string,
  { orderId: string; authorization: number; customerRef: string; paymentMethodRef: string }
>

/** Numbers the new authorization and fixes its request, so that a void includes it and each attempt is the same. */
export function renewAuthorization(
  message: RenewRequest,
  platform: Platform,
): Promise<Decision<PaymentRecord, PaymentSent>> {
  const { orderId, authorization: former, customerRef, paymentMethodRef } = message.data
  return platform.streams.handle<PaymentRecord, PaymentSent>(message, orderId, ({ events }) => {
    const state = paymentIn(events)
    const amountMinor = uncapturedMinor(state)
    if (state.status !== 'authorized' || former !== currentAuthorization(state) || amountMinor <= 0) return noChange
    if (isAuthorizing(state)) throw new Unavailable(`Another authorization of ${orderId} is not answered yet.`)
    const authorization = nextAuthorization(state)
    const due = { authorization, former, amountMinor, paymentMethodRef, customer: vaultOf(customerRef) }
    return {
      events: [{ type: 'renewal.due', data: due }],
      commands: [{ type: 'MakeRenewal', data: { orderId, authorization } }],
    }
  })
}

type OneAuthorization = Envelope<string, { orderId: string; authorization: number }>

export function makeRenewal(
  message: OneAuthorization,
  platform: Platform,
): Promise<Decision<PaymentRecord, PaymentSent>> {
  const { orderId, authorization } = message.data
  return platform.streams.handleWithCalls<PaymentRecord, PaymentSent>(message, orderId, async ({ events }) => {
    const state = paymentIn(events)
    const { currency, expiresAt } = state
    const due = state.renewals[authorization]
    if (due?.outcome !== 'due' || hasVoidBegun(state)) return noChange
    const client = provider(platform, message)
    const key = authorizationKey(orderId, authorization)
    const about = { orderId, paymentId: paymentId(orderId) }
    if (uncapturedMinor(state) <= 0) {
      // Also what an attempt before this one was granted.
      await client.void(key)
      return { events: [{ type: 'renewal.dropped', data: { authorization } }], commands: [] }
    }
    const { former, amountMinor, paymentMethodRef, customer } = due
    const request = { amountMinor, currency, paymentMethodRef, customer, reference: orderId }
    const answer = await client.authorize(key, request)
    if (answer.status !== 'authorized') {
      // The customer is not there to act: what they would approve later must not be held.
      if (answer.status === 'action-required') await client.void(key)
      const code = answer.status === 'declined' ? answer.code : answer.status
      const lapsed = { ...about, authorization: former, expiresAt, refused: authorization, code }
      return { events: [{ type: 'payment.lapsed', data: lapsed }], commands: [] }
    }
    const granted = { ...about, amountMinor, currency, expiresAt: answer.expiresAt, authorization }
    return withCaptures({ orderId, nowMs: platform.now() }, state, {
      events: [{ type: 'payment.authorized', data: granted }],
      commands: [{ type: 'ReleaseAuthorization', data: { orderId, authorization: former } }],
    })
  })
}

/** The customer's bank holds the amount once from then on. A capture that had succeeded under it is found by its own handler. */
export function releaseAuthorization(message: OneAuthorization, platform: Platform): Promise<Decision<PaymentRecord>> {
  const { orderId, authorization } = message.data
  return platform.streams.handleWithCalls(message, orderId, async () => {
    await provider(platform, message).release(authorizationKey(orderId, authorization))
    return noChange
  })
}

interface Shipped {
  readonly orderId: string
  readonly shipmentId: string
  readonly final: boolean
}

/**
 * A capture of this shipment whose answer was lost, under an authorization that was renewed meanwhile. Each of these is
 * ended first, so that none succeeds there later: the money is taken once.
 */
export async function earlierCapture(
  state: PaymentState,
  { orderId, shipmentId, final }: Shipped,
  client: Provider,
): Promise<{ readonly captureId: string; readonly authorization: number } | undefined> {
  const { renewals, authorizations } = state
  const granted = Object.values(renewals).filter(({ outcome }) => outcome === 'granted')
  for (const { former: authorization } of granted) {
    const made = await client.release(authorizationKey(orderId, authorization))
    const capturedAs = { orderId, shipmentId: keyedBy(state, shipmentId, authorization), authorization }
    const found = made.find(({ key }) => isCaptureKeyOf(capturedAs, key))
    if (!found) continue
    // All is captured: the last authorization holds money for nothing.
    if (final) await client.release(authorizationKey(orderId, authorizations.at(-1)!))
    return { captureId: found.captureId, authorization }
  }
  return undefined
}
