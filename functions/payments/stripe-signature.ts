/** Stripe's scheme of signatures: `stripe-signature: t=…,v1=…`, an HMAC over time and body by a shared secret, verified by its own client. */

import { Refused } from '../../shared/base/errors.ts'
import { once } from '../../shared/base/once.ts'
import type { EdgePlatform } from '../../shared/service/edge-code.ts'
import type { SignatureCheck } from '../../shared/service/public-api.ts'
import { paymentProviderApi } from '../shop/fields.ts'
import type { paymentsApi } from './api.ts'

/** Stripe signs each attempt anew, so an older signature was copied from an earlier request. */
const TOLERANCE_SECONDS = 300
const MAX_SIGNATURE_CHARACTERS = 1_024

const load = once(() => import('stripe'))

/**
 * The returned function checks the form of the header, and that its time is neither too old nor in the future, before the body is
 * read. It returns the check of the body, which compares the HMAC.
 */
export function stripeCheck(
  platform: Pick<EdgePlatform<typeof paymentsApi>, 'secret' | 'setting' | 'now'>,
): SignatureCheck {
  return async (c) => {
    if (platform.setting(paymentProviderApi).kind !== 'stripe')
      throw new Refused('signature-invalid', 'Stripe is not the payment provider here.')
    const header = c.req.header('stripe-signature') ?? ''
    const [, time] = /(?:^|,)t=(\d{1,12})(?:,|$)/.exec(header) ?? []
    if (time === undefined || !header.includes('v1=') || header.length > MAX_SIGNATURE_CHARACTERS)
      throw new Refused(
        'signature-invalid',
        `The header stripe-signature is missing, has no t= and v1=, or is longer than ${MAX_SIGNATURE_CHARACTERS} characters.`,
      )
    const nowSeconds = Math.floor(platform.now() / 1_000)
    if (Math.abs(nowSeconds - Number(time)) > TOLERANCE_SECONDS)
      throw new Refused(
        'signature-invalid',
        `The signature is more than ${TOLERANCE_SECONDS} s old, or its time is in the future.`,
      )
    const { default: Stripe } = await load()
    return (body) => {
      try {
        Stripe.webhooks.signature!.verifyHeader(
          body,
          header,
          platform.secret('payment-webhook-key'),
          TOLERANCE_SECONDS,
          undefined,
          nowSeconds * 1_000,
        )
      } catch (error) {
        if (!(error instanceof Stripe.errors.StripeSignatureVerificationError)) throw error
        throw new Refused('signature-invalid', 'The signature was made for another body, or with another key.')
      }
    }
  }
}
