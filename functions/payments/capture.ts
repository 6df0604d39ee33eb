/**
 * Captures the amount of a dispatched shipment. A commit before the call of the provider fixes the amount, since another
 * shipment may be captured concurrently; a shipment of the whole order needs no such commit. A refusal that may be transient is
 * followed by further attempts, at growing intervals and a bounded number of times.
 */

import { fold } from '../../shared/service/fold.ts'
import type { Envelope } from '../../shared/contracts/envelope.ts'
import { Unavailable } from '../../shared/base/errors.ts'
import { type Decision, noChange } from '../../shared/service/platform.ts'
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
  type PaymentState,
} from './payment.ts'
import { earlierCapture } from './renew.ts'
import { isTransient, provider } from './provider.ts'
import type { PaymentsPlatform as Platform } from './service.ts'

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
  return platform.streams.handleWithCalls<PaymentRecord, PaymentSent>(message, orderId, async ({ events }) => {
    const state = fold({ initial, evolve }, events)
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

export function capturePayment(
  message: Envelope<string, Shipped>,
  platform: Platform,
): Promise<Decision<PaymentRecord, PaymentSent>> {
  const { orderId, shipmentId } = message.data
  return platform.streams.handleWithCalls<PaymentRecord, PaymentSent>(message, orderId, async ({ events }) => {
    const state = fold({ initial, evolve }, events)
    const due = state.captures[shipmentId]
    if (due?.outcome !== 'due') return noChange
    // A wait is no failure, of which operators are alerted: the outcome of the last other capture sends this command again.
    if (mustWait(state, shipmentId)) return noChange
    const authorization = currentAuthorization(state)
    // A recapture or a renewal came in between: what was attempted before counts for another authorization.
    const attempt = due.authorization === authorization ? due.attempt : 1
    const decision = await capture(message, platform, { ...due, authorization, attempt, state })
    return withWaiting(orderId, state, decision)
  })
}

/** The decision, with the command for a final capture that waited for this decision. */
export function withWaiting(
  orderId: string,
  before: PaymentState,
  { events, commands }: Decision<PaymentRecord, PaymentSent>,
): Decision<PaymentRecord, PaymentSent> {
  const after = events.reduce(evolve, before)
  const isDue = ({ captures }: PaymentState, id: string): boolean => captures[id]?.outcome === 'due'
  const freed = Object.keys(before.captures).filter(
    (id) => isDue(before, id) && mustWait(before, id) && isDue(after, id) && !mustWait(after, id),
  )
  return {
    events,
    commands: [
      ...commands,
      ...freed.map((shipmentId): PaymentSent => ({ type: 'CapturePayment', data: { orderId, shipmentId } })),
    ],
  }
}

const nothingDue = ({ orderId, shipmentId }: Shipped): PaymentRecord => ({
  type: 'payment.nothing-due',
  data: { orderId, paymentId: paymentId(orderId), shipmentId },
})

/** The wait before each further attempt, over a day and a half. */
const RETRY_WAITS_MS = [1, 10, 60, 6 * 60, 24 * 60].map((minutes) => minutes * 60_000)

async function capture(
  message: Envelope<string, Shipped>,
  platform: Platform,
  { amountMinor, final, authorization, attempt, state }: Capture & { readonly state: PaymentState },
): Promise<Decision<PaymentRecord, PaymentSent>> {
  const { orderId, shipmentId } = message.data
  if (amountMinor === 0) {
    await provider(platform, message).release(authorizationKey(orderId, authorization))
    return { events: [nothingDue(message.data)], commands: [] }
  }
  const about = { orderId, paymentId: paymentId(orderId), shipmentId, authorization }
  const { currency } = state
  const client = provider(platform, message)
  const earlier = await earlierCapture(state, { orderId, shipmentId, final }, client)
  if (earlier) {
    const data = { ...about, ...earlier, amountMinor, currency, final }
    return { events: [{ type: 'payment.captured', data }], commands: [] }
  }
  const key = captureKey(orderId, shipmentId, { authorization, attempt })
  const request = { amountMinor, final }
  const answer = await client.capture(authorizationKey(orderId, authorization), key, request)
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
