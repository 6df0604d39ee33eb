/** The public API as data: the access, input, answers and refusals of each operation. The runtime derives routes, checks (`shared/edge/handle.ts`) and the OpenAPI document from it. */

import { z } from 'zod'
import { reference } from '../../shared/base/fields.ts'
import {
  type ApiDescription,
  type Operation as OperationOf,
  submittedAnswers,
} from '../../shared/service/public-api.ts'
import { catalogContracts } from '../catalog/contracts.ts'
import {
  addressRequest,
  consentRequest,
  customersContracts,
  importRequest,
  paymentMethodRequest,
} from '../customers/contracts.ts'
import { historyContracts } from '../history/contracts.ts'
import { inventoryContracts } from '../inventory/contracts.ts'
import { orderRequest, ordersContracts } from '../orders/contracts.ts'
import { paymentsContracts } from '../payments/contracts.ts'
import { shopCodes } from '../shop/errors.ts'
import { limits, quantity, sku } from '../shop/fields.ts'
import type { CallerAccess, Role } from './roles.ts'

export type Operation = OperationOf<CallerAccess, Role>

/** A customer's order: its prices, its time and its customer are the shop's to say. */
const customersOrder = orderRequest
  .omit({ placedAt: true, customerRef: true })
  .extend({ lines: z.array(z.strictObject({ sku, quantity })).min(1).max(limits.linesPerOrder) })
/** A webhook may have further fields, and a type that Millrace ignores. */
const webhookBody = z.looseObject({ id: reference, type: reference, reference })
/** It names the booking by the key that shipping gave. */
const carrierWebhookBody = webhookBody.extend({ key: reference.exactOptional() })
/** The fields that are read from an event of Stripe. Payments put the order's id into the metadata. */
const stripeEvent = z.looseObject({
  id: reference,
  type: reference,
  data: z.looseObject({
    object: z.looseObject({
      id: reference,
      metadata: z.looseObject({ reference: reference.exactOptional() }).nullable().exactOptional(),
    }),
  }),
})
const { placeOrder, readOrder, readSaga } = ordersContracts.queries
const { readProduct, listProducts } = catalogContracts.queries
const { listOrders, listShipments } = historyContracts.queries
const { readStock, readDelivery } = inventoryContracts.queries
const ofCustomers = customersContracts.queries
const timeline = z.object({
  entries: historyContracts.queries.readTimeline.answers[200].shape.entries.optional(),
  /** The history service is unavailable: the response still has the order. */
  unavailable: z.literal(true).optional(),
})

// Bodies that become commands are checked by the commands' contracts, so the owner can parse them.
export const productRequest = catalogContracts.commands.PublishProduct.data
export const priceRequest = catalogContracts.commands.ChangePrice.data
export const orderImportRequest = ordersContracts.commands.ImportOrder.data.omit({ orderId: true })
export const retryRequest = ordersContracts.commands.RetryCheckout.data.omit({ orderId: true })
export const closeRequest = ordersContracts.commands.CloseOrder.data.omit({ orderId: true })
export const recaptureRequest = ordersContracts.commands.RecaptureOrder.data.omit({ orderId: true })
export const refundRequest = paymentsContracts.commands.RefundPayment.data.omit({ orderId: true, refundId: true })
export const cancelRequest = ordersContracts.commands.CancelOrder.data.pick({ reason: true })
export const addressCorrection = ordersContracts.commands.CorrectAddress.data.omit({ orderId: true })
export const adjustmentRequest = inventoryContracts.commands.AdjustStock.data.pick({ change: true, reason: true })
export const countRequest = inventoryContracts.commands.CountStock.data.pick({ counted: true })
export const paymentRequest = ordersContracts.commands.PayOrder.data.pick({ paymentMethodRef: true })
export const stockRequest = inventoryContracts.commands.ReceiveStock.data.omit({ deliveryId: true })

/** The bounds of one customer, as `functions/orders/placement-bounds.ts` has them. */
const bound = z.enum(['orders-per-hour', 'unpaid-orders', 'unpaid-pieces', 'lapsed-orders'])

export const description: ApiDescription = {
  title: 'Millrace',
  text: 'Orders, products and stock.',
  license: { name: 'Apache License 2.0', identifier: 'Apache-2.0' },
  // The bound that was exceeded; `limit` and `used` belong to it.
  problemMembers: { bound: bound.optional(), limit: z.int().optional(), used: z.int().optional() },
}

