/** An orders service in memory with one product, shared by the tests of orders. */

import type { Envelope } from '../../shared/contracts/envelope.ts'
import { Unavailable } from '../../shared/base/errors.ts'
import type { Call } from '../../shared/messaging/query.ts'
import type { Memory } from '../../shared/messaging/memory.testing.ts'
import { deliver, message, type MessageOptions, versionOf } from '../../shared/runtime/deliver.testing.ts'
import { serveQueries } from '../../shared/runtime/queries.testing.ts'
import { testPlatform, type TestPlatform } from '../../shared/runtime/platform.testing.ts'
import { app } from './app.ts'
import type { Bounds, Charges } from './settings.ts'
import { testCharges } from './charges.testing.ts'
import { testPlacing } from './placements.testing.ts'
import { orders } from './service.ts'

export interface Shop {
  readonly platform: TestPlatform
  place(change?: object, entry?: object): Promise<Response>
  /** The order as its query answers. */
  read(orderId: string): Promise<{ status: number; body: Record<string, unknown> }>
  /** Delivers an event of another service, or a command. */
  deliver(type: string, data: Record<string, unknown>, options?: MessageOptions): Promise<void>
  /** Delivers the due timers in the order of their times, each until it succeeds, as Cloud Tasks would. */
  fireTimers(): Promise<void>
  publishedTypes(): string[]
  sentTypes(): string[]
}

export const line = { lineId: '1', sku: 'TEA-001', quantity: 2 }
export const orderBody = {
  currency: 'EUR',
  lines: [{ sku: 'TEA-001', quantity: 2 }],
  addressRef: 'address-1',
  paymentMethodRef: 'card-ok',
}

interface ShopOptions {
  readonly releaseDelaySeconds?: number
  /** Answers queries to the catalog. */
  readonly call?: Call
  /** Answers queries for references; absent: the customer has every reference. */
  readonly customers?: Call
  /** Bounds of one customer; the absent ones are never reached. */
  readonly bounds?: Partial<Bounds>
  /** The charges besides the goods; absent: none. */
  readonly charges?: Partial<Charges>
  /** The store of an earlier revision; absent: an empty one. */
  readonly kept?: Memory
}

const everyReference: Call = async () => Response.json({ unknown: [] })

export async function openShop({
  releaseDelaySeconds = 0,
  call,
  customers = everyReference,
  bounds,
  charges,
  kept,
}: ShopOptions = {}): Promise<Shop> {
  const platform = testPlatform(orders, {
    ...(kept ? { kept } : {}),
    settings: {
      RELEASE_DELAY_SECONDS: String(releaseDelaySeconds),
      PLACING: testPlacing(bounds),
      CHARGES: testCharges(charges),
    },
    call(service, path, requestOptions) {
      if (service === 'customers') return customers(service, path, requestOptions)
      if (call) return call(service, path, requestOptions)
      throw new Unavailable(`${service} does not answer in this test.`)
    },
  })
  const http = serveQueries(app, platform)
  const price = { sku: 'TEA-001', unitMinor: 1190, currency: 'EUR' }
  await deliver(app, platform, message('price.changed', price, { subject: 'TEA-001' }))
  platform.billed.reads = 0
  platform.billed.writes = 0
  const fired = new Set<string>()

  return {
    platform,
    place: async (change = {}, entry = {}) =>
      http.request('/orders', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({
          sub: 'customer-1',
          importer: false,
          idempotencyKey: 'key-1',
          order: { ...orderBody, ...change },
          ...entry,
        }),
      }),
    async read(orderId) {
      const response = await http.request(`/orders/${orderId}`)
      return { status: response.status, body: (await response.json()) as Record<string, unknown> }
    },
    deliver: (type, data, given) =>
      deliver(app, platform, message(type, data, { version: versionOf(orders, type), ...given })),
    async fireTimers() {
      for (;;) {
        const due = platform.sent
          .filter(
            ({ envelope, notBeforeMs }) =>
              isTimer(envelope) && !fired.has(envelope.id) && notBeforeMs! <= platform.now(),
          )
          .toSorted((a, b) => a.notBeforeMs! - b.notBeforeMs!)[0]
        if (!due) return
        fired.add(due.envelope.id)
        await deliver(app, platform, due.envelope)
      }
    },
    publishedTypes: () => platform.published.map(({ type }) => type),
    sentTypes: () => platform.sent.map(({ envelope }) => envelope.type).filter((type) => type !== 'ContinueCheckout'),
  }
}

