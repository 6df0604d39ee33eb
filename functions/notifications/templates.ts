/** The texts that customers receive, each by the event that it tells of: notifications subscribes to these events. */

import type { EventOf } from '../../shared/contracts/contract.ts'
import { subscriptionsFor } from '../../shared/service/subscriptions.ts'
import { ordersContracts } from '../orders/contracts.ts'
import { paymentsContracts } from '../payments/contracts.ts'
import { amountText } from '../shop/fields.ts'
import { shippingContracts } from '../shipping/contracts.ts'
import { webhooksContracts } from '../webhooks/contracts.ts'

export const texts = subscriptionsFor<string>()(
  [ordersContracts, paymentsContracts, shippingContracts, webhooksContracts],
  {
    'order.placed': ({ data: { orderId } }) => `Thank you: we have your order ${orderId}.`,
    'order.payment-needed': ({ data }) => paymentNeeded(data),
    'order.rejected': ({ data: { orderId, reason } }) =>
      `We are sorry: your order ${orderId} could not be taken (${reason}). Nothing was charged.`,
    'order.expired': ({ data: { orderId, reason } }) =>
      `Your order ${orderId} has expired (${reason}). Nothing was charged.`,
    'order.cancelled': ({ data: { orderId, reason } }) =>
      `Your order ${orderId} is cancelled${becauseOf[reason] ?? ''}. Nothing was charged.`,
    'order.partly-cancelled': ({ data: { orderId } }) =>
      `A part of your order ${orderId} is cancelled and will not be charged; the other part has left already.`,
    'order.cancel-refused': ({ data: { orderId, by, reason } }) =>
      by === 'platform'
        ? `Your order ${orderId} goes on: all of its goods have left.`
        : `Your order ${orderId} can not be cancelled any more (${reason}).`,
    'order.confirmed': ({ data: { orderId, promisedBy } }) =>
      `Your order ${orderId} is confirmed; it will be with you by ${promisedBy?.slice(0, 10)}.`,
    'order.completed': ({ data: { orderId } }) => `Your order ${orderId} is complete. We hope to see you again.`,
    'shipment.failed': ({ data: { orderId, code, stage } }) =>
      stage === 'booking'
        ? `The carrier does not bring a parcel of your order ${orderId} to its address (${code}). Name another address, or cancel the order.`
        : `A parcel of your order ${orderId} could not be delivered (${code}). We will contact you about it.`,
    'shipment.delivered': ({ data: { orderId } }) => `A parcel of your order ${orderId} was delivered.`,
    'order.delayed': ({ data: { orderId, promisedBy } }) =>
      `We are sorry: your order ${orderId} is late. You were to have it by ${promisedBy?.slice(0, 10)}.`,
    'shipment.dispatched': ({ data: { orderId, trackingRef } }) =>
      `A parcel of your order ${orderId} is on its way: ${trackingRef}.`,
    'payment.capture-failed': ({ data: { orderId } }) =>
      `We could not take the payment for a parcel of your order ${orderId}. We will contact you about another way to pay.`,
    'refund.pending': ({ data }) =>
      `We refund ${amountText(data)} of your order ${data.orderId}. Your bank may take some days.`,
    'refund.issued': ({ data }) => `We have refunded ${amountText(data)} of your order ${data.orderId}.`,
    'refund.failed': ({ data }) =>
      `Our refund of ${amountText(data)} of your order ${data.orderId} did not reach you. We find another way.`,
    'webhook.disabled': ({ data: { endpointId, reason, failingSince } }) =>
      `Your webhook endpoint ${endpointId} gets nothing any more, because ${reason === 'gone' ? 'its program answered that it is gone (410)' : `nothing has succeeded there since ${minuteOf(failingSince)}`}. Webhooks are kept for thirty days: a replay sends them and enables the endpoint.`,
  },
)

const minuteOf = (time: string): string => `${time.slice(0, 10)} ${time.slice(11, 16)} UTC`

/** Why the platform cancels. */
const becauseOf: Readonly<Record<string, string>> = {
  'payment-lapsed': ', because we have no payment for it any more',
  'open-too-long': ', because we could not send it in all this time',
}

type PaymentNeeded = Extract<EventOf<typeof ordersContracts>, { type: 'order.payment-needed' }>['data']

/** The link works for the customer alone, who signs in at the bank. */
function paymentNeeded({ reason, until, actionUrl, ...data }: PaymentNeeded): string {
  const { orderId } = data
  const time = minuteOf(until)
  if (reason !== 'action-required')
    return `The payment of ${amountText(data)} for your order ${orderId} was refused (${reason}). We keep the goods for you until ${time}: give another payment method for it.`
  const there = actionUrl === undefined ? "on your bank's page" : `at ${actionUrl}`
  return `Your bank wants you to approve the payment of ${amountText(data)} for your order ${orderId} ${there}. We keep the goods for you until ${time}.`
}
