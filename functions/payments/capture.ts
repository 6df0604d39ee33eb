/**
 * Captures the amount of a dispatched shipment. A commit before the call of the provider fixes the amount, since another
 * shipment may be captured concurrently; a shipment of the whole order needs no such commit.
 */

import { fold } from '../../shared/service/fold.ts'
import type { Envelope } from '../../shared/contracts/envelope.ts'
import { Unavailable } from '../../shared/base/errors.ts'
import { type Decision, noChange, type Platform } from '../../shared/service/platform.ts'
import { captureFor, isWholeOrder, mustWait } from './amounts.ts'
import {
  authorizationKey,
  type CaptureDue,
  captureKey,
  currentAuthorization,
  evolve,
  initial,
  paymentId,
  type PaymentRecord,
  type PaymentSent,
} from './payment.ts'
import { provider } from './provider.ts'

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
    const authorization = currentAuthorization(state)
    const captured = await capture(message, platform, { ...due, authorization, currency: state.currency })
    return { events: [recorded, captured], commands: [] }
  })
}

export function capturePayment(
  message: Envelope<string, Shipped>,
  platform: Platform,
): Promise<Decision<PaymentRecord>> {
  const { orderId, shipmentId } = message.data
  return platform.streams.handle(message, orderId, async ({ events }) => {
    const state = fold({ initial, evolve }, events)
    const due = state.captures[shipmentId]
    if (due?.outcome !== 'due') return noChange
    if (mustWait(state, shipmentId)) throw new Unavailable(`Other shipments of ${orderId} are captured first.`)
    return { events: [await capture(message, platform, { ...due, currency: state.currency })], commands: [] }
  })
}

async function capture(
  message: Envelope<string, Shipped>,
  platform: Platform,
  { amountMinor, final, authorization, currency }: CaptureDue & { authorization: number; currency: string },
): Promise<PaymentRecord> {
  const { orderId, shipmentId } = message.data
  const about = { orderId, paymentId: paymentId(orderId), shipmentId, authorization }
  const key = captureKey(orderId, shipmentId)
  const answer = await provider(platform, message).capture(authorizationKey(orderId, authorization), key, {
    amountMinor,
    final,
  })
  if (answer.status === 'failed') return { type: 'payment.capture-failed', data: { ...about, code: answer.code } }
  return { type: 'payment.captured', data: { ...about, captureId: answer.captureId, amountMinor, currency, final } }
}
