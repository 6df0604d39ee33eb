/** The texts that customers receive, each by the event that it tells of: notifications subscribes to these events. */

import { digitsOf } from '../shop/fields.ts'

interface Facts {
  readonly orderId: string
  readonly reason?: string
  readonly code?: string
  readonly stage?: string
  readonly promisedBy?: string
  readonly trackingRef?: string
  readonly amountMinor?: number
  readonly currency?: string
  readonly until?: string
  readonly actionUrl?: string
}

const texts = {
  'order.placed': ({ orderId }) => `Thank you: we have your order ${orderId}.`,
  'order.payment-needed': paymentNeeded,
  'order.rejected': ({ orderId, reason }) =>
    `We are sorry: your order ${orderId} could not be taken (${reason}). Nothing was charged.`,
  'order.expired': ({ orderId, reason }) => `Your order ${orderId} has expired (${reason}). Nothing was charged.`,
  'order.cancelled': ({ orderId, reason }) =>
    reason === 'payment-lapsed'
      ? `Your order ${orderId} is cancelled, because we have no payment for it any more. Nothing was charged.`
      : `Your order ${orderId} is cancelled. Nothing was charged.`,
  'order.partly-cancelled': ({ orderId }) =>
    `A part of your order ${orderId} is cancelled and will not be charged; the other part has left already.`,
  'order.cancel-refused': ({ orderId, reason }) => `Your order ${orderId} can not be cancelled any more (${reason}).`,
  'order.confirmed': ({ orderId, promisedBy }) =>
    `Your order ${orderId} is confirmed; it will be with you by ${promisedBy?.slice(0, 10)}.`,
  'order.completed': ({ orderId }) => `Your order ${orderId} is complete. We hope to see you again.`,
  'shipment.failed': ({ orderId, code, stage }) =>
    stage === 'booking'
      ? `The carrier does not bring a parcel of your order ${orderId} to its address (${code}). Name another address, or cancel the order.`
      : `A parcel of your order ${orderId} could not be delivered (${code}). We will contact you about it.`,
  'shipment.delivered': ({ orderId }) => `A parcel of your order ${orderId} was delivered.`,
  'order.delayed': ({ orderId, promisedBy }) =>
    `We are sorry: your order ${orderId} is late. You were to have it by ${promisedBy?.slice(0, 10)}.`,
  'shipment.dispatched': ({ orderId, trackingRef }) =>
    `A parcel of your order ${orderId} is on its way: ${trackingRef}.`,
  'payment.capture-failed': ({ orderId }) =>
    `We could not take the payment for a parcel of your order ${orderId}. We will contact you about another way to pay.`,
  'refund.pending': (facts) =>
    `We refund ${amountOf(facts)} of your order ${facts.orderId}. Your bank may take some days.`,
  'refund.issued': (facts) => `We have refunded ${amountOf(facts)} of your order ${facts.orderId}.`,
  'refund.failed': (facts) =>
    `Our refund of ${amountOf(facts)} of your order ${facts.orderId} did not reach you. We find another way.`,
} as const satisfies Readonly<Record<string, (facts: Facts) => string>>

export type Notified = keyof typeof texts
export const notifiedEvents = Object.keys(texts) as readonly Notified[]

export const textFor = (type: Notified, facts: Facts): string => texts[type](facts)

/** The link works for the customer alone, who signs in at the bank. */
function paymentNeeded({ reason, until = '', actionUrl, ...facts }: Facts): string {
  const { orderId } = facts
  const time = `${until.slice(0, 10)} ${until.slice(11, 16)} UTC`
  if (reason !== 'action-required')
    return `The payment of ${amountOf(facts)} for your order ${orderId} was refused (${reason}). We keep the goods for you until ${time}: give another payment method for it.`
  const there = actionUrl === undefined ? "on your bank's page" : `at ${actionUrl}`
  return `Your bank wants you to approve the payment of ${amountOf(facts)} for your order ${orderId} ${there}. We keep the goods for you until ${time}.`
}

/** With the digits of ISO 4217, such as `EUR 11.90`: those of `Intl` are customary ones, fewer for sixteen currencies. */
function amountOf({ amountMinor = 0, currency = 'XXX' }: Facts): string {
  const digits = digitsOf(currency)
  const format = new Intl.NumberFormat('en', { minimumFractionDigits: digits, maximumFractionDigits: digits })
  return `${currency} ${format.format(amountMinor / 10 ** digits)}`
}
