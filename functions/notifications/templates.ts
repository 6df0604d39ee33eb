/** The texts that customers receive. */

export type Notified =
  | 'order.placed'
  | 'order.rejected'
  | 'order.expired'
  | 'order.cancelled'
  | 'order.partly-cancelled'
  | 'order.cancel-refused'
  | 'order.confirmed'
  | 'order.completed'
  | 'shipment.dispatched'
  | 'payment.capture-failed'
  | 'refund.pending'
  | 'refund.issued'
  | 'refund.failed'

interface Facts {
  readonly orderId: string
  readonly reason?: string
  readonly promisedBy?: string
  readonly trackingRef?: string
  readonly amountMinor?: number
  readonly currency?: string
}

export function textFor(type: Notified, facts: Facts): string {
  const { orderId, reason, promisedBy, trackingRef } = facts
  switch (type) {
    case 'order.placed':
      return `Thank you: we have your order ${orderId}.`
    case 'order.rejected':
      return `We are sorry: your order ${orderId} could not be taken (${reason}). Nothing was charged.`
    case 'order.expired':
      return `Your order ${orderId} has expired (${reason}). Nothing was charged.`
    case 'order.cancelled':
      return `Your order ${orderId} is cancelled. Nothing was charged.`
    case 'order.partly-cancelled':
      return `A part of your order ${orderId} is cancelled and will not be charged; the other part has left already.`
    case 'order.cancel-refused':
      return `Your order ${orderId} can not be cancelled any more (${reason}).`
    case 'order.confirmed':
      return `Your order ${orderId} is confirmed; it will be with you by ${promisedBy?.slice(0, 10)}.`
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

/** With the digits that the currency has, such as `EUR 11.90`. */
function amountOf({ amountMinor = 0, currency = 'XXX' }: Facts): string {
  const format = new Intl.NumberFormat('en', { style: 'currency', currency, currencyDisplay: 'code' })
  const digits = format.resolvedOptions().maximumFractionDigits ?? 2
  return format.format(amountMinor / 10 ** digits).replace('\u00A0', ' ')
}