export const operations = {
  placeOrder: {
    method: 'post',
    path: '/v1/orders',
    summary: 'Place an order',
    access: 'customer',
    notFor: { importer: 'An importer records orders of the past (POST /v1/imported-orders), and places none.' },
    requiresIdempotencyKey: true,
    body: customersOrder,
    answers: {
      201: ['Placed: its checkout has begun.', placeOrder.answers[201]],
      200: ['Placed before, with this key: where it stands now.', placeOrder.answers[200]],
    },
    problems: placeOrder.refuses,
  },
  readOrder: {
    method: 'get',
    path: '/v1/orders/{orderId}',
    parameters: readOrder.parameters,
    summary: "See an order of one's own with its timeline; staff see every customer's",
    access: 'customer',
    answers: {
      200: ['The order.', readOrder.answers[200].extend({ timeline })],
    },
    problems: readOrder.refuses,
  },
  listOrders: {
    method: 'get',
    path: '/v1/orders',
    parameters: listOrders.parameters,
    summary: "List one's own orders, the newest first; staff list every customer's, by status and time",
    access: 'customer',
    answers: { 200: ['A page of orders, and the cursor of the next page.', listOrders.answers[200]] },
    problems: ['forbidden', ...listOrders.refuses],
  },
  importOrder: {
    method: 'post',
    path: '/v1/imported-orders',
    summary: 'Record an order of the past, which was sold, paid and shipped elsewhere',
    access: 'importer',
    requiresIdempotencyKey: true,
    body: orderImportRequest,
    submits: true,
    answers: submittedAnswers({ orderId: reference }),
    problems: ordersContracts.commands.ImportOrder.refuses,
  },
  readSaga: {
    method: 'get',
    path: '/v1/orders/{orderId}/saga',
    parameters: readSaga.parameters,
    summary: 'Read the pending steps of an order',
    access: 'support',
    answers: { 200: ['Where its saga stands.', readSaga.answers[200]] },
    problems: readSaga.refuses,
  },
  retrySaga: {
    method: 'post',
    path: '/v1/orders/{orderId}/retry',
    parameters: readOrder.parameters,
    summary: "Ask an order's saga to go on now",
    access: 'support',
    requiresIdempotencyKey: true,
    body: retryRequest,
    submits: true,
    answers: submittedAnswers(),
    problems: ['not-found', shopCodes['nothing-to-retry']],
  },
  closeOrder: {
    method: 'post',
    path: '/v1/orders/{orderId}/close',
    parameters: readOrder.parameters,
    summary: 'End an order whose goods have all left and whose money can not be taken',
    access: 'support',
    requiresIdempotencyKey: true,
    body: closeRequest,
    submits: true,
    answers: submittedAnswers(),
    problems: ['not-found', ...ordersContracts.commands.CloseOrder.refuses],
  },
  recaptureOrder: {
    method: 'post',
    path: '/v1/orders/{orderId}/recapture',
    parameters: readOrder.parameters,
    summary: 'Capture what was refused with another payment method of the customer',
    access: 'support',
    requiresIdempotencyKey: true,
    body: recaptureRequest,
    submits: true,
    answers: submittedAnswers(),
    problems: ['not-found', ...ordersContracts.commands.RecaptureOrder.refuses],
  },
  refundOrder: {
    method: 'post',
    path: '/v1/orders/{orderId}/refunds',
    parameters: readOrder.parameters,
    summary: 'Give captured money back, all or a part of it',
    access: 'support',
    requiresIdempotencyKey: true,
    body: refundRequest,
    submits: true,
    answers: submittedAnswers({ refundId: reference }),
    problems: ['not-found', ...paymentsContracts.commands.RefundPayment.refuses],
  },
  cancelOrder: {
    method: 'post',
    path: '/v1/orders/{orderId}/cancel',
    parameters: readOrder.parameters,
    summary: "Cancel what has not left of an order of one's own; staff cancel every customer's",
    access: 'customer',
    requiresIdempotencyKey: true,
    body: cancelRequest,
    submits: true,
    answers: submittedAnswers(),
    problems: ['not-found', ...ordersContracts.commands.CancelOrder.refuses],
  },
  readdressOrder: {
    method: 'post',
    path: '/v1/orders/{orderId}/address',
    parameters: readOrder.parameters,
    summary: 'Name another address for a parcel that the carrier refused; staff do so for every customer',
    access: 'customer',
    requiresIdempotencyKey: true,
    body: addressCorrection,
    submits: true,
    answers: submittedAnswers(),
    problems: ['not-found', ...ordersContracts.commands.CorrectAddress.refuses],
  },
  payOrder: {
    method: 'post',
    path: '/v1/orders/{orderId}/payment',
    parameters: readOrder.parameters,
    summary: "Continue an order of one's own that needs a payment, with another payment method",
    access: 'customer',
    requiresIdempotencyKey: true,
    body: paymentRequest,
    submits: true,
    answers: submittedAnswers(),
    problems: ['not-found', ...ordersContracts.commands.PayOrder.refuses],
  },
  paymentWebhook: {
    method: 'post',
    path: '/v1/webhooks/payment-provider',
    summary: 'Receive a webhook of the payment provider, signed in the header webhook-signature',
    access: 'signed',
    body: webhookBody,
    maxBodyBytes: 64 * 1024,
    answers: { 204: ['Accepted.'] },
  },
  stripeWebhook: {
    method: 'post',
    path: '/v1/webhooks/stripe',
    summary: 'Receive an event of Stripe, signed in the header stripe-signature',
    access: 'signed',
    body: stripeEvent,
    maxBodyBytes: 256 * 1024,
    answers: { 204: ['Accepted.'] },
  },
  carrierWebhook: {
    method: 'post',
    path: '/v1/webhooks/carrier',
    summary: 'Receive a webhook of the carrier, signed in the header webhook-signature',
    access: 'signed',
    body: carrierWebhookBody,
    maxBodyBytes: 64 * 1024,
    answers: { 204: ['Accepted.'] },
  },
  publishProduct: {
    method: 'post',
    path: '/v1/products',
    summary: 'Sell a product',
    access: 'admin',
    requiresIdempotencyKey: true,
    body: productRequest,
    submits: true,
    answers: submittedAnswers(),
    problems: [shopCodes['too-many-prices']],
  },
  listProducts: {
    method: 'get',
    path: '/v1/products',
    parameters: listProducts.parameters,
    summary: 'List the products with their prices, by their SKUs',
    access: 'customer',
    answers: { 200: ['A page of products, and the cursor of the next page.', listProducts.answers[200]] },
    problems: listProducts.refuses,
  },
  readProduct: {
    method: 'get',
    path: '/v1/products/{sku}',
    parameters: readProduct.parameters,
    summary: 'See a product with its price',
    access: 'customer',
    answers: { 200: ['The product.', readProduct.answers[200]] },
    problems: readProduct.refuses,
  },
  changePrice: {
    method: 'post',
    path: '/v1/prices',
    summary: "Change a product's price, now or from a time on",
    access: 'admin',
    requiresIdempotencyKey: true,
    body: priceRequest,
    submits: true,
    answers: submittedAnswers(),
    problems: [shopCodes['unknown-sku'], shopCodes['too-many-prices'], shopCodes['price-replaced']],
  },
  receiveStock: {
    method: 'post',
    path: '/v1/stock',
    summary: 'Book a delivery of stock',
    access: 'warehouse',
    requiresIdempotencyKey: true,
    body: stockRequest,
    submits: true,
    answers: submittedAnswers({ deliveryId: reference }),
    problems: [shopCodes['unknown-sku']],
  },
  adjustStock: {
    method: 'post',
    path: '/v1/stock/{sku}/adjustments',
    parameters: readStock.parameters,
    summary: 'Add or write off pieces, with the reason',
    access: 'warehouse',
    requiresIdempotencyKey: true,
    body: adjustmentRequest,
    submits: true,
    answers: submittedAnswers({ adjustmentId: reference }),
    problems: inventoryContracts.commands.AdjustStock.refuses,
  },
  countStock: {
    method: 'post',
    path: '/v1/stock/{sku}/counts',
    parameters: readStock.parameters,
    summary: 'Make the stock what was counted, reserved pieces included',
    access: 'warehouse',
    requiresIdempotencyKey: true,
    body: countRequest,
    submits: true,
    answers: submittedAnswers({ adjustmentId: reference }),
    problems: inventoryContracts.commands.CountStock.refuses,
  },
  listShipments: {
    method: 'get',
    path: '/v1/shipments',
    parameters: listShipments.parameters,
    summary: 'List the shipments, the newest first',
    access: 'staff',
    answers: { 200: ['A page of shipments, and the cursor of the next page.', listShipments.answers[200]] },
    problems: listShipments.refuses,
  },
  readStock: {
    method: 'get',
    path: '/v1/stock/{sku}',
    parameters: readStock.parameters,
    summary: 'Read the stock of a product',
    access: 'staff',
    answers: {
      200: ['Its stock, summed over all shards: on hand is the sum of available and reserved.', readStock.answers[200]],
    },
    problems: readStock.refuses,
  },
  readDelivery: {
    method: 'get',
    path: '/v1/deliveries/{deliveryId}',
    parameters: readDelivery.parameters,
    summary: 'See whether a delivery is booked',
    access: 'warehouse',
    answers: { 200: ['The delivery is booked.', readDelivery.answers[200]] },
    problems: readDelivery.refuses,
  },
  addAddress: {
    method: 'post',
    path: '/v1/addresses',
    summary: 'Keep an address to ship to',
    access: 'customer',
    requiresIdempotencyKey: true,
    body: addressRequest,
    answers: { 201: ['Stored: orders may name its reference.', ofCustomers.addAddress.answers[201]] },
    problems: ofCustomers.addAddress.refuses,
  },
  listAddresses: {
    method: 'get',
    path: '/v1/addresses',
    summary: "See one's own addresses",
    access: 'customer',
    answers: { 200: ['The addresses that orders may name, the newest first.', ofCustomers.listAddresses.answers[200]] },
  },
  withdrawAddress: {
    method: 'delete',
    path: '/v1/addresses/{addressRef}',
    isIdempotent: true,
    parameters: { addressRef: ofCustomers.withdrawAddress.parameters.addressRef },
    summary: "Withdraw an address of one's own from new orders",
    access: 'customer',
    answers: { 204: ['New orders may not name it.'] },
    problems: ofCustomers.withdrawAddress.refuses,
  },
  addPaymentMethod: {
    method: 'post',
    path: '/v1/payment-methods',
    summary: 'Keep a payment method, by the token that the payment provider gave for it',
    access: 'customer',
    requiresIdempotencyKey: true,
    body: paymentMethodRequest,
    answers: { 201: ['Stored: orders may name its reference.', ofCustomers.addPaymentMethod.answers[201]] },
    problems: ofCustomers.addPaymentMethod.refuses,
  },
  listPaymentMethods: {
    method: 'get',
    path: '/v1/payment-methods',
    summary: "See one's own payment methods",
    access: 'customer',
    answers: {
      200: ['The payment methods that orders may name, the newest first.', ofCustomers.listPaymentMethods.answers[200]],
    },
  },
  withdrawPaymentMethod: {
    method: 'delete',
    path: '/v1/payment-methods/{paymentMethodRef}',
    isIdempotent: true,
    parameters: { paymentMethodRef: ofCustomers.withdrawPaymentMethod.parameters.paymentMethodRef },
    summary: "Withdraw a payment method of one's own; the payment provider forgets it",
    access: 'customer',
    answers: { 204: ['The payment method is withdrawn.'] },
    problems: ofCustomers.withdrawPaymentMethod.refuses,
  },
  grantConsent: {
    method: 'post',
    path: '/v1/consents',
    summary: 'Consent to a version of a text; it replaces an earlier version of the same kind',
    access: 'customer',
    requiresIdempotencyKey: true,
    body: consentRequest,
    answers: { 201: ['Recorded.', ofCustomers.grantConsent.answers[201]] },
    problems: ofCustomers.grantConsent.refuses,
  },
  listConsents: {
    method: 'get',
    path: '/v1/consents',
    summary: "See one's own consents, those that were withdrawn included",
    access: 'customer',
    answers: { 200: ['The newest first.', ofCustomers.listConsents.answers[200]] },
  },
  withdrawConsent: {
    method: 'delete',
    path: '/v1/consents/{kind}',
    isIdempotent: true,
    parameters: { kind: ofCustomers.withdrawConsent.parameters.kind },
    summary: 'Withdraw a consent',
    access: 'customer',
    answers: { 204: ['The consent is withdrawn.'] },
    problems: ofCustomers.withdrawConsent.refuses,
  },
  importCustomers: {
    method: 'post',
    path: '/v1/customers',
    summary:
      'Bring addresses and payment methods of customers over from another system; the same again has the same references',
    access: 'importer',
    body: importRequest,
    answers: {
      200: ['In the order in which they were sent.', ofCustomers.importCustomers.answers[200]],
    },
    problems: ofCustomers.importCustomers.refuses,
  },
} as const satisfies Record<string, Operation>
