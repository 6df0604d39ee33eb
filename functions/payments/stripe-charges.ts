/** Stripe's list of payment intents as charges, the newest first. An intent without our reference is a payment of another shop of the account. */

import type Stripe from 'stripe'
import { stripeAnswer, stripeClient } from '../shop/stripe.ts'
import { paymentProviderUrl } from '../shop/fields.ts'
import type { ListCharges, ListedCharge } from './provider-port.ts'
import type { PaymentsPlatform } from './service.ts'
import { chargeOf, disputeStatus, RELEASED } from './stripe-provider.ts'

const INTENTS_PER_PAGE = 100
const DISPUTES_PER_PAGE = 100

export const stripeCharges =
  (platform: PaymentsPlatform): ListCharges =>
  async (after) => {
    const stripe = await stripeClient(platform, {
      url: platform.setting(paymentProviderUrl),
      secret: 'payment-provider-key',
      operation: 'payment-provider.list',
    })
    const page = await stripeAnswer(() =>
      stripe.paymentIntents.list({
        limit: INTENTS_PER_PAGE,
        expand: ['data.latest_charge'],
        ...(after === undefined ? {} : { starting_after: after }),
      }),
    )
    const { data, has_more: hasMore } = page as Stripe.ApiList<Stripe.PaymentIntent>
    const last = data.at(-1)
    const charges: ListedCharge[] = []
    for (const intent of data) {
      const listed = listedCharge(intent)
      // Few are disputed: each costs a request.
      if (listed)
        charges.push(
          chargeOf(intent)?.disputed ? { ...listed, disputedMinor: await disputedUnder(stripe, intent.id) } : listed,
        )
    }
    return {
      charges,
      ...(hasMore && last ? { next: last.id } : {}),
    }
  }

/** Of an intent; a charge has few disputes, one for each time that its customer's bank took money back. */
async function disputedUnder(stripe: Stripe, intent: string): Promise<number> {
  let disputedMinor = 0
  const disputes = await stripeAnswer(() => stripe.disputes.list({ payment_intent: intent, limit: DISPUTES_PER_PAGE }))
  for (const { status, amount } of (disputes as Stripe.ApiList<Stripe.Dispute>).data)
    if (['open', 'lost'].includes(disputeStatus(status))) disputedMinor += amount
  return disputedMinor
}

/** Undefined for an intent of which nothing was asked of the bank, and for one that is of no order here. */
function listedCharge(intent: Stripe.PaymentIntent): ListedCharge | undefined {
  const { id, metadata, amount, currency, amount_received: capturedMinor, amount_capturable: heldMinor } = intent
  const orderId = metadata['reference']
  const state = stateOf(intent)
  if (!orderId || state === undefined) return undefined
  return {
    chargeId: id,
    authorizationKey: metadata['key'] || id,
    orderId,
    state,
    amountMinor: amount,
    currency: currency.toUpperCase(),
    capturedMinor,
    heldMinor,
    refundedMinor: chargeOf(intent)?.amount_refunded ?? 0,
    disputedMinor: 0,
  }
}

function stateOf(intent: Stripe.PaymentIntent): ListedCharge['state'] | undefined {
  switch (intent.status) {
    case 'requires_capture':
    case 'succeeded':
      return 'authorized'
    case 'requires_action':
    case 'processing':
      return 'action-required'
    case 'requires_payment_method':
      return 'declined'
    case 'canceled':
      if (intent.cancellation_reason === 'automatic') return 'expired'
      return intent.cancellation_reason === RELEASED || intent.amount_received > 0 ? 'released' : 'voided'
    case 'requires_confirmation':
    default:
      return undefined
  }
}