const isTimer = ({ type }: Envelope): boolean => type === 'ContinueCheckout'

/** All permutations of the items. */
export function permutations<T>(items: readonly T[]): T[][] {
  if (items.length < 2) return [[...items]]
  return items.flatMap((item, index) => permutations(items.toSpliced(index, 1)).map((rest) => [item, ...rest]))
}

/** Type and data of another service's event. */
export type Reply = readonly [type: string, data: Record<string, unknown>]

export const replies = {
  reserved: (orderId: string): Reply => ['stock.reserved', { orderId, reservationId: 'r-1', lines: [line] }],
  rejected: (orderId: string): Reply => [
    'stock.rejected',
    { orderId, shortages: [{ sku: 'TEA-001', requested: 2, available: 0, backorderable: false }] },
  ],
  released: (orderId: string): Reply => ['stock.released', { orderId, reservationId: 'r-1', lines: [] }],
  authorized: (orderId: string, authorization = 1): Reply => [
    'payment.authorized',
    {
      orderId,
      paymentId: 'p-1',
      amountMinor: 2380,
      currency: 'EUR',
      expiresAt: '2026-01-08T00:00:00.000Z',
      authorization,
    },
  ],
  declined: (orderId: string, authorization = 1): Reply => [
    'payment.declined',
    { orderId, paymentId: 'p-1', code: 'card-declined', authorization },
  ],
  actionRequired: (orderId: string, authorization = 1): Reply => [
    'payment.action-required',
    {
      orderId,
      paymentId: 'p-1',
      actionUrlRef: `action-${authorization}`,
      actionUrl: `https://bank.test/${authorization}`,
      authorization,
    },
  ],
  undecided: (orderId: string, authorization = 1): Reply => [
    'payment.undecided',
    { orderId, paymentId: 'p-1', authorization, code: 'not-requested' },
  ],
  voided: (orderId: string): Reply => ['payment.voided', { orderId, paymentId: 'p-1' }],
  dispatched: (orderId: string, shipmentId = 's-1', quantity = 2): Reply => [
    'shipment.dispatched',
    { orderId, shipmentId, lines: [{ ...line, quantity }], trackingRef: 't-1' },
  ],
  delivered: (orderId: string, shipmentId = 's-1'): Reply => ['shipment.delivered', { orderId, shipmentId }],
  returned: (orderId: string, shipmentId = 's-1', quantity = 2): Reply => [
    'shipment.failed',
    {
      orderId,
      shipmentId,
      lines: [{ ...line, quantity }],
      code: 'recipient-unknown',
      stage: 'delivery',
      attempt: 1,
    },
  ],
  captured: (orderId: string, shipmentId = 's-1'): Reply => [
    'payment.captured',
    {
      orderId,
      paymentId: 'p-1',
      captureId: `c-${shipmentId}`,
      shipmentId,
      amountMinor: 2380,
      currency: 'EUR',
      final: true,
      authorization: 1,
    },
  ],
  captureFailed: (orderId: string, shipmentId = 's-1'): Reply => [
    'payment.capture-failed',
    { orderId, paymentId: 'p-1', shipmentId, code: 'not-authorized', authorization: 1 },
  ],
  reduced: (orderId: string): Reply => [
    'payment.reduced',
    {
      orderId,
      paymentId: 'p-1',
      cancellationId: 'c-1',
      lines: [{ ...line, quantity: 1 }],
      amountMinor: 1190,
      currency: 'EUR',
    },
  ],
  committed: (orderId: string, shipmentId = 's-1', quantity = 2): Reply => [
    'stock.committed',
    { orderId, reservationId: 'r-1', shipmentId, lines: [{ ...line, quantity }] },
  ],
}

/** Shipping has cancelled so many pieces, and refused the others. */
export const cancelDecided = (orderId: string, cancellationId: string, cancelled: number): Reply => [
  'shipment.cancel-decided',
  {
    orderId,
    cancellationId,
    cancelled: cancelled > 0 ? [{ ...line, quantity: cancelled }] : [],
    refused: cancelled < line.quantity ? [{ ...line, quantity: line.quantity - cancelled }] : [],
    cancelledShipments: [],
  },
]
