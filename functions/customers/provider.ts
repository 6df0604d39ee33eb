/** The payment methods at the payment provider: each is bound to one customer there before its reference is stored here. */

import { Refused } from '../../shared/base/errors.ts'
import { reference } from '../../shared/base/fields.ts'
import { paymentProviderApi, paymentProviderUrl } from '../shop/fields.ts'
import { shopCodes } from '../shop/errors.ts'
import { cardDetails } from './contracts.ts'
import type { PaymentMethod } from './vault.ts'
import type { CustomersPlatform as Platform } from './service.ts'
import { attachAtStripe, detachAtStripe } from './stripe-methods.ts'

const attached = cardDetails.extend({ paymentMethodRef: reference })
const token = { secret: 'payment-provider-key' } as const
/** Unknown to the provider, bound to another customer, or malformed: clients get the same answer for all three. */
const REFUSED = [404, 409, 422]

/**
 * Binds the card behind a token to a customer; the same token of the same customer again is the same payment method.
 * @throws Refused when the provider refuses; Unavailable when it can't be asked.
 */
export async function attach(
  platform: Platform,
  request: { readonly customer: string; readonly token: string; readonly key: string },
): Promise<{ readonly ref: string; readonly method: PaymentMethod }> {
  if (platform.setting(paymentProviderApi).kind === 'stripe') return attachAtStripe(platform, request)
  const { customer, key } = request
  const response = await platform.callExternal(`${platform.setting(paymentProviderUrl)}/v1/payment-methods`, {
    method: 'POST',
    operation: 'payment-provider.attach',
    body: { token: request.token, customer },
    idempotencyKey: `${customer}:attach:${key}`,
    accept: REFUSED,
    token,
  })
  if (!response.ok) {
    throw new Refused(
      shopCodes['payment-method-refused'],
      'token: the payment provider does not take it for this customer.',
    )
  }
  const { paymentMethodRef, ...method } = attached.parse(await response.json())
  return { ref: paymentMethodRef, method }
}

/** Nothing can be authorized with it from now on. A repeat, or a detach of a method that never was attached, changes nothing. */
export async function detach(platform: Platform, customer: string, ref: string): Promise<void> {
  if (platform.setting(paymentProviderApi).kind === 'stripe') return detachAtStripe(platform, customer, ref)
  const url = `${platform.setting(paymentProviderUrl)}/v1/payment-methods/${encodeURIComponent(ref)}/detach`
  await platform.callExternal(url, {
    method: 'POST',
    operation: 'payment-provider.detach',
    body: { customer },
    idempotencyKey: `${customer}:detach:${ref}`,
    accept: REFUSED,
    token,
  })
}
