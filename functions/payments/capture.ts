/**
 * A shipment left: its part of the money is taken. What it comes to is fixed in a commit before the provider is asked,
 * since another shipment may be under way; only one that holds the whole order needs no such commit.
 */

import { fold } from '../../shared/service/decider.ts'
import type { Envelope } from '../../shared/contracts/envelope.ts'
import { Unavailable } from '../../shared/base/errors.ts'
import { type Decision, noChange, type Platform } from '../../shared/service/platform.ts'
import {
  authorizationKey,
  type CaptureDue,
  captureFor,
  captureKey,
  evolve,
  initial,
  isWholeOrder,
  mustWait,
  paymentId,
  type PaymentRecord,
} from './payment.ts'
import { provider } from './provider.ts'

interface Shipped {
  readonly orderId: string
  readonly shipmentId: string
}

type Dispatched = Envelope<string, Shipped & { lines: readonly { lineId: string; quantity: number }[] }>

export function captureForShipment(message: Dispatched, platform: Platform): Promise<Decision<PaymentRecord>> {
  const { orderId, shipmentId, lines } = message.data
  return platform.streams.handle(message, orderId, async ({ events }) => {
    const state = fold({ initial, evolve }, events)
    if (state.status !== 'authorized')
      throw new Unavailable(`The payment of ${orderId} is ${state.status}: it can not be captured yet.`)
    // A shipment is captured once, however many messages report it.
    if (shipmentId in state.captures) return noChange
    const due = captureFor(state, lines)
    const noted: PaymentRecord = { type: 'capture.due', data: { shipmentId, ...due } }
    if (!isWholeOrder(state, due))
      return { events: [noted], commands: [{ type: 'CapturePayment', data: { orderId, shipmentId } }] }
    const taken = await take(message, platform, { ...due, currency: state.currency })
    return { events: [noted, taken], commands: [] }
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
    return { events: [await take(message, platform, { ...due, currency: state.currency })], commands: [] }
  })
}

async function take(
  message: Envelope<string, Shipped>,
  platform: Platform,
  { amountMinor, final, currency }: CaptureDue & { readonly currency: string },
): Promise<PaymentRecord> {
  const { orderId, shipmentId } = message.data
  const about = { orderId, paymentId: paymentId(orderId), shipmentId }
  const answer = await provider(platform, message).capture(authorizationKey(orderId), captureKey(orderId, shipmentId), {
    amountMinor,
    final,
  })
  if (answer.status === 'failed') return { type: 'payment.capture-failed', data: { ...about, code: answer.code } }
  return { type: 'payment.captured', data: { ...about, captureId: answer.captureId, amountMinor, currency, final } }
}
