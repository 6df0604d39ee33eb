/**
 * Stripe's PaymentIntents as the payment provider. An authorization is a payment intent that is captured by hand. It is
 * created before it is confirmed, and its id is stored in between: money is touched only for an intent that is found again
 * by our key, so that no answer which was lost leaves an authorization behind.
 */

import type Stripe from 'stripe'
import { Unavailable } from '../../shared/base/errors.ts'
import { hashOf } from '../../shared/base/ids.ts'
import { isRefused, stripeAnswer, stripeClient, type StripeRefusal } from '../shop/stripe.ts'
import { documentPath } from '../../shared/service/document-path.ts'
import { digitsOf, paymentProviderUrl, type StripeApi } from '../shop/fields.ts'
import {
  type Authorization,
  type Capture,
  type MadeRefund,
  MULTICAPTURE_UNAVAILABLE,
  type Provider,
  type RefundAnswer,
  type ReportedDispute,
} from './provider-port.ts'
import type { payments, PaymentsPlatform } from './service.ts'

const REFUSED = [400, 402]
const NOT_FOUND = 404
/** Where Stripe says no end of an authorization: it gives up after seven days. */
const VALID_FOR_SECONDS = 7 * 24 * 3_600
const REFUNDS_PER_PAGE = 100
/** Of a key in the metadata, whose keys have 40 characters at most. */
const HASH_CHARACTERS = 32
const CAPTURE_PREFIX = 'capture_'
/** Why the platform ends an authorization: Stripe keeps it, so that a release differs from a void, also from one by hand. */
export const RELEASED = 'abandoned'
const VOIDED = 'requested_by_customer'

/**
 * Stripe counts ISK and UGX in hundredths that must be zero, MGA in whole ariary, and takes no last digit of three:
 * https://docs.stripe.com/currencies#special-cases. An amount of another unit would be wrong by a factor of a hundred, or
 * refused when its parcel has left.
 */
const OTHER_UNITS: readonly string[] = ['ISK', 'MGA', 'UGX']
const hasOurUnit = (currency: string): boolean => digitsOf(currency) <= 2 && !OTHER_UNITS.includes(currency)

const withCharge = { expand: ['latest_charge'] }
const pathOf = (key: string) => documentPath<typeof payments>('intents', key)
const captureField = (key: string): string => `${CAPTURE_PREFIX}${hashOf(key).slice(0, HASH_CHARACTERS)}`

type Declined = Extract<Authorization, { readonly status: 'declined' }>
type AuthorizationRequest = Parameters<Provider['authorize']>[1]

/** The content of a key's document. */
const standing = ({ id, declined = 'voided' }: Readonly<Record<string, unknown>>): string | Declined =>
  typeof id === 'string' ? id : { status: 'declined', code: String(declined) }

