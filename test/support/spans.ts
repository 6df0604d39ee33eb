/** The trace of one order and its spans. */

import { expect } from 'vitest'
import type { SpanRecord } from 'local-google-cloud/telemetry'
import type { PlatformClient } from './client.ts'

type Local = Pick<PlatformClient, 'local'>

export const tracesOf = async ({ local }: Local, orderId: string) =>
  (await local<{ traces: { traceId: string; spans: number }[] }>(`traces?limit=10&correlationId=${orderId}`)).traces

/** Waits for all spans of the order's trace. */
export async function spansOf(platform: Local, orderId: string, count: number): Promise<SpanRecord[]> {
  const counts = async (): Promise<number[]> => (await tracesOf(platform, orderId)).map(({ spans }) => spans)
  await expect.poll(counts, { timeout: 20_000 }).toEqual([count])
  const [trace] = await tracesOf(platform, orderId)
  return (await platform.local<{ spans: SpanRecord[] }>(`traces/${trace!.traceId}`)).spans
}

export const named = (spans: readonly SpanRecord[]): string[] =>
  spans.map(({ service, name }) => `${service}: ${name}`).toSorted()

/** The names of all spans that descend from the root. */
export function tree(spans: readonly SpanRecord[]): string[] {
  const roots = spans.filter(({ parentSpanId }) => !spans.some(({ spanId }) => spanId === parentSpanId))
  expect(roots.map(({ service, name }) => `${service}: ${name}`)).toEqual(['gateway: POST /v1/orders'])
  const under = (parent: SpanRecord): SpanRecord[] =>
    spans.filter(({ parentSpanId }) => parentSpanId === parent.spanId).flatMap((child) => [child, ...under(child)])
  return named([roots[0]!, ...under(roots[0]!)])
}

const upToTheReply = [
  'gateway: POST /v1/orders',
  'orders: POST /orders',
  'customers: GET /references/:vault',
  'history: process order.placed',
  'notifications: process order.placed',
  'inventory: process ReserveStock',
  'history: process stock.reserved',
  'orders: process stock.reserved',
  'payments: process AuthorizePayment',
  'payments: payment-provider.authorize',
]
export const completed = [
  ...upToTheReply,
  'history: process payment.authorized',
  'orders: process payment.authorized',
  'history: process order.confirmed',
  'notifications: process order.confirmed',
  'history: process order.released',
  'shipping: process order.released',
  'history: process shipment.created',
  'shipping: process BookCarrier',
  'customers: GET /addresses/:addressRef',
  'shipping: carrier.book',
  'history: process shipment.dispatched',
  'notifications: process shipment.dispatched',
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
].toSorted()
export const declined = [
  ...upToTheReply,
  'history: process payment.declined',
  'orders: process payment.declined',
  'history: process order.rejected',
  'notifications: process order.rejected',
  'inventory: process ReleaseStock',
  'history: process stock.released',
  'orders: process stock.released',
].toSorted()
