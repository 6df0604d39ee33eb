/** The texts that customers receive. */

import { digitsOf } from '../shop/fields.ts'

export type Notified =
  | 'order.placed'
  | 'order.payment-needed'
  | 'order.rejected'
  | 'order.expired'
  | 'order.cancelled'
  | 'order.partly-cancelled'
  | 'order.cancel-refused'
  | 'order.confirmed'
  | 'order.completed'
  | 'shipment.failed'
  | 'shipment.delivered'
  | 'order.delayed'
  | 'shipment.dispatched'
  | 'payment.capture-failed'
  | 'refund.pending'
  | 'refund.issued'
  | 'refund.failed'

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

export function textFor(type: Notified, facts: Facts): string {
  const { orderId, reason, code, stage, promisedBy, trackingRef } = facts
  switch (type) {
    case 'order.placed':
      return `Thank you: we have your order ${orderId}.`
    case 'order.payment-needed':
      return paymentNeeded(facts)
    case 'order.rejected':
      return `We are sorry: your order ${orderId} could not be taken (${reason}). Nothing was charged.`
    case 'order.expired':
      return `Your order ${orderId} has expired (${reason}). Nothing was charged.`
    case 'order.cancelled':
      return reason === 'payment-lapsed'
        ? `Your order ${orderId} is cancelled, because we have no payment for it any more. Nothing was charged.`
        : `Your order ${orderId} is cancelled. Nothing was charged.`
    case 'order.partly-cancelled':
      return `A part of your order ${orderId} is cancelled and will not be charged; the other part has left already.`
    case 'order.cancel-refused':
      return `Your order ${orderId} can not be cancelled any more (${reason}).`
    case 'order.confirmed':
      return `Your order ${orderId} is confirmed; it will be with you by ${promisedBy?.slice(0, 10)}.`
    case 'shipment.failed':
      return stage === 'booking'
        ? `The carrier does not bring a parcel of your order ${orderId} to its address (${code}). Name another address, or cancel the order.`
        : `A parcel of your order ${orderId} could not be delivered (${code}). We will contact you about it.`
    case 'shipment.delivered':
      return `A parcel of your order ${orderId} was delivered.`
    case 'order.delayed':
      return `We are sorry: your order ${orderId} is late. You were to have it by ${promisedBy?.slice(0, 10)}.`
    case 'shipment.dispatched':
      return `A parcel of your order ${orderId} is on its way: ${trackingRef}.`
    case 'payment.capture-failed':
      return `We could not take the payment for a parcel of your order ${orderId}. We will contact you about another way to pay.`
    case 'refund.pending':
      return `We refund ${amountOf(facts)} of your order ${orderId}. Your bank may take some days.`
    case 'refund.issued':
      return `We have refunded ${amountOf(facts)} of your order ${orderId}.`
    case 'refund.failed':
      return `Our refund of ${amountOf(facts)} of your order ${orderId} did not reach you. We find another way.`
    case 'order.completed':
      return `Your order ${orderId} is complete. We hope to see you again.`
  }
}

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
