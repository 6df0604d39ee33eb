/** The pictures of docs/orders.md by their names: the messages of each flow in their order. Their ends follow from the definitions. */

import { checkout } from '../../functions/orders/checkout.ts'
import { flowPicture, sagaPicture } from './pictures.testing.ts'

export const pictures: Readonly<Record<string, string>> = {
  checkout: sagaPicture('orders', checkout),
  payment: flowPicture(
    ['customer', 'orders', 'payments', 'provider', 'gateway'],
    `
    AuthorizePayment
    payments > provider: authorize, under ORDER:auth
    payment.declined or payment.action-required
    note orders: payment-needed
    order.payment-needed: with reason, time and link
    alt another payment method
      PayOrder
      AuthorizePayment: authorization 2
      payments > provider: void ORDER:auth, if the customer was to act there
      payments > provider: authorize, under ORDER:auth:2
      payment.authorized
    else approved on the page of the bank
      customer > provider: approves
      provider > gateway: webhook authorization.updated
      CheckAuthorization by gateway
      payments > provider: find the authorization
      payment.authorized
    else the time is up
      FindAuthorization
      payments > provider: find the authorization
      payment.authorized or payment.undecided
    end
    note orders: confirmed, or expired, with stock and payment taken back
    `,
  ),
  parcel: flowPicture(
    ['customer', 'orders', 'shipping', 'carrier', 'gateway', 'payments', 'inventory'],
    `
    order.released
    shipping > carrier: booking, the label
    note shipping: shipment.created
    carrier > gateway: webhook booking.updated, collected
    CheckShipments by gateway
    shipping > carrier: the booking as it is now
    shipment.dispatched
    note payments: the capture
    payment.captured
    note inventory: out of stock
    stock.committed
    carrier > gateway: webhook booking.updated, delivered
    CheckShipments by gateway
    shipping > carrier: the booking as it is now
    shipment.delivered
    note orders: completed
    `,
  ),
  returned: flowPicture(
    ['customer', 'staff', 'gateway', 'shipping', 'orders', 'history', 'payments', 'carrier'],
    `
    carrier > gateway: webhook booking.updated, returned
    CheckShipments by gateway
    shipping > carrier: the booking as it is now
    shipment.failed: at the delivery
    note orders: order.stalled
    RefundPayment
    refund.issued
    CloseOrder
    order.closed
    `,
  ),
  renewal: flowPicture(
    ['customer', 'shipping', 'orders', 'payments', 'provider', 'carrier'],
    `
    note orders: 31 hours before the end
    RenewAuthorization
    MakeRenewal
    payments > provider: authorize what is not captured, under ORDER:auth:2
    alt granted
      payment.authorized
      ReleaseAuthorization
      payments > provider: release ORDER:auth
      order.payment-renewed
    else refused
      payment.lapsed
      note orders: payment-needed
      order.payment-needed: with reason and time
      note orders: 30 hours before the end
      HoldShipments by orders
      shipping > carrier: cancel the booking
      alt another payment method
        PayOrder
        RenewAuthorization
        payments > provider: authorize, under ORDER:auth:3
        opt the bank wants the approval of the customer
          payment.action-required
          order.payment-needed: with the link
          customer > provider: approves
          note payments: the webhook, or a question when the time is up
        end
        payment.authorized
        order.payment-renewed: booked again
      else three days later, or 90 days after the order was placed
        CancelShipments
        shipment.cancel-decided
        note orders: cancelled, with stock and payment taken back
      end
    end
    `,
  ),
  cancel: flowPicture(
    ['customer', 'shipping', 'orders', 'inventory', 'payments', 'provider', 'carrier'],
    `
    CancelOrder
    alt released
      CancelShipments
      shipping > carrier: cancel each booking that is not dispatched
      shipment.cancel-decided
    end
    alt nothing has left
      order.cancelled
      VoidPayment
      VoidAuthorization
      payments > provider: void
      payment.voided
      ReleaseStock
      stock.released
    else a part has left
      order.partly-cancelled
      ReduceAuthorization
      payment.reduced
      opt all that has left is captured
        ReleaseAuthorization
        payments > provider: release ORDER:auth
      end
      ReleaseStock: the cancelled pieces
      stock.released
    else all has left
      order.cancel-refused
    end
    `,
  ),
  address: flowPicture(
    ['customer', 'shipping', 'orders', 'carrier'],
    `
    order.released
    shipping > carrier: booking, under the key of the shipment
    carrier > shipping: 422 address-unknown
    shipment.failed
    note orders: the order shows the parcel as refused
    CorrectAddress
    ChangeAddress
    BookCarrier
    shipping > carrier: booking, under the next key
    carrier > shipping: the number of the parcel
    `,
  ),
  refund: flowPicture(
    ['customer', 'staff', 'gateway', 'orders', 'payments', 'provider'],
    `
    RefundPayment
    payments > staff: 202 with the id of the refund, or 409
    note payments: refund.due fixes the amount
    IssueRefund
    payments > provider: the refund, under the key ORDER:refund:ID
    provider > payments: succeeded, pending or failed
    refund.issued or refund.pending or refund.failed
    provider > gateway: webhook refund.updated, later, perhaps twice
    CheckRefunds by gateway
    payments > provider: all refunds of the order
    refund.issued or refund.failed
    `,
  ),
  recapture: flowPicture(
    ['customer', 'staff', 'orders', 'payments', 'provider'],
    `
    CapturePayment
    payments > provider: capture, at most six attempts over 31 hours
    provider > payments: refused
    payment.capture-failed
    note orders: payment-failed
    RecaptureOrder
    RecapturePayment
    note payments: recapture.due fixes the number of the authorization
    MakeRecapture
    payments > provider: release the former authorization
    payments > provider: authorize what is not paid, under ORDER:auth:2
    payments > provider: capture what was refused
    payment.authorized or payment.captured
    `,
  ),
  closing: flowPicture(
    ['customer', 'staff', 'orders', 'history', 'payments', 'provider'],
    `
    payment.capture-failed
    note orders: payment-failed
    CloseOrder
    order.closed
    alt nothing of it is paid
      VoidPayment
      VoidAuthorization
      payments > provider: void
      payment.voided
    else a part is paid
      ReleaseUncaptured by orders
      payments > provider: release what is not captured
    end
    `,
  ),
  dispute: flowPicture(
    ['customer', 'gateway', 'history', 'payments', 'provider'],
    `
    customer > provider: has the bank take captured money back
    provider > gateway: webhook dispute.updated
    CheckDispute by gateway
    payments > provider: the dispute, which names its order
    RecordDispute
    payments > provider: the dispute as it is now
    payment.disputed
    note payments: staff is alerted, and gives evidence at the provider
    loop six times, in case the webhook is lost
      AskAboutDispute
      payments > provider: the dispute as it is now
    end
    alt the bank has decided
      payment.dispute-closed
    else no report within 17 weeks
      dispute.overdue
    end
    `,
  ),
  'captured-once': flowPicture(
    ['customer', 'shipping', 'orders', 'inventory', 'payments', 'provider'],
    `
    shipment.dispatched: the first parcel
    CapturePayment
    payments > provider: capture, not the final one
    provider > payments: refused, multicapture-unavailable
    payment.capture-deferred
    shipment.dispatched: the last parcel
    note payments: captures.joined
    CapturePayment
    payments > provider: one capture for all parcels
    payment.captured: for each parcel
    `,
  ),
  import: flowPicture(
    ['importer', 'orders', 'history'],
    `
    ImportOrder
    orders > importer: 202 with the id of the order
    order.imported
    `,
  ),
}
