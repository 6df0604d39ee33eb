/** Voids a payment: recorded before the provider is called, so that a late authorization can't overtake it. Or releases the rest of one. */

import type { Envelope } from '../../shared/contracts/envelope.ts'
import { noChange } from '../../shared/service/platform.ts'
import { decideOn, decideWithCalls, type PaymentDecision } from './decide.ts'
import { authorizationKey, currentAuthorization, paymentId, type PaymentRecord } from './payment.ts'
import { provider } from './provider.ts'
import type { PaymentsPlatform as Platform } from './service.ts'

/** An order has a few cards and a renewal a week: a number beyond this was made up, and a loop up to it would not end. */
const MAX_VOIDED_NUMBERS = 100

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

export function voidAuthorization(
  message: Envelope<string, { orderId: string }>,
  platform: Platform,
): Promise<PaymentDecision> {
  const { orderId } = message.data
  return decideWithCalls(message, platform, async ({ status, requested, voidedUpTo, authorizations }) => {
    if (status !== 'voiding') return noChange
    const client = provider(platform, message)
    // Also those that were not granted: one may be on its way.
    const upTo = Math.max(requested, voidedUpTo)
    const numbers = Array.from({ length: Math.min(upTo, MAX_VOIDED_NUMBERS) }, (_, index) => index + 1)
    if (upTo > 0) numbers.push(upTo)
    for (const number of new Set([...numbers, ...authorizations])) await client.void(authorizationKey(orderId, number))
    return { events: [voided(orderId)], commands: [] }
  })
}

/** Of a payment that is captured in part, which can not be voided. A capture that is still due needs its authorization. */
export function releaseUncaptured(
  message: Envelope<string, { orderId: string }>,
  platform: Platform,
): Promise<PaymentDecision> {
  const { orderId } = message.data
  return decideWithCalls(message, platform, async (state) => {
    const isOpen = Object.values(state.captures).some(({ outcome }) => outcome === 'due')
    if (state.status === 'authorized' && !isOpen)
      await provider(platform, message).release(authorizationKey(orderId, currentAuthorization(state)))
    return noChange
  })
}

const voided = (orderId: string): PaymentRecord => ({
  type: 'payment.voided',
  data: { orderId, paymentId: paymentId(orderId) },
})
