/** Cards behind tokens: which customer each is bound to, and how the test cards behave. */

import { createHash } from 'node:crypto'
import type { Journal } from 'local-google-cloud/host'
import { PartnerRefusal } from '../../../../emulators/partner-server.ts'
import type { RefundBehaviour } from './refunds.ts'

/** How captures go: `delayed` is refused twice for a transient reason, `single` unless it is the final one. */
export type CaptureBehaviour = 'succeeded' | 'delayed' | 'refused' | 'single'
export type Behaviour = 'authorized' | 'declined' | 'action-required'

interface Card {
  readonly behaviour: Behaviour
  readonly brand: string
  readonly last4: string
  readonly expiryMonth: number
  readonly expiryYear: number
}

export interface PaymentMethod extends Card {
  readonly paymentMethodRef: string
  readonly token: string
  readonly customer: string
  readonly detached: boolean
}

const expiry = { expiryMonth: 12, expiryYear: 2034 }
/** Tokens that every customer may attach, as providers offer them for tests: each makes a payment method of its own. */
const testCards: Readonly<Record<string, Card>> = {
  'card-ok': { behaviour: 'authorized', brand: 'visa', last4: '4242', ...expiry },
  'card-declined': { behaviour: 'declined', brand: 'visa', last4: '0002', ...expiry },
  'card-stolen': { behaviour: 'declined', brand: 'visa', last4: '9979', ...expiry },
  'card-issuer-unavailable': { behaviour: 'declined', brand: 'visa', last4: '0127', ...expiry },
  'card-action-required': { behaviour: 'action-required', brand: 'mastercard', last4: '3184', ...expiry },
  'card-ends-soon': { behaviour: 'authorized', brand: 'visa', last4: '6011', ...expiry },
  'card-lapses': { behaviour: 'authorized', brand: 'visa', last4: '6029', ...expiry },
  'card-renewal-refused': { behaviour: 'authorized', brand: 'visa', last4: '3055', ...expiry },
  'card-capture-delayed': { behaviour: 'authorized', brand: 'visa', last4: '0119', ...expiry },
  'card-capture-refused': { behaviour: 'authorized', brand: 'visa', last4: '0069', ...expiry },
  'card-captured-once': { behaviour: 'authorized', brand: 'visa', last4: '1117', ...expiry },
  'card-refund-pending': { behaviour: 'authorized', brand: 'visa', last4: '7726', ...expiry },
  'card-refund-fails': { behaviour: 'authorized', brand: 'visa', last4: '3220', ...expiry },
  'card-refund-fails-later': { behaviour: 'authorized', brand: 'visa', last4: '5127', ...expiry },
  'card-refund-returned': { behaviour: 'authorized', brand: 'visa', last4: '5126', ...expiry },
  'card-disputed': { behaviour: 'authorized', brand: 'visa', last4: '0259', ...expiry },
}

/** Every one of these tokens. */
export const testTokens: readonly string[] = Object.keys(testCards)

/** How refunds to some cards go; to all others they succeed at once. */
const refundBehaviours: Readonly<Record<string, RefundBehaviour>> = {
  'card-refund-pending': 'pending',
  'card-refund-fails': 'failed',
  'card-refund-fails-later': 'pending-fails',
  'card-refund-returned': 'returned',
}

/** Why cards that are declined are; all others as `card-declined`. */
const declineCodes: Readonly<Record<string, string>> = {
  'card-stolen': 'card-stolen',
  'card-issuer-unavailable': 'issuer-unavailable',
}

const captureBehaviours: Readonly<Record<string, CaptureBehaviour>> = {
  'card-capture-delayed': 'delayed',
  'card-capture-refused': 'refused',
  'card-captured-once': 'single',
}

const HOUR_MS = 3_600_000
const VALID_FOR_MS = 7 * 24 * HOUR_MS
/** Merchants renew a day or two before the end: so a person sees it within seconds. */
const ENDS_SOON_MS = 31 * HOUR_MS + 10_000

const endSoon: readonly string[] = ['card-ends-soon', 'card-lapses']
const notRenewable: readonly string[] = ['card-renewal-refused', 'card-lapses']

