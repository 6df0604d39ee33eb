/** The texts that customers receive. */

export type Notified =
  | 'order.placed'
  | 'order.rejected'
  | 'order.expired'
  | 'order.confirmed'
  | 'order.completed'
  | 'shipment.dispatched'

interface Facts {
  readonly orderId: string
  readonly reason?: string
  readonly promisedBy?: string
  readonly trackingRef?: string
}

export function textFor(type: Notified, { orderId, reason, promisedBy, trackingRef }: Facts): string {
  switch (type) {
    case 'order.placed':
      return `Thank you: we have your order ${orderId}.`
    case 'order.rejected':
      return `We are sorry: your order ${orderId} could not be taken (${reason}). Nothing was charged.`
    case 'order.expired':
      return `Your order ${orderId} has expired (${reason}). Nothing was charged.`
    case 'order.confirmed':
      return `Your order ${orderId} is confirmed; it will be with you by ${promisedBy?.slice(0, 10)}.`
    case 'shipment.dispatched':
      return `A parcel of your order ${orderId} is on its way: ${trackingRef}.`
    case 'order.completed':
      return `Your order ${orderId} is complete. We hope to see you again.`
  }
}
