/** The public operations of orders. */

import { z } from 'zod'
import { timestampAtEdge } from '../../shared/base/fields.ts'
import { missingParts } from '../../shared/service/compose.ts'
import { derivedName } from '../../shared/base/ids.ts'
import type { Caller } from '../../shared/service/operation.ts'
import { historyContracts } from '../history/contracts.ts'
import { shopCodes } from '../shop/errors.ts'
import { limits, quantity, sku } from '../shop/fields.ts'
import { defineApi, limitOf, servesCustomers } from '../shop/roles.ts'
import { orderRequest, ordersContracts } from './contracts.ts'

/** Placing an order asks others in turn. */
const PLACE_MS = 20_000

const { readOrder } = ordersContracts.queries
/** A customer's order: its prices, its time and its customer are the shop's to say. */
const customersOrder = orderRequest
  .omit({ placedAt: true, customerRef: true })
  .extend({ lines: z.array(z.strictObject({ sku, quantity })).min(1).max(limits.linesPerOrder) })
const { entries } = historyContracts.queries.readTimeline.answers[200].shape
const entry = entries.element
const timeline = z.object({
  entries: entries.optional(),
  /** The history service is unavailable: the response still has the order. */
  unavailable: z.literal(true).optional(),
})
/** The bounds of one customer, as `placement-bounds.ts` has them. */
const bound = z.enum(['orders-per-hour', 'unpaid-orders', 'unpaid-pieces', 'lapsed-orders'])

/** As orders derives the id of an order that is placed: one that was imported under the key before is found again. */
const orderIdOf = ({ sub }: Caller, key: string): string => derivedName('o', sub, key)
const by = (caller: Caller): 'staff' | 'customer' => (servesCustomers(caller) ? 'staff' : 'customer')

/** Edges to an order, or to a part of one, which is for its customer and staff: no copies are kept. */
const toOrder = { by: 'orderId', like: 'readOrder', timeoutMs: 5_000 } as const

export const ordersApi = defineApi(
  ordersContracts,
  ({ asks, submits, handles }) => ({
    placeOrder: asks('placeOrder', {
      path: '/v1/orders',
      summary: 'Place an order',
      types: { '': 'Order' },
      access: 'customer',
      notFor: { importer: 'An importer records orders of the past (POST /v1/imported-orders), and places none.' },
      requiresIdempotencyKey: true,
      body: customersOrder.meta({
        examples: [
          {
            currency: 'EUR',
            lines: [{ sku: 'TEA-001', quantity: 2 }],
            addressRef: 'address-1',
            paymentMethodRef: 'method-1',
          },
        ],
      }),
      answers: {
        201: 'Placed: its checkout has begun.',
        200: 'Placed before, with this key: where it stands now.',
      },
      request: ({ caller, key, body: order }) => ({
        body: { sub: caller.sub, importer: false, idempotencyKey: key, order },
      }),
      location: ({ caller, key }) => `/v1/orders/${orderIdOf(caller, key)}`,
      timeoutMs: PLACE_MS,
      objective: { name: 'placing', title: 'Placing an order' },
    }),
    readOrder: handles({
      method: 'get',
      path: '/v1/orders/{orderId}',
      parameters: readOrder.parameters,
      summary: "See an order of one's own with its timeline; staff see every customer's",
      types: { '': 'Order' },
      access: 'customer',
      hasVersion: true,
      answers: { 200: ['The order.', readOrder.answers[200].extend({ timeline, missing: missingParts })] },
      problems: readOrder.refuses,
    }),
    followOrder: handles({
      method: 'get',
      path: '/v1/orders/{orderId}/events',
      parameters: readOrder.parameters,
      summary:
        "Follow an order of one's own: the entries of its timeline as server-sent events; staff follow every customer's",
      access: 'customer',
      types: { '': 'OrderTimelineEntry' },
      streams: entry,
      answers: {
        200: ['Each entry, those that follow included; the event end says that none follows.'],
        204: ['No entry follows the last one that arrived.'],
      },
      problems: readOrder.refuses,
    }),
    importOrder: submits('ImportOrder', {
      path: '/v1/imported-orders',
      summary: 'Record an order of the past, which was sold, paid and shipped elsewhere',
      access: 'importer',
      derives: { orderId: orderIdOf },
      narrows: { placedAt: timestampAtEdge },
      subject: 'orderId',
      answers: ['orderId'],
    }),
    readSaga: asks('readSaga', {
      path: '/v1/orders/{orderId}/saga',
      summary: 'Read the pending steps of an order',
      access: 'support',
      answers: { 200: 'Where its saga stands.' },
    }),
    retrySaga: submits('RetryCheckout', {
      path: '/v1/orders/{orderId}/retry',
      summary: "Ask an order's saga to go on now",
      access: 'support',
      subject: 'orderId',
      checksVersion: true,
      problems: ['not-found', shopCodes['nothing-to-retry']],
    }),
    closeOrder: submits('CloseOrder', {
      path: '/v1/orders/{orderId}/close',
      summary: 'End an order whose goods have all left and whose money can not be taken',
      access: 'support',
      subject: 'orderId',
      checksVersion: true,
      problems: ['not-found'],
    }),
    recaptureOrder: submits('RecaptureOrder', {
      path: '/v1/orders/{orderId}/recapture',
      summary: 'Capture what was refused with another payment method of the customer',
      access: 'support',
      subject: 'orderId',
      checksVersion: true,
      problems: ['not-found'],
    }),
    cancelOrder: submits('CancelOrder', {
      path: '/v1/orders/{orderId}/cancel',
      summary: "Cancel what has not left of an order of one's own; staff cancel every customer's",
      access: 'customer',
      derives: { by },
      subject: 'orderId',
      checksVersion: true,
      limitedTo: limitOf,
      problems: ['not-found'],
    }),
    readdressOrder: submits('CorrectAddress', {
      path: '/v1/orders/{orderId}/address',
      summary: 'Name another address for a parcel that the carrier refused; staff do so for every customer',
      access: 'customer',
      subject: 'orderId',
      checksVersion: true,
      limitedTo: limitOf,
      problems: ['not-found'],
    }),
    payOrder: submits('PayOrder', {
      path: '/v1/orders/{orderId}/payment',
      summary: "Continue an order of one's own that needs a payment, with another payment method",
      access: 'customer',
      derives: { by },
      subject: 'orderId',
      checksVersion: true,
      limitedTo: limitOf,
      problems: ['not-found'],
    }),
  }),
  {
    uses: [historyContracts],
    queries: ['readOrder', 'readOrders', 'readTimeline', 'readTimelines'],
    edges: {
      'ListedOrder.order': { ...toOrder, summary: 'The whole order' },
      'ListedShipment.order': { ...toOrder, summary: 'The order that is shipped' },
      'Order.timeline': { ...toOrder, summary: 'What has happened to the order', timeoutMs: 2_000 },
    },
    // The bound that was exceeded; `limit` and `used` belong to it.
    problemMembers: { bound: bound.optional(), limit: z.int().optional(), used: z.int().optional() },
  },
)