export function stripeProvider(platform: PaymentsPlatform, { returnUrl }: Pick<StripeApi, 'returnUrl'>): Provider {
  const client = (name: string): Promise<Stripe> =>
    stripeClient(platform, {
      url: platform.setting(paymentProviderUrl),
      secret: 'payment-provider-key',
      operation: `payment-provider.${name}`,
    })

  /** The intent's id, or the decline that its key has for ever: it is voided, say; undefined: nothing was asked under it. */
  const idOf = async (key: string): Promise<string | Declined | undefined> => {
    const known = await platform.documents.get(pathOf(key))
    return known && standing(known)
  }
  const read = async (id: string): Promise<Stripe.PaymentIntent> => {
    const stripe = await client('find')
    return (await stripeAnswer(() => stripe.paymentIntents.retrieve(id, withCharge))) as Stripe.PaymentIntent
  }
  /** @throws Error for a key under which nothing was authorized: a bug of the caller. */
  const existing = async (key: string): Promise<Stripe.PaymentIntent> => {
    const id = await idOf(key)
    if (typeof id !== 'string') throw new Error(`Nothing was authorized under the key ${key}.`)
    return read(id)
  }
  /** An intent that waits for its confirmation; or why there can be none. */
  const made = async (
    stripe: Stripe,
    key: string,
    { amountMinor, currency, paymentMethodRef, customer, reference }: AuthorizationRequest,
  ): Promise<{ readonly id: string } | { readonly declined: string }> => {
    if (!hasOurUnit(currency)) return { declined: 'currency-not-supported' }
    const owner = await ownerOf(stripe, paymentMethodRef)
    if (isRefused(owner)) return { declined: codeOf(owner.refused) }
    if (owner.customer === null) return { declined: 'payment-method-detached' }
    if (customer !== undefined && owner.metadata?.['customer'] !== customer)
      return { declined: 'payment-method-of-another-customer' }
    const created = await stripeAnswer(
      () =>
        stripe.paymentIntents.create(
          {
            amount: amountMinor,
            currency: currency.toLowerCase(),
            payment_method: paymentMethodRef,
            capture_method: 'manual',
            payment_method_options: { card: { request_multicapture: 'if_available' } },
            metadata: { key, reference },
            ...(typeof owner.customer === 'string' ? { customer: owner.customer } : {}),
          },
          { idempotencyKey: `${key}:create` },
        ),
      REFUSED,
    )
    return isRefused(created) ? { declined: codeOf(created.refused) } : { id: created.id }
  }
  /**
   * A decline is kept as well: Stripe does not repeat it, since it was not asked under the key, and would take the payment method of
   * a repetition once it is attached. What came first counts: a void leaves the intent unconfirmed.
   */
  const begun = async (stripe: Stripe, key: string, request: AuthorizationRequest): Promise<string | Declined> => {
    const fields = await made(stripe, key, request)
    return (await platform.documents.create(pathOf(key), fields)) ? standing(fields) : (await idOf(key))!
  }
  const cancelled = async (id: string, key: string, reason: typeof RELEASED | typeof VOIDED): Promise<void> => {
    const stripe = await client('cancel')
    const options = { idempotencyKey: `${key}:cancel:${reason}` }
    // A cancelled or captured intent refuses it: then there is nothing to release.
    await stripeAnswer(() => stripe.paymentIntents.cancel(id, { cancellation_reason: reason }, options), REFUSED)
  }
  const refundsOf = async (id: string): Promise<MadeRefund[]> => {
    const stripe = await client('refunds')
    const made: Stripe.Refund[] = []
    for (;;) {
      const last = made.at(-1)
      const page = await stripeAnswer(() =>
        stripe.refunds.list({
          payment_intent: id,
          limit: REFUNDS_PER_PAGE,
          ...(last ? { starting_after: last.id } : {}),
        }),
      )
      const { data, has_more: hasMore } = page as Stripe.ApiList<Stripe.Refund>
      made.push(...data)
      if (!hasMore || data.length === 0) return made.map(madeRefund)
    }
  }

  return {
    async find(key) {
      const id = await idOf(key)
      if (typeof id !== 'string') return id
      const intent = await read(id)
      // It was created, and nothing was asked of the bank.
      return intent.status === 'requires_confirmation' ? undefined : authorizationOf(intent)
    },

    async authorize(key, request) {
      const stripe = await client('authorize')
      const id = (await idOf(key)) ?? (await begun(stripe, key, request))
      if (typeof id !== 'string') return id
      const confirmed = await stripeAnswer(
        () => stripe.paymentIntents.confirm(id, { return_url: returnUrl, ...withCharge }, { idempotencyKey: key }),
        REFUSED,
      )
      if (!isRefused(confirmed)) return authorizationOf(confirmed)
      // A confirmation whose answer was lost a day ago is refused now: the intent says how it ended.
      if (confirmed.refused.code === 'payment_intent_unexpected_state') return authorizationOf(await read(id))
      return declinedBy(confirmed.refused)
    },

    async capture(authorizationKey, key, { amountMinor, final }) {
      const intent = await existing(authorizationKey)
      if (intent.metadata[captureField(key)] !== undefined) return captured(intent, key)
      if (!final && multicapture(intent) !== 'available') return { status: 'failed', code: MULTICAPTURE_UNAVAILABLE }
      const stripe = await client('capture')
      const answer = await stripeAnswer(
        () =>
          stripe.paymentIntents.capture(
            intent.id,
            {
              amount_to_capture: amountMinor,
              ...(final ? {} : { final_capture: false }),
              // In the same request: it tells later whether this capture was made.
              metadata: { [captureField(key)]: key },
            },
            { idempotencyKey: key },
          ),
        REFUSED,
      )
      return isRefused(answer) ? { status: 'failed', code: codeOf(answer.refused) } : captured(answer, key)
    },

    async release(authorizationKey) {
      const { id } = await existing(authorizationKey)
      await cancelled(id, authorizationKey, RELEASED)
      const intent = await read(id)
      return capturesOf(intent).map((key) => ({ key, captureId: captureIdOf(intent, key) }))
    },

    async refund(authorizationKey, key, { amountMinor }): Promise<RefundAnswer> {
      const { id, metadata } = await existing(authorizationKey)
      const before = (await refundsOf(id)).find((one) => one.key === key)
      if (before) return before
      const stripe = await client('refund')
      const answer = await stripeAnswer(
        () =>
          stripe.refunds.create(
            { payment_intent: id, amount: amountMinor, metadata: { key, reference: metadata['reference'] ?? '' } },
            { idempotencyKey: key },
          ),
        REFUSED,
      )
      return isRefused(answer) ? { status: 'failed', code: codeOf(answer.refused) } : refundAnswer(answer)
    },

    async refunds(authorizationKey) {
      const id = await idOf(authorizationKey)
      return typeof id === 'string' ? refundsOf(id) : []
    },

    async orderOfRefund(providerRefundId) {
      const stripe = await client('refunds')
      const found = await stripeAnswer(
        () => stripe.refunds.retrieve(providerRefundId, { expand: ['payment_intent'] }),
        [NOT_FOUND],
      )
      return isRefused(found) ? undefined : intentMetadata(found)['reference']
    },

    async dispute(disputeId) {
      const stripe = await client('dispute')
      const found = await stripeAnswer(
        () => stripe.disputes.retrieve(disputeId, { expand: ['payment_intent'] }),
        [NOT_FOUND],
      )
      return isRefused(found) ? undefined : reportedDispute(found)
    },

    async void(authorizationKey) {
      // From now on no intent comes to be under this key.
      await platform.documents.create(pathOf(authorizationKey), { voided: true })
      const id = await idOf(authorizationKey)
      if (typeof id !== 'string') return
      await cancelled(id, authorizationKey, VOIDED)
      const { amount_received: capturedMinor } = await read(id)
      const refundedMinor = (await refundsOf(id)).reduce(
        (sum, { status, amountMinor }) => (status === 'failed' ? sum : sum + amountMinor),
        0,
      )
      if (capturedMinor > refundedMinor)
        throw new Unavailable(
          `${capturedMinor - refundedMinor} were captured under ${authorizationKey} and can not be voided: refund them at the payment provider.`,
        )
    },
  }
}

