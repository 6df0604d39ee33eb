/**
 * Captures the amount of a dispatched shipment. A commit before the call of the provider fixes the amount, since another
 * shipment may be captured concurrently; a shipment of the whole order needs no such commit. A refusal that may be transient is
 * followed by further attempts, at growing intervals and a bounded number of times.
 */

import { fold } from '../../shared/service/fold.ts'
import type { Envelope } from '../../shared/contracts/envelope.ts'
import { Unavailable } from '../../shared/base/errors.ts'
import { type Decision, noChange, type Platform } from '../../shared/service/platform.ts'
import { captureFor, isWholeOrder, mustWait } from './amounts.ts'
import {
  authorizationKey,
  type Capture,
  captureKey,
  currentAuthorization,
  evolve,
  initial,
  paymentId,
  type PaymentRecord,
  type PaymentSent,
} from './payment.ts'
import { isTransient, provider } from './provider.ts'

interface Shipped {
  readonly orderId: string
  readonly shipmentId: string
}

type Dispatched = Envelope<string, Shipped & { lines: readonly { lineId: string; quantity: number }[] }>

export function captureForShipment(
  message: Dispatched,
  platform: Platform,
): Promise<Decision<PaymentRecord, PaymentSent>> {
  const { orderId, shipmentId, lines } = message.data
  return platform.streams.handle<PaymentRecord, PaymentSent>(message, orderId, async ({ events }) => {
    const state = fold({ initial, evolve }, events)
    if (state.status !== 'authorized')
      throw new Unavailable(`The payment of ${orderId} is ${state.status}: it can not be captured yet.`)
    // A shipment is captured once, however many messages report it.
    if (shipmentId in state.captures) return noChange
    const due = captureFor(state, lines)
    const recorded: PaymentRecord = { type: 'capture.due', data: { shipmentId, ...due } }
    if (!isWholeOrder(state, due))
      return { events: [recorded], commands: [{ type: 'CapturePayment', data: { orderId, shipmentId } }] }
    const first: Capture = { ...due, outcome: 'due', authorization: currentAuthorization(state), attempt: 1 }
    const { events: outcome, commands } = await capture(message, platform, { ...first, currency: state.currency })
    return { events: [recorded, ...outcome], commands }
  })
}

export function capturePayment(
  message: Envelope<string, Shipped>,
  platform: Platform,
): Promise<Decision<PaymentRecord, PaymentSent>> {
  const { orderId, shipmentId } = message.data
  return platform.streams.handle<PaymentRecord, PaymentSent>(message, orderId, async ({ events }) => {
    const state = fold({ initial, evolve }, events)
    const due = state.captures[shipmentId]
    if (due?.outcome !== 'due') return noChange
    if (mustWait(state, shipmentId)) throw new Unavailable(`Other shipments of ${orderId} are captured first.`)
    const authorization = currentAuthorization(state)
    // A recapture came in between: what was attempted before counts for another authorization.
    const attempt = due.authorization === authorization ? due.attempt : 1
    return capture(message, platform, { ...due, authorization, attempt, currency: state.currency })
  })
}

/** The wait before each further attempt, over a day and a half. */
const RETRY_WAITS_MS = [1, 10, 60, 6 * 60, 24 * 60].map((minutes) => minutes * 60_000)

async function capture(
  message: Envelope<string, Shipped>,
  platform: Platform,
  { amountMinor, final, authorization, attempt, currency }: Capture & { readonly currency: string },
): Promise<Decision<PaymentRecord, PaymentSent>> {
  const { orderId, shipmentId } = message.data
  const about = { orderId, paymentId: paymentId(orderId), shipmentId, authorization }
  const key = captureKey(orderId, shipmentId, { authorization, attempt })
  const request = { amountMinor, final }
  const answer = await provider(platform, message).capture(authorizationKey(orderId, authorization), key, request)
  if (answer.status === 'captured') {
    const data = { ...about, captureId: answer.captureId, amountMinor, currency, final }
    return { events: [{ type: 'payment.captured', data }], commands: [] }
  }
  const { code } = answer
  const waitMs = isTransient(code) ? RETRY_WAITS_MS[attempt - 1] : undefined
  if (waitMs === undefined)
    return { events: [{ type: 'payment.capture-failed', data: { ...about, code } }], commands: [] }
  return {
    events: [{ type: 'capture.retried', data: { shipmentId, authorization, attempt: attempt + 1, code } }],
    commands: [{ type: 'CapturePayment', data: { orderId, shipmentId }, notBeforeMs: platform.now() + waitMs }],
  }
}
