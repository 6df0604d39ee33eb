/**
 * Payment methods at Stripe. Each customer of the vault has one customer there, under the same pseudonym; the pseudonym stands in the
 * payment method's metadata as well, where payments reads whose it is.
 */

import type { Stripe } from 'stripe'
import { Refused } from '../../shared/base/errors.ts'
import { isRefused, stripeAnswer, stripeClient } from '../shop/stripe.ts'
import { documentPath } from '../../shared/service/document-path.ts'
import { shopCodes } from '../shop/errors.ts'
import { paymentProviderUrl } from '../shop/fields.ts'
import type { customers, CustomersPlatform } from './service.ts'
import type { PaymentMethod } from './vault.ts'

/** Unknown to Stripe, of another customer, or refused by the bank: clients get the same answer for all of them. */
const REFUSED = [400, 402, 404]

const client = (platform: CustomersPlatform, name: string): Promise<Stripe> =>
  stripeClient(platform, {
    url: platform.setting(paymentProviderUrl),
    secret: 'payment-provider-key',
    operation: `payment-provider.${name}`,
  })

const refused = (): Refused =>
  new Refused(shopCodes['payment-method-refused'], 'token: the payment provider refuses this card for this customer.')

/** @throws Refused, Unavailable */
export async function attachAtStripe(
  platform: CustomersPlatform,
  { customer, token, key }: { readonly customer: string; readonly token: string; readonly key: string },
): Promise<{ readonly ref: string; readonly method: PaymentMethod }> {
  const stripe = await client(platform, 'attach')
  const found = await expected(() => stripe.paymentMethods.retrieve(token))
  const id = await customerAtStripe(platform, stripe, customer)
  if (found.customer !== null && found.customer !== id) throw refused()
  // Without the mark, after a lost answer, the method is charged for no customer.
  if (found.customer === null)
    await expected(() =>
      stripe.paymentMethods.attach(token, { customer: id }, { idempotencyKey: `${customer}:attach:${key}` }),
    )
  if (found.metadata?.['customer'] !== customer)
    await expected(() =>
      stripe.paymentMethods.update(token, { metadata: { customer } }, { idempotencyKey: `${customer}:mark:${key}` }),
    )
  const { card } = found
  if (!card) throw refused()
  const { brand, last4, exp_month: expiryMonth, exp_year: expiryYear } = card
  return { ref: found.id, method: { brand, last4, expiryMonth, expiryYear } }
}

/** @throws Refused for an answer that refuses */
async function expected<Answer extends object>(ask: () => Promise<Answer>): Promise<Answer> {
  const answer = await stripeAnswer(ask, REFUSED)
  if (isRefused(answer)) throw refused()
  return answer
}

/** The id of Stripe's customer for this pseudonym, which is created once; a second one after a lost answer stays unused. */
async function customerAtStripe(platform: CustomersPlatform, stripe: Stripe, customer: string): Promise<string> {
  const path = documentPath<typeof customers>('holders', customer)
  const known = await platform.documents.get(path)
  if (typeof known?.['id'] === 'string') return known['id']
  const created = await stripeAnswer(() =>
    stripe.customers.create({ metadata: { customer } }, { idempotencyKey: `${customer}:customer` }),
  )
  const { id } = created as Stripe.Customer
  if (await platform.documents.create(path, { id })) return id
  return String((await platform.documents.get(path))!['id'])
}

/** Nothing can be authorized with it from now on. One of another customer, or detached before, stays as it is. */
export async function detachAtStripe(platform: CustomersPlatform, customer: string, ref: string): Promise<void> {
  const stripe = await client(platform, 'detach')
  const found = await stripeAnswer(() => stripe.paymentMethods.retrieve(ref), REFUSED)
  if (isRefused(found) || found.customer === null || found.metadata?.['customer'] !== customer) return
  await stripeAnswer(
    () => stripe.paymentMethods.detach(ref, {}, { idempotencyKey: `${customer}:detach:${ref}` }),
    REFUSED,
  )
}
