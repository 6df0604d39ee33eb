/** How handlers decide: on the payment of the order that the message names. */

import type { Envelope } from '../../shared/contracts/envelope.ts'
import type { Decision } from '../../shared/service/platform.ts'
import { paymentIn, type PaymentRecord, type PaymentSent, type PaymentState } from './payment.ts'
import type { PaymentsPlatform as Platform } from './service.ts'

export type PaymentDecision = Decision<PaymentRecord, PaymentSent>

type OfOrder = Envelope<string, { readonly orderId: string }>

/** By the rules alone. */
export const decideOn = (
  message: OfOrder,
  platform: Platform,
  decide: (state: PaymentState) => PaymentDecision,
): Promise<PaymentDecision> =>
  platform.streams.handle<PaymentRecord, PaymentSent>(message, message.data.orderId, ({ events }) =>
    decide(paymentIn(events)),
  )

/** After calls of the provider, each under a key, so that a repeated one changes nothing more. */
export const decideWithCalls = (
  message: OfOrder,
  platform: Platform,
  decide: (state: PaymentState) => Promise<PaymentDecision>,
): Promise<PaymentDecision> =>
  platform.streams.handleWithCalls<PaymentRecord, PaymentSent>(message, message.data.orderId, ({ events }) =>
    decide(paymentIn(events)),
  )