const ownerOf = (stripe: Stripe, paymentMethod: string) =>
  stripeAnswer(() => stripe.paymentMethods.retrieve(paymentMethod), [400, 404])

/** The bank keeps the card: another attempt with it is one of a thief. */
const STOLEN = ['lost_card', 'stolen_card', 'pickup_card', 'fraudulent']

/** A code of Stripe's as the platform spells them. */
function wordOf(code: string): string {
  if (STOLEN.includes(code)) return 'card-stolen'
  if (code === 'issuer_not_available') return 'issuer-unavailable'
  return spelled(code)
}

const spelled = (code: string): string => code.replaceAll('_', '-').toLowerCase()
const codeOf = ({ code, declineCode }: StripeRefusal): string => wordOf(declineCode ?? code)
const declinedBy = (refusal: StripeRefusal): Authorization => ({ status: 'declined', code: codeOf(refusal) })

function authorizationOf(intent: Stripe.PaymentIntent): Authorization {
  switch (intent.status) {
    case 'requires_capture':
    case 'succeeded':
      return { status: 'authorized', expiresAt: expiryOf(intent) }
    case 'requires_action': {
      const url = intent.next_action?.redirect_to_url?.url
      return { status: 'action-required', actionUrlRef: intent.id, ...(url ? { actionUrl: url } : {}) }
    }
    case 'canceled':
      // It may have been captured in part before: those captures count.
      return intent.amount_received > 0
        ? { status: 'authorized', expiresAt: expiryOf(intent) }
        : { status: 'declined', code: 'voided' }
    case 'requires_payment_method': {
      const { decline_code: declineCode, code } = intent.last_payment_error ?? {}
      return { status: 'declined', code: wordOf(declineCode ?? code ?? 'card_declined') }
    }
    case 'processing':
    case 'requires_confirmation':
    default:
      throw new Unavailable(`The payment intent ${intent.id} is ${intent.status}: its outcome is not known yet.`)
  }
}

