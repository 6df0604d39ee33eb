/** How handlers decide: on the payment of the order that the message names. */

import type { Envelope } from '../../shared/contracts/envelope.ts'
import type { Decision, NewStream } from '../../shared/service/platform.ts'
import { isRenewalNeeded } from './amounts.ts'
import {
  awaitedRenewal,
  evolve,
  paymentIn,
  type PaymentRecord,
  type PaymentSent,
  type PaymentState,
} from './payment.ts'
import type { PaymentsPlatform as Platform } from './service.ts'

export type PaymentDecision = Decision<PaymentRecord, PaymentSent>

type OfOrder = Envelope<string, { readonly orderId: string }>

/**
 * A renewal for which the customer has to act, and which this decision makes needless, is ended: what they would approve later
 * would be held for nothing.
 */
function withEndOfRenewal(orderId: string, before: PaymentState, decision: PaymentDecision): PaymentDecision {
  const authorization = awaitedRenewal(before)
  if (authorization === undefined || decision.events.length === 0) return decision
  const after = decision.events.reduce(evolve, before)
  if (awaitedRenewal(after) !== authorization || isRenewalNeeded(after, authorization)) return decision
  return { ...decision, commands: [...decision.commands, { type: 'MakeRenewal', data: { orderId, authorization } }] }
}

/** By the rules alone. */
export const decideOn = (
  message: OfOrder,
  platform: Platform,
  decide: (state: PaymentState) => PaymentDecision,
): Promise<PaymentDecision> =>
  platform.streams.handle<PaymentRecord, PaymentSent>(message, message.data.orderId, ({ events }) => {
    const state = paymentIn(events)
    return withEndOfRenewal(message.data.orderId, state, decide(state))
  })

/** After calls of the provider, each under a key, so that a repeated one changes nothing more. */
export const decideWithCalls = (
  message: OfOrder,
  platform: Platform,
  decide: (state: PaymentState) => Promise<PaymentDecision>,
  stream: string | NewStream = message.data.orderId,
): Promise<PaymentDecision> =>
  platform.streams.handleWithCalls<PaymentRecord, PaymentSent>(message, stream, async ({ events }) => {
    const state = paymentIn(events)
    return withEndOfRenewal(message.data.orderId, state, await decide(state))
  })
