/** The trace of one order and its spans. */

import { expect } from 'vitest'
import type { SpanRecord } from 'local-google-cloud/telemetry'
import type { PlatformClient } from './client.ts'

type Local = Pick<PlatformClient, 'local'>

export const tracesOf = async ({ local }: Local, orderId: string) =>
  (await local<{ traces: { traceId: string; spans: number }[] }>(`traces?limit=10&correlationId=${orderId}`)).traces

/** The first webhook of the carrier may find the parcel delivered; the second one asks nothing then. Webhooks asks history whose an order is if `order.placed` is late. */
export const isCertain = ({ service, name }: Pick<SpanRecord, 'service' | 'name'>): boolean =>
  name !== 'carrier.find' && `${service} ${name}` !== 'history GET /orders/:orderId/timeline'

const callsOnCopies: readonly string[] = ['carrier.book', 'payment-provider.authorize', 'GET /addresses/:addressRef']

/** A call on a copy that lost a race is made once more, in the span of the same delivery (decision 0081). */
const isFirst = ({ parentSpanId, name }: SpanRecord, at: number, spans: readonly SpanRecord[]): boolean =>
  !callsOnCopies.includes(name) ||
  at === spans.findIndex((one) => one.parentSpanId === parentSpanId && one.name === name)

/** Waits for all spans of the order's trace, and returns those that every order has. */
export async function spansOf(platform: Local, orderId: string, count: number): Promise<SpanRecord[]> {
  const read = async (): Promise<SpanRecord[][]> => {
    const traces = await tracesOf(platform, orderId)
    const all = traces.map(({ traceId }) => platform.local<{ spans: SpanRecord[] }>(`traces/${traceId}`))
    return (await Promise.all(all)).map(({ spans }) => spans.filter(isCertain).filter(isFirst))
  }
  // A trace of another count is shown by the names of its spans.
  const counted = async () => (await read()).map((spans) => (spans.length === count ? count : named(spans)))
  await expect.poll(counted, { timeout: 20_000 }).toEqual([count])
  return (await read())[0]!
}

/** A span that failed or was refused shows how. */
export const named = (spans: readonly SpanRecord[]): string[] =>
  spans.map((span) => `${span.service}: ${span.name}${failureOf(span)}`).toSorted()

function failureOf({ error, attributes }: SpanRecord): string {
  if (error !== undefined) return `, ${error}`
  const status = Number(attributes['http.response.status_code'] ?? 0)
  return status >= 400 ? `, answered ${status}` : ''
}

const CARRIER_REPORTS = 'gateway: POST /v1/webhooks/carrier'

/** The names of all spans that descend from the request of the customer, or from the carrier's webhooks in the same trace. */
export function tree(spans: readonly SpanRecord[]): string[] {
  const roots = spans.filter(({ parentSpanId }) => !spans.some(({ spanId }) => spanId === parentSpanId))
  const reports = spans.filter(({ name }) => name === 'POST /v1/webhooks/carrier').map(() => CARRIER_REPORTS)
  expect(named(roots)).toEqual(['gateway: POST /v1/orders', ...reports])
  const under = (parent: SpanRecord): SpanRecord[] =>
    spans.filter(({ parentSpanId }) => parentSpanId === parent.spanId).flatMap((child) => [child, ...under(child)])
  return named(roots.flatMap((root) => [root, ...under(root)]))
}

const upToTheReply = [
  'gateway: POST /v1/orders',
  'orders: POST /orders',
  'customers: GET /references/:vault',
  'history: process order.placed',
  'notifications: process order.placed',
  'webhooks: process order.placed',
  'inventory: process ReserveStock',
  'history: process stock.reserved',
  'orders: process stock.reserved',
  'payments: process AuthorizePayment',
]
export const completed = [
  ...upToTheReply,
  'payments: payment-provider.authorize',
  'history: process payment.authorized',
  'orders: process payment.authorized',
  'history: process order.confirmed',
  'notifications: process order.confirmed',
  'webhooks: process order.confirmed',
  'history: process order.released',
  'shipping: process order.released',
  'history: process shipment.created',
  'customers: GET /addresses/:addressRef',
  'shipping: carrier.book',
  ...['collected', 'delivered'].flatMap(() => [
    CARRIER_REPORTS,
    'shipping: POST /submissions/CheckShipments',
    'shipping: process CheckShipments',
  ]),
  'history: process shipment.delivered',
  'notifications: process shipment.delivered',
  'webhooks: process shipment.delivered',
  'orders: process shipment.delivered',
  'history: process shipment.dispatched',
  'notifications: process shipment.dispatched',
  'webhooks: process shipment.dispatched',
  'orders: process shipment.dispatched',
  'payments: process shipment.dispatched',
  'payments: payment-provider.capture',
  'history: process payment.captured',
  'orders: process payment.captured',
  'inventory: process shipment.dispatched',
  'history: process stock.committed',
  'orders: process stock.committed',
  'history: process order.completed',
  'notifications: process order.completed',
  'webhooks: process order.completed',
].toSorted()
export const declined = [
  ...upToTheReply,
  'payments: payment-provider.authorize, answered 402',
  'history: process payment.declined',
  'orders: process payment.declined',
  'history: process order.rejected',
  'notifications: process order.rejected',
  'webhooks: process order.rejected',
  'inventory: process ReleaseStock',
  'history: process stock.released',
  'orders: process stock.released',
].toSorted()

/** By the name of each request to a service: the requests to others that its answer waits for, the most where there are several. Work on a message is not among them. */
export const requestsWithin = (spans: readonly SpanRecord[]): ReadonlyMap<string, number> => {
  const isRequest = ({ name }: SpanRecord): boolean => /^(GET|POST|PUT|PATCH|DELETE) /.test(name)
  const within = (parent: SpanRecord): number =>
    spans
      .filter((span) => span.parentSpanId === parent.spanId && isRequest(span))
      .reduce((sum, child) => sum + 1 + within(child), 0)
  const most = new Map<string, number>()
  for (const span of spans.filter(isRequest)) {
    const name = `${span.service}: ${span.name}`
    most.set(name, Math.max(most.get(name) ?? 0, within(span)))
  }
  return most
}