export const chargeOf = ({ latest_charge: charge }: Stripe.PaymentIntent): Stripe.Charge | undefined =>
  typeof charge === 'object' && charge !== null ? charge : undefined

function expiryOf(intent: Stripe.PaymentIntent): string {
  const before = chargeOf(intent)?.payment_method_details?.card?.capture_before
  return new Date((before ?? intent.created + VALID_FOR_SECONDS) * 1000).toISOString()
}

const multicapture = (intent: Stripe.PaymentIntent): string =>
  chargeOf(intent)?.payment_method_details?.card?.multicapture?.status ?? 'unavailable'

/** Our keys of the captures that were made. */
const capturesOf = ({ metadata }: Stripe.PaymentIntent): string[] =>
  Object.entries(metadata).flatMap(([field, key]) => (field.startsWith(CAPTURE_PREFIX) ? [key] : []))

/** Several captures have one charge. */
function captureIdOf(intent: Stripe.PaymentIntent, key: string): string {
  const { latest_charge: charge } = intent
  return `${typeof charge === 'string' ? charge : (charge?.id ?? intent.id)}:${hashOf(key).slice(0, 12)}`
}
const captured = (intent: Stripe.PaymentIntent, key: string): Capture => ({
  status: 'captured',
  captureId: captureIdOf(intent, key),
})

function refundAnswer({ status, failure_reason: reason }: Stripe.Refund): RefundAnswer {
  if (status === 'failed' || status === 'canceled') return { status: 'failed', code: wordOf(reason ?? status) }
  return { status: status === 'succeeded' ? 'succeeded' : 'pending' }
}

const madeRefund = (refund: Stripe.Refund): MadeRefund => ({
  ...refundAnswer(refund),
  key: refund.metadata?.['key'] ?? refund.id,
  providerRefundId: refund.id,
  amountMinor: refund.amount,
})

/** The metadata of the payment intent, which is expanded. */
const intentMetadata = ({ payment_intent: intent }: Pick<Stripe.Refund, 'payment_intent'>): Stripe.Metadata =>
  typeof intent === 'object' && intent !== null ? intent.metadata : {}

/** Undefined: it is about a payment of another shop of the account. */
function reportedDispute(dispute: Stripe.Dispute): ReportedDispute | undefined {
  const { amount, reason, status, evidence_details: evidence } = dispute
  const { key, reference: orderId } = intentMetadata(dispute)
  if (!key || !orderId) return undefined
  return {
    orderId,
    authorizationKey: key,
    amountMinor: amount,
    reason: spelled(reason),
    status: disputeStatus(status),
    ...(evidence.due_by === null ? {} : { evidenceDueBy: new Date(evidence.due_by * 1_000).toISOString() }),
  }
}

/** For a warning the bank asks, and takes no money; one that was prevented took none. */
export function disputeStatus(status: Stripe.Dispute.Status): ReportedDispute['status'] {
  if (status === 'won') return 'won'
  if (status === 'lost') return 'lost'
  return status.startsWith('warning_') || status === 'prevented' ? 'inquiry' : 'open'
}
