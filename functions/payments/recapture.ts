/**
 * Captures what was refused with another payment method, under a new authorization for all that is not paid. The former
 * authorization is released first, so that a capture whose answer was lost is found, and none succeeds later.
 */

import { fold } from '../../shared/service/fold.ts'
import type { Envelope } from '../../shared/contracts/envelope.ts'
import { refuseIf, Unavailable } from '../../shared/base/errors.ts'
import { type Decision, noChange, type Platform } from '../../shared/service/platform.ts'
import { vaultOf } from '../customers/contracts.ts'
import { shopCodes } from '../shop/errors.ts'
import { payableMinor } from './amounts.ts'
import {
  authorizationKey,
  captureKey,
  currentAuthorization,
  evolve,
  initial,
  nextAuthorization,
  paymentId,
  type PaymentRecord,
  type PaymentSent,
  type PaymentState,
} from './payment.ts'
import { type Provider, provider } from './provider.ts'

interface RecaptureRequest {
  readonly orderId: string
  readonly customerRef: string
  readonly paymentMethodRef: string
}

export function recapturePayment(
  message: Envelope<string, RecaptureRequest>,
  platform: Platform,
): Promise<Decision<PaymentRecord, PaymentSent>> {
  const { orderId, customerRef, paymentMethodRef } = message.data
  return platform.streams.handle<PaymentRecord, PaymentSent>(message, orderId, ({ events }) => {
    const state = fold({ initial, evolve }, events)
    refuseIf(
      refusedIn(state).length === 0,
      shopCodes['nothing-to-recapture'],
      `No capture of ${orderId} is refused and unpaid.`,
    )
    if (Object.values(state.recaptures).some(({ isDone }) => !isDone))
      throw new Unavailable(`The recapture of ${orderId} with another payment method is not answered yet.`)
    const authorization = nextAuthorization(state)
    const due = { authorization, paymentMethodRef, customer: vaultOf(customerRef) }
    return {
      events: [{ type: 'recapture.due', data: due }],
      commands: [{ type: 'MakeRecapture', data: { orderId, authorization } }],
    }
  })
}

const refusedIn = ({ captures }: PaymentState): string[] =>
  Object.keys(captures).filter((shipmentId) => captures[shipmentId]!.outcome === 'failed')

export function makeRecapture(
  message: Envelope<string, { orderId: string; authorization: number }>,
  platform: Platform,
): Promise<Decision<PaymentRecord>> {
  const { orderId, authorization } = message.data
  return platform.streams.handle(message, orderId, async ({ events }) => {
    const state = fold({ initial, evolve }, events)
    const due = state.recaptures[authorization]
    if (!due || due.isDone) return noChange
    const client = provider(platform, message)
    const late = await lateCaptures(state, orderId, client)
    const after = [...late].reduce(evolve, state)
    const under = { orderId, authorization, client }
    const captured = refusedIn(after).length === 0 ? [] : await captureUnder(after, under)
    return { events: [...late, ...captured, { type: 'recapture.done', data: { authorization } }], commands: [] }
  })
}

/** Ends the former authorization. Captures that had succeeded there without an answer are paid. */
async function lateCaptures(state: PaymentState, orderId: string, client: Provider): Promise<PaymentRecord[]> {
  const authorization = currentAuthorization(state)
  const made = await client.release(authorizationKey(orderId, authorization))
  return Object.entries(state.captures)
    .filter(([, { outcome }]) => outcome !== 'captured')
    .flatMap(([shipmentId, { amountMinor, final, attempt }]) => {
      const keys = Array.from({ length: attempt }, (_, index) =>
        captureKey(orderId, shipmentId, { authorization, attempt: index + 1 }),
      )
      const found = made.find(({ key }) => keys.includes(key))
      if (!found) return []
      const { captureId } = found
      return [capturedEvent(state, { orderId, shipmentId, captureId, amountMinor, final, authorization })]
    })
}

interface Under {
  readonly orderId: string
  readonly authorization: number
  readonly client: Provider
}

/** Authorizes all that is not paid, and captures what was refused. What is shipped later is captured under it as well. */
async function captureUnder(state: PaymentState, { orderId, authorization, client }: Under): Promise<PaymentRecord[]> {
  const { paymentMethodRef, customer } = state.recaptures[authorization]!
  const under = authorizationKey(orderId, authorization)
  const { currency } = state
  const paidMinor = Object.values(state.captures).reduce(
    (sum, { outcome, amountMinor }) => sum + (outcome === 'captured' ? amountMinor : 0),
    0,
  )
  const amountMinor = payableMinor(state) - paidMinor
  const request = { amountMinor, currency, paymentMethodRef, customer, reference: orderId }
  const answer = await client.authorize(under, request)
  const refused = (shipmentId: string, code: string): PaymentRecord => ({
    type: 'payment.capture-failed',
    data: { orderId, paymentId: paymentId(orderId), shipmentId, authorization, code },
  })
  if (answer.status !== 'authorized') {
    // The customer is not there to act: what they would approve later must not be held.
    if (answer.status === 'action-required') await client.void(under)
    const code = answer.status === 'declined' ? answer.code : answer.status
    return refusedIn(state).map((shipmentId) => refused(shipmentId, code))
  }
  const granted = { orderId, paymentId: paymentId(orderId), amountMinor, currency, expiresAt: answer.expiresAt }
  const events: PaymentRecord[] = [{ type: 'payment.authorized', data: { ...granted, authorization } }]
  const ids = refusedIn(state)
  const isAll = ids.reduce((sum, id) => sum + state.captures[id]!.amountMinor, 0) === amountMinor
  for (const [index, shipmentId] of ids.entries()) {
    const part = { amountMinor: state.captures[shipmentId]!.amountMinor, final: isAll && index === ids.length - 1 }
    const key = captureKey(orderId, shipmentId, { authorization, attempt: 1 })
    const outcome = await client.capture(under, key, part)
    if (outcome.status === 'failed') events.push(refused(shipmentId, outcome.code))
    else {
      const { captureId } = outcome
      events.push(capturedEvent(state, { orderId, shipmentId, captureId, authorization, ...part }))
    }
  }
  if (events.some(({ type }) => type === 'payment.capture-failed')) await client.release(under)
  return events
}

interface Captured {
  readonly orderId: string
  readonly shipmentId: string
  readonly captureId: string
  readonly amountMinor: number
  readonly final: boolean
  readonly authorization: number
}

const capturedEvent = ({ currency }: PaymentState, captured: Captured): PaymentRecord => ({
  type: 'payment.captured',
  data: { ...captured, paymentId: paymentId(captured.orderId), currency },
})
