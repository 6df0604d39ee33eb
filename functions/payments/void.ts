/**
 * Voids a payment: recorded before the provider is called, so that a late authorization can't overtake it. Or releases the rest of
 * one. A provider that does not answer for a day is reported: the bank may hold the amount for nothing.
 */

import type { Envelope } from '../../shared/contracts/envelope.ts'
import { noChange } from '../../shared/service/platform.ts'
import { decideOn, decideWithCalls, type PaymentDecision } from './decide.ts'
import { alertingOperators, untilAnswered } from './overdue.ts'
import {
  authorizationKey,
  currentAuthorization,
  paymentId,
  type PaymentRecord,
  type PaymentSent,
  type PaymentState,
} from './payment.ts'
import { type Provider, provider } from './provider.ts'
import type { PaymentsPlatform as Platform } from './service.ts'

/** An order has a few cards and a renewal a week: a number beyond this was made up, and a loop up to it would not end. */
const MAX_VOIDED_NUMBERS = 100

type OfOrder = Envelope<string, { orderId: string }>
type VoidRequest = Envelope<string, { orderId: string; authorization?: number }>

/** Replies also when there is nothing to void; replies once the provider has voided each authorization. */
export function voidPayment(message: VoidRequest, platform: Platform): Promise<PaymentDecision> {
  const { orderId, authorization } = message.data
  return decideOn(message, platform, ({ status }) => {
    if (status === 'voided') return { events: [voided(orderId)], commands: [] }
    // The command to itself is retried until it is answered.
    if (status === 'voiding') return noChange
    return {
      events: [{ type: 'void.begun', data: authorization === undefined ? {} : { authorization } }],
      commands: [{ type: 'VoidAuthorization', data: { orderId } }],
    }
  })
}

export function voidAuthorization(message: OfOrder, platform: Platform): Promise<PaymentDecision> {
  const { orderId } = message.data
  return ended(message, platform, (state, client) => {
    const { status, requested, voidedUpTo, authorizations } = state
    if (status !== 'voiding') return undefined
    // Also those that were not granted: one may be on its way.
    const upTo = Math.max(requested, voidedUpTo)
    const numbers = Array.from({ length: Math.min(upTo, MAX_VOIDED_NUMBERS) }, (_, index) => index + 1)
    if (upTo > 0) numbers.push(upTo)
    return {
      authorization: currentAuthorization(state),
      again: { type: 'VoidAuthorization', data: { orderId } },
      async end() {
        for (const number of new Set([...numbers, ...authorizations]))
          await client.void(authorizationKey(orderId, number))
        return { events: [voided(orderId)], commands: [] }
      },
    }
  })
}

/** Of a payment that is captured in part, which can not be voided. A capture that is still due needs its authorization. */
export function releaseUncaptured(message: OfOrder, platform: Platform): Promise<PaymentDecision> {
  const { orderId } = message.data
  return ended(message, platform, (state, client) => {
    const isOpen = Object.values(state.captures).some(({ outcome }) => outcome === 'due')
    const authorization = currentAuthorization(state)
    if (state.status !== 'authorized' || isOpen) return undefined
    // A day later a capture may be due.
    return { ...released({ orderId, authorization }, client), again: { type: 'ReleaseUncaptured', data: { orderId } } }
  })
}

/**
 * Of one that was renewed, so that the customer's bank holds the amount once from then on, or of which nothing more is to be captured.
 * A capture that had succeeded under a renewed one is found by its own handler.
 */
export function releaseAuthorization(
  message: Envelope<string, { orderId: string; authorization: number }>,
  platform: Platform,
): Promise<PaymentDecision> {
  return ended(message, platform, (_state, client) => released(message.data, client))
}

interface Ending {
  readonly authorization: number
  /** The command once more, for the report of a day without an answer. */
  readonly again: PaymentSent
  readonly end: () => Promise<PaymentDecision>
}

const released = (data: { readonly orderId: string; readonly authorization: number }, client: Provider): Ending => ({
  authorization: data.authorization,
  again: { type: 'ReleaseAuthorization', data },
  async end() {
    await client.release(authorizationKey(data.orderId, data.authorization))
    return noChange
  },
})

/** @param endingIn what is to be ended at the provider; undefined: nothing */
function ended(
  message: OfOrder,
  platform: Platform,
  endingIn: (state: PaymentState, client: Provider) => Ending | undefined,
): Promise<PaymentDecision> {
  const { orderId } = message.data
  const decided = decideWithCalls(message, platform, async (state) => {
    const ending = endingIn(state, provider(platform, message))
    if (!ending) return noChange
    const { authorization, again, end } = ending
    const data = { orderId, paymentId: paymentId(orderId), authorization }
    const overdue: PaymentDecision = { events: [{ type: 'void.overdue', data }], commands: [again] }
    const isReported = state.overdueVoids.includes(authorization)
    return untilAnswered(platform, { sinceMs: Date.parse(message.time), isReported, overdue }, end)
  })
  return alertingOperators(message, platform, decided)
}

const voided = (orderId: string): PaymentRecord => ({
  type: 'payment.voided',
  data: { orderId, paymentId: paymentId(orderId) },
})
