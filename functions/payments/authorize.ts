/** Authorizes and voids: a void is recorded before the provider is called, so that a late authorization can't overtake it. */

import { fold } from '../../shared/service/fold.ts'
import type { Envelope } from '../../shared/contracts/envelope.ts'
import { Refused, Unavailable } from '../../shared/base/errors.ts'
import { type Decision, noChange, type Platform } from '../../shared/service/platform.ts'
import { vaultOf } from '../customers/contracts.ts'
import {
  authorizationKey,
  evolve,
  initial,
  hasVoidBegun,
  paymentId,
  type PaymentLine,
  type PaymentRecord,
  type PaymentSent,
} from './payment.ts'
import { type Authorization, provider } from './provider.ts'

interface AuthorizeRequest {
  readonly orderId: string
  readonly customerRef?: string | undefined
  readonly paymentMethodRef: string
  readonly currency: string
  readonly totalMinor: number
  readonly shippingMinor: number
  readonly lines: readonly PaymentLine[]
}

/** A checkout has one authorization. */
const FIRST = 1

type About = Envelope<string, { orderId: string }>

/** Longer than a checkout waits for its payment, and shorter than the time after which a command is dead-lettered. */
const MAX_WAIT_FOR_AUTHORIZATION_MS = 3_600_000

const emit = (...events: PaymentRecord[]): Decision<PaymentRecord> => ({ events, commands: [] })

export function authorizePayment(
  message: Envelope<string, AuthorizeRequest>,
  platform: Platform,
): Promise<Decision<PaymentRecord>> {
  const { orderId, customerRef, paymentMethodRef, currency, totalMinor, shippingMinor } = message.data
  const lines = message.data.lines.map(({ lineId, quantity, unitMinor }) => ({ lineId, quantity, unitMinor }))
  return platform.streams.handle(message, orderId, async ({ events }) => {
    const state = fold({ initial, evolve }, events)
    if (hasVoidBegun(state) && state.lines.length === 0) {
      const data = { orderId, paymentId: paymentId(orderId), code: 'voided-before' }
      return emit({ type: 'payment.declined', data })
    }
    if (state.status !== 'none') return noChange
    const customer = customerRef === undefined ? {} : { customer: vaultOf(customerRef) }
    const request = { amountMinor: totalMinor, currency, paymentMethodRef, ...customer, reference: orderId }
    const answer = await provider(platform, message).authorize(authorizationKey(orderId, FIRST), request)
    const agreed: PaymentRecord = { type: 'payment.agreed', data: { currency, totalMinor, shippingMinor, lines } }
    return emit(agreed, outcome(answer, { orderId, amountMinor: totalMinor, currency }))
  })
}

/** After a webhook about the customer's action, queries the provider for the outcome, so that the order of webhooks does not matter. */
export function checkAuthorization(message: About, platform: Platform): Promise<Decision<PaymentRecord>> {
  const { orderId } = message.data
  return platform.streams.handle(message, orderId, async ({ events }) => {
    const state = fold({ initial, evolve }, events)
    if (state.status === 'none') throw notAuthorised(message, platform)
    // The first report of an outcome decides, be it the provider's response or its webhook; the other one changes nothing.
    if (state.status !== 'action-required') return noChange
    const answer = await provider(platform, message).find(authorizationKey(orderId, FIRST))
    if (!answer || answer.status === 'action-required') return noChange
    return emit(outcome(answer, { orderId, amountMinor: state.totalMinor, currency: state.currency }))
  })
}

/** The webhook arrived before the provider's answer to the authorization was recorded, or it is of no order of ours. */
function notAuthorised({ time, data: { orderId } }: About, platform: Platform): Refused | Unavailable {
  const ageMs = platform.now() - Date.parse(time)
  return ageMs < MAX_WAIT_FOR_AUTHORIZATION_MS
    ? new Unavailable(`Nothing was authorised for ${orderId} yet.`)
    : new Refused('not-found', `Nothing was authorised for ${orderId}.`)
}

/** Replies also when there is nothing to void; replies once the provider has voided the authorization. */
export function voidPayment(message: About, platform: Platform): Promise<Decision<PaymentRecord, PaymentSent>> {
  const { orderId } = message.data
  return platform.streams.handle<PaymentRecord, PaymentSent>(message, orderId, ({ events }) => {
    const { status } = fold({ initial, evolve }, events)
    if (status === 'voided') return emit(voided(orderId))
    // The command to itself is retried until it is answered.
    if (status === 'voiding') return noChange
    return {
      events: [{ type: 'void.begun', data: {} }],
      commands: [{ type: 'VoidAuthorization', data: { orderId } }],
    }
  })
}

export function voidAuthorization(message: About, platform: Platform): Promise<Decision<PaymentRecord>> {
  const { orderId } = message.data
  return platform.streams.handle(message, orderId, async ({ events }) => {
    const { status, authorizations } = fold({ initial, evolve }, events)
    if (status !== 'voiding') return noChange
    const client = provider(platform, message)
    // The first one also if it was not granted: it may be on its way.
    for (const number of new Set([FIRST, ...authorizations])) await client.void(authorizationKey(orderId, number))
    return emit(voided(orderId))
  })
}

const voided = (orderId: string): PaymentRecord => ({
  type: 'payment.voided',
  data: { orderId, paymentId: paymentId(orderId) },
})

function outcome(
  answer: Authorization,
  { orderId, amountMinor, currency }: { orderId: string; amountMinor: number; currency: string },
): PaymentRecord {
  const about = { orderId, paymentId: paymentId(orderId) }
  switch (answer.status) {
    case 'authorized':
      return {
        type: 'payment.authorized',
        data: { ...about, amountMinor, currency, expiresAt: answer.expiresAt, authorization: FIRST },
      }
    case 'declined':
      return { type: 'payment.declined', data: { ...about, code: answer.code } }
    case 'action-required':
      return { type: 'payment.action-required', data: { ...about, actionUrlRef: answer.actionUrlRef } }
  }
}
