/**
 * Captures the amount of a dispatched shipment. A commit before the call of the provider fixes the amount, since another
 * shipment may be captured concurrently; a shipment of the whole order needs no such commit. A refusal that may be transient is
 * followed by further attempts, at growing intervals and a bounded number of times. Where the card allows one capture alone,
 * that of a parcel which is not the last is deferred.
 */

import type { Envelope } from '../../shared/contracts/envelope.ts'
import { Unavailable } from '../../shared/base/errors.ts'
import { noChange } from '../../shared/service/platform.ts'
import { captureFor, isWholeOrder } from './amounts.ts'
import { type Declined, nextAttempt, nextAttemptMs } from './attempts.ts'
import { join, joinedWith, stepOf, withCaptures } from './joined.ts'
import { decideWithCalls, type PaymentDecision } from './decide.ts'
import {
  attemptUnder,
  authorizationKey,
  type Capture,
  captureKey,
  currentAuthorization,
  paymentId,
  type PaymentRecord,
  type PaymentState,
  release,
} from './payment.ts'
import { earlierCapture } from './renew.ts'
import { MULTICAPTURE_UNAVAILABLE, provider } from './provider.ts'
import type { PaymentsPlatform as Platform } from './service.ts'

interface Shipped {
  readonly orderId: string
  readonly shipmentId: string
}

type Dispatched = Envelope<string, Shipped & { lines: readonly { lineId: string; quantity: number }[] }>

export function captureForShipment(message: Dispatched, platform: Platform): Promise<PaymentDecision> {
  const { orderId, shipmentId, lines } = message.data
  return decideWithCalls(message, platform, async (state) => {
    if (state.status === 'not-required')
      return shipmentId in state.captures ? noChange : { events: [nothingDue(message.data)], commands: [] }
    if (state.status !== 'authorized')
      throw new Unavailable(`The payment of ${orderId} is ${state.status}: it can not be captured yet.`)
    // A shipment is captured once, however many messages report it.
    if (shipmentId in state.captures) return noChange
    const due = captureFor(state, lines)
    const recorded: PaymentRecord = { type: 'capture.due', data: { shipmentId, ...due } }
    // A provider captures no amount of zero. The last shipment still releases the rest of the authorization.
    if (due.amountMinor === 0 && !due.final) return { events: [recorded, nothingDue(message.data)], commands: [] }
    if (!isWholeOrder(state, due))
      return { events: [recorded], commands: [{ type: 'CapturePayment', data: { orderId, shipmentId } }] }
    const first: Capture = { ...due, outcome: 'due', authorization: currentAuthorization(state), attempt: 1 }
    const { events: outcome, commands } = await capture(message, platform, { ...first, state })
    return { events: [recorded, ...outcome], commands }
  })
}

export function capturePayment(message: Envelope<string, Shipped>, platform: Platform): Promise<PaymentDecision> {
  const { orderId, shipmentId } = message.data
  return decideWithCalls(message, platform, async (state) => {
    if (!(shipmentId in state.captures)) return noChange
    const nowMs = platform.now()
    const step = stepOf(state, shipmentId, nowMs)
    // A wait is no failure, of which operators are alerted: what ends it sends this command again.
    if (step === 'wait') return noChange
    if (step === 'join') return join(orderId, state, shipmentId)
    const due = { ...attemptUnder(state, shipmentId, currentAuthorization(state)), state }
    const decision =
      step === 'together' ? await captureTogether(message, platform, due) : await capture(message, platform, due)
    return withCaptures({ orderId, nowMs }, state, decision)
  })
}

export const nothingDue = ({ orderId, shipmentId }: Shipped): PaymentRecord => ({
  type: 'payment.nothing-due',
  data: { orderId, paymentId: paymentId(orderId), shipmentId },
})

async function capture(
  message: Envelope<string, Shipped>,
  platform: Platform,
  { amountMinor, final, authorization, attempt, state }: Capture & { readonly state: PaymentState },
): Promise<PaymentDecision> {
  const { orderId, shipmentId } = message.data
  if (amountMinor === 0) return { events: [nothingDue(message.data)], commands: [release(orderId, authorization)] }
  const about = { orderId, paymentId: paymentId(orderId), shipmentId, authorization }
  const { currency } = state
  const client = provider(platform, message)
  const earlier = await earlierCapture(state, { orderId, shipmentId }, client)
  if (earlier) {
    const data = { ...about, ...earlier, amountMinor, currency, final }
    // All is captured: the last authorization holds money for nothing.
    const commands = final ? [release(orderId, authorization)] : []
    return { events: [{ type: 'payment.captured', data }], commands }
  }
  const key = captureKey(orderId, shipmentId, { authorization, attempt })
  const request = { amountMinor, final }
  const answer = await client.capture(authorizationKey(orderId, authorization), key, request)
  if (answer.status === 'captured') {
    const data = { ...about, captureId: answer.captureId, amountMinor, currency, final }
    return { events: [{ type: 'payment.captured', data }], commands: [] }
  }
  if (answer.code === MULTICAPTURE_UNAVAILABLE && !final)
    return {
      events: [{ type: 'payment.capture-deferred', data: { ...about, amountMinor, currency } }],
      commands: [],
    }
  const retried = retry(message.data, { authorization, attempt, code: answer.code, nowMs: platform.now() })
  return (
    retried ?? { events: [{ type: 'payment.capture-failed', data: { ...about, code: answer.code } }], commands: [] }
  )
}

/** Another attempt later; undefined: the refusal is for good, or was the last. */
function retry({ orderId, shipmentId }: Shipped, declined: Declined): PaymentDecision | undefined {
  const notBeforeMs = nextAttemptMs(declined)
  if (notBeforeMs === undefined) return undefined
  return {
    events: [{ type: 'capture.retried', data: { shipmentId, ...nextAttempt(declined) } }],
    commands: [{ type: 'CapturePayment', data: { orderId, shipmentId }, notBeforeMs }],
  }
}

/** One capture for the shipments that were joined with this one. The card allows no further one, so it is final at the provider. */
async function captureTogether(
  message: Envelope<string, Shipped>,
  platform: Platform,
  { authorization, attempt, state }: Capture & { readonly state: PaymentState },
): Promise<PaymentDecision> {
  const { orderId, shipmentId: leading } = message.data
  const { currency, captures } = state
  const ids = joinedWith(state, leading)
  const amountMinor = ids.reduce((sum, id) => sum + captures[id]!.amountMinor, 0)
  const key = captureKey(orderId, leading, { authorization, attempt })
  const request = { amountMinor, final: true }
  const answer = await provider(platform, message).capture(authorizationKey(orderId, authorization), key, request)
  const retried =
    answer.status === 'failed' &&
    retry(message.data, { authorization, attempt, code: answer.code, nowMs: platform.now() })
  if (retried) return retried
  const events = ids.map((shipmentId): PaymentRecord => {
    const about = { orderId, paymentId: paymentId(orderId), shipmentId, authorization }
    const { amountMinor: partMinor, final } = captures[shipmentId]!
    if (answer.status === 'failed') return { type: 'payment.capture-failed', data: { ...about, code: answer.code } }
    if (partMinor === 0) return nothingDue({ orderId, shipmentId })
    const { captureId } = answer
    return { type: 'payment.captured', data: { ...about, captureId, amountMinor: partMinor, currency, final } }
  })
  return { events, commands: [] }
}