/** Why a payment method can not be charged; both are answers of their own, so that the merchant can tell them apart. */
export type Mismatch = 'payment-method-unknown' | 'payment-method-of-another-customer'

export interface PaymentMethods {
  /** The same token of the same customer is the same payment method. @throws PartnerRefusal for an unknown token. */
  attach(token: string, customer: string): PaymentMethod
  /** @throws PartnerRefusal when it is not this customer's. */
  detach(paymentMethodRef: string, customer: string): void
  /** How the card behaves for this customer. A test token itself may be charged without a customer, once per payment. */
  behaviourFor(paymentMethodRef: string, customer: string | undefined): Behaviour | Mismatch
  /** Why a card that is declined is. */
  declineCodeOf(paymentMethodRef: string): string
  /** How long an authorization is valid. */
  validForMs(paymentMethodRef: string, about: { readonly isFirst: boolean }): number
  /** False: only the first authorization of each payment is granted. */
  isRenewable(paymentMethodRef: string): boolean
  captureBehaviourFor(paymentMethodRef: string): CaptureBehaviour
  /** Its customer has the bank take back what was captured. */
  isDisputed(paymentMethodRef: string): boolean
  /** How a refund to it goes, also after it was detached. */
  refundBehaviourFor(paymentMethodRef: string): RefundBehaviour
}

export function openPaymentMethods(journal: Journal): PaymentMethods {
  const methods = journal.table<PaymentMethod>('payment-methods')
  const tokenOf = (paymentMethodRef: string): string => methods.get(paymentMethodRef)?.token ?? paymentMethodRef
  const cardOf = (token: string): Card | undefined => (Object.hasOwn(testCards, token) ? testCards[token] : undefined)

  return {
    attach(token, customer) {
      const card = cardOf(token)
      if (!card) throw new PartnerRefusal(404, 'token-unknown', `There is no such token: try ${testTokens.join(', ')}.`)
      for (let attachment = 1; ; attachment++) {
        const paymentMethodRef = nameOf(token, customer, attachment)
        const known = methods.get(paymentMethodRef)
        if (known?.detached) continue
        const method = known ?? { ...card, paymentMethodRef, token, customer, detached: false }
        if (!known) methods.set(paymentMethodRef, method)
        return method
      }
    },
    detach(paymentMethodRef, customer) {
      const known = methods.get(paymentMethodRef)
      if (known?.customer !== customer)
        throw new PartnerRefusal(404, 'payment-method-unknown', 'This customer has no such payment method.')
      if (!known.detached) methods.set(paymentMethodRef, { ...known, detached: true })
    },
    declineCodeOf: (paymentMethodRef) => declineCodes[tokenOf(paymentMethodRef)] ?? 'card-declined',
    validForMs: (paymentMethodRef, { isFirst }) =>
      isFirst && endSoon.includes(tokenOf(paymentMethodRef)) ? ENDS_SOON_MS : VALID_FOR_MS,
    isRenewable: (paymentMethodRef) => !notRenewable.includes(tokenOf(paymentMethodRef)),
    isDisputed: (paymentMethodRef) => tokenOf(paymentMethodRef) === 'card-disputed',
    captureBehaviourFor: (paymentMethodRef) => captureBehaviours[tokenOf(paymentMethodRef)] ?? 'succeeded',
    refundBehaviourFor: (paymentMethodRef) => refundBehaviours[tokenOf(paymentMethodRef)] ?? 'succeeded',
    behaviourFor(paymentMethodRef, customer) {
      const method = methods.get(paymentMethodRef)
      if (!method) return (customer === undefined && cardOf(paymentMethodRef)?.behaviour) || 'payment-method-unknown'
      if (method.customer !== customer) return 'payment-method-of-another-customer'
      return method.detached ? 'payment-method-unknown' : method.behaviour
    },
  }
}

const nameOf = (token: string, customer: string, attachment: number): string =>
  `pm-${createHash('sha256')
    .update(JSON.stringify([token, customer, attachment]))
    .digest('hex')
    .slice(0, 24)}`
