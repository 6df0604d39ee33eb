/** The captures of a recapture, under its authorization. */

import { uncapturedMinor } from './amounts.ts'
import { isTransient } from './contracts.ts'
import {
  attemptUnder,
  authorizationKey,
  captureKey,
  paymentId,
  type PaymentRecord,
  type PaymentState,
  recapturedUnder,
  refusedIn,
} from './payment.ts'
import { type Authorization, MULTICAPTURE_UNAVAILABLE, type Provider } from './provider.ts'

export interface Under {
  readonly orderId: string
  readonly authorization: number
  readonly client: Provider
}

/**
 * Captures what was refused, if it was authorized. What is shipped later is captured under it as well; what was refused under it
 * is not asked for again.
 */
export async function outcomes(
  state: PaymentState,
  { orderId, authorization, client, isLastAttempt }: Under & { readonly isLastAttempt: boolean },
  answer: Authorization,
): Promise<PaymentRecord[]> {
  const under = authorizationKey(orderId, authorization)
  const ids = recapturedUnder(state, authorization)
  const refused = (shipmentId: string, code: string): PaymentRecord => ({
    type: 'payment.capture-failed',
    data: { orderId, paymentId: paymentId(orderId), shipmentId, authorization, code },
  })
  if (answer.status !== 'authorized') {
    const code = answer.status === 'declined' ? answer.code : answer.status
    return ids.map((shipmentId) => refused(shipmentId, code))
  }
  const amountMinor = uncapturedMinor(state)
  // The former authorization has paid all of it, by captures whose answers were lost.
  if (amountMinor <= 0) return []
  const { currency } = state
  const granted = { orderId, paymentId: paymentId(orderId), amountMinor, currency, expiresAt: answer.expiresAt }
  const isKnown = state.authorizations.includes(authorization)
  const events: PaymentRecord[] = isKnown ? [] : [{ type: 'payment.authorized', data: { ...granted, authorization } }]
  const isAll = refusedIn(state).reduce((sum, id) => sum + state.captures[id]!.amountMinor, 0) === amountMinor
  for (const [index, shipmentId] of ids.entries()) {
    const isLast = index === ids.length - 1
    const part = { amountMinor: state.captures[shipmentId]!.amountMinor, final: isAll && isLast }
    const key = captureKey(orderId, shipmentId, attemptUnder(state, shipmentId, authorization))
    const outcome = await client.capture(under, key, part)
    if (outcome.status === 'captured') {
      const { captureId } = outcome
      events.push(capturedEvent(state, { orderId, shipmentId, captureId, authorization, ...part }))
    } else if (isTransient(outcome.code) && !isLastAttempt) {
      // The others wait for the next attempt with it: the last of them closes the authorization.
      return [...events, ...ids.slice(index).map((one) => refused(one, outcome.code))]
    } else if (outcome.code === MULTICAPTURE_UNAVAILABLE && isAll && !isLast) {
      return [...events, ...(await together(state, { orderId, authorization, client }, ids.slice(index), refused))]
    } else if (outcome.code === MULTICAPTURE_UNAVAILABLE) {
      // Others are to come, or an earlier attempt asked while they were, and the provider repeats its answer to the key.
      const { amountMinor: partMinor } = part
      const data = { orderId, paymentId: paymentId(orderId), shipmentId, authorization, currency }
      events.push({ type: 'payment.capture-deferred', data: { ...data, amountMinor: partMinor } })
    } else events.push(refused(shipmentId, outcome.code))
  }
  return events
}

/**
 * One capture for all of these shipments, the last ones, where the card allows no several: staff names one payment method, and
 * not one for each shipment. It has the key of the last.
 */
async function together(
  state: PaymentState,
  { orderId, authorization, client }: Under,
  ids: readonly string[],
  refused: (shipmentId: string, code: string) => PaymentRecord,
): Promise<PaymentRecord[]> {
  const amountOf = (shipmentId: string): number => state.captures[shipmentId]!.amountMinor
  const last = ids.at(-1)!
  const amountMinor = ids.reduce((sum, id) => sum + amountOf(id), 0)
  const key = captureKey(orderId, last, attemptUnder(state, last, authorization))
  const outcome = await client.capture(authorizationKey(orderId, authorization), key, { amountMinor, final: true })
  return ids.map((shipmentId) => {
    if (outcome.status === 'failed') return refused(shipmentId, outcome.code)
    const { captureId } = outcome
    const final = shipmentId === last
    return capturedEvent(state, {
      orderId,
      shipmentId,
      captureId,
      authorization,
      amountMinor: amountOf(shipmentId),
      final,
    })
  })
}

interface Captured {
  readonly orderId: string
  readonly shipmentId: string
  readonly captureId: string
  readonly amountMinor: number
  readonly final: boolean
  readonly authorization: number
}

export const capturedEvent = ({ currency }: PaymentState, captured: Captured): PaymentRecord => ({
  type: 'payment.captured',
  data: { ...captured, paymentId: paymentId(captured.orderId), currency },
})
