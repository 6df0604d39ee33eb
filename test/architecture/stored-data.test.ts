/** Every query reads data that was stored under earlier bounds: bounds apply to requests only. */

import { expect, it } from 'vitest'
import { loadApp } from '../../functions/apps.ts'
import { services } from '../../functions/index.ts'
import { ordersContracts } from '../../functions/orders/contracts.ts'
import { freshId } from '../../shared/base/ids.ts'
import { memory, type Memory } from '../../shared/messaging/memory.testing.ts'
import { startOfTests, testPlatform, testTrace } from '../../shared/runtime/platform.testing.ts'
import type { RecordedEvent } from '../../shared/service/platform.ts'
import type { Service } from '../../shared/service/service.ts'
import type { ServiceApp } from '../../shared/service/service-app.ts'
import { serveQueries } from '../../shared/runtime/queries.testing.ts'
import { services as servicesOfHelpDesk } from '../another-business/functions/index.ts'

/** No kind of text takes it today, for its length and its characters. */
const old = `\u001B]0;${'old '.repeat(1_000)}\u0007`
/** No quantity and no amount is so large, or below zero. */
const huge = 10 ** 15
const at = startOfTests
const vault = `c-${'0'.repeat(26)}`
const addressRef = `a-${'0'.repeat(26)}-${'0'.repeat(10)}`
const kept = { key: 'key', requestHash: 'hash', addedAt: at }
const address = { name: '4242 4242 4242 4242', lines: [old, old, old, old], city: old, country: 'XX' }
const card = { brand: old, last4: 'none', expiryMonth: 0, expiryYear: 99 }
const consent = { kind: old, version: old }
const line = { lineId: old, sku: old, quantity: huge, unitMinor: -huge }
const placed = {
  ...ordersContracts.events['order.placed'].example,
  customerRef: old,
  currency: old,
  totalMinor: -huge,
  lines: [{ ...line, gift: true }],
}

type Recorded = Pick<RecordedEvent, 'type' | 'data'> & { readonly version: number }

async function append(streams: Memory['store'], id: string, events: readonly Recorded[]): Promise<void> {
  await streams.append(await streams.load(id), {
    cause: freshId(0),
    time: at,
    correlationId: id,
    actor: old,
    traceparent: testTrace,
    events: events.map((event, index) => ({ ...event, id: freshId(0), sequence: index === 0 ? 1 : 0 })),
    commands: [],
  })
}

interface Read {
  readonly path: string
  readonly answer: object
}

/** By query: a request, and the answer with the stored data. */
const reads: Readonly<Record<string, Read>> = {
  listOrderRecords: {
    path: '/order-records',
    answer: { rows: [{ orderId: 'id-1' }, { orderId: 'o-1', currency: old, totalMinor: -huge }] },
  },
  listPaymentRecords: { path: '/payment-records', answer: { rows: [{ orderId: 'id-1', status: 'authorized' }] } },
  listReservations: { path: '/reservations', answer: { rows: [{ orderId: 'id-1', status: 'held' }] } },
  listMovements: { path: '/movements', answer: { rows: [{ id: 'id-1', held: [{ sku: old }] }] } },
  listShards: { path: '/shards', answer: { rows: [{ sku: 'TEA-001', available: -huge, sold: huge }] } },
  listShipmentRecords: {
    path: '/shipment-records',
    answer: { rows: [{ orderId: 'id-1', shipments: [{ status: 'created' }] }] },
  },
  readOrder: {
    path: '/orders/o-1',
    answer: { customerRef: old, currency: old, totalMinor: -huge, lines: [line] },
  },
  readSaga: { path: '/orders/o-1/saga', answer: { waitsFor: [{ step: old, attempt: 1, until: at }] } },
  readTimeline: {
    path: '/orders/o-1/timeline',
    answer: { customerRef: old, entries: [{ eventId: old, type: old, source: old, time: 'in May', sequence: -1 }] },
  },
  listOrders: {
    path: '/orders',
    answer: { orders: [{ orderId: 'o-1', customerRef: old, status: 'pending', totalMinor: -huge, currency: old }] },
  },
  listShipments: {
    path: '/shipments?status=dispatched',
    answer: { shipments: [{ shipmentId: old, orderId: 'o-1', status: 'dispatched', trackingRef: old }] },
  },
  listProducts: {
    path: '/products',
    answer: { products: [{ sku: 'TEA-001', name: old, unitMinor: -huge, currency: old }] },
  },
  readProduct: {
    path: '/products/TEA-001',
    answer: { name: old, unitMinor: -huge, currency: old, validFrom: 'May 2020' },
  },
  readStock: { path: '/stock/TEA-001', answer: { available: -huge, reserved: 0, sold: huge, onHand: -huge } },
  readDelivery: { path: '/deliveries/d-1', answer: { lines: [{ sku: old, quantity: -huge }] } },
  readAddress: { path: `/addresses/${addressRef}`, answer: address },
  listAddresses: {
    path: `/vaults/${vault}/addresses`,
    answer: { addresses: [{ ...address, addressRef, addedAt: at }] },
  },
  listPaymentMethods: {
    path: `/vaults/${vault}/payment-methods`,
    answer: { paymentMethods: [{ ...card, paymentMethodRef: old, addedAt: at }] },
  },
  listConsents: {
    path: `/vaults/${vault}/consents`,
    answer: { consents: [{ ...consent, consentRef: old, addedAt: at }] },
  },
  listWebhooks: {
    path: '/customers/customer-1/webhook-endpoints',
    answer: { endpoints: [{ endpointId: 'w-1', url: 'https://example.com/hooks', createdAt: at }] },
  },
  listWebhookDeliveries: {
    path: '/customers/customer-1/webhook-endpoints/w-1/deliveries',
    answer: { deliveries: [{ webhookId: old, attempts: huge, lastFailure: old }] },
  },
  readTicket: { path: '/tickets/t-1', answer: { title: old } },
  readVisit: { path: '/visits/t-1', answer: { status: 'planned', waitsFor: [{ step: old, attempt: 1, until: at }] } },
  // Of the vault it tells nothing but whether it has such entries.
  findUnknownReferences: {
    path: `/references/${vault}?addressRef=${addressRef}&paymentMethodRef=pm-1`,
    answer: { unknown: ['paymentMethodRef'] },
  },
}

/** The stream that a new query of `npm run new` reads: of an event of its owner. */
async function storeFirstEvent({ store: streams }: Memory, { contracts }: Service): Promise<void> {
  const [first] = Object.entries({ ...contracts.events, ...contracts.recorded })
  if (first) await append(streams, 'id-1', [{ type: first[0], version: first[1].version, data: first[1].example }])
}

async function store({ store: streams, documents }: Memory, { name }: Service): Promise<void> {
  const saga = { version: 1, phase: 'running', step: old, deadlineMs: Date.parse(at), compensations: [] }
  const events = [
    { type: 'order.placed', version: 2, data: placed },
    { type: 'checkout.progressed', version: 2, data: { saga } },
  ]
  if (name === 'orders') await append(streams, 'o-1', events)
  const reserved = { type: 'reservation.held', version: 1, data: { [old]: [2] } }
  if (name === 'inventory') await append(streams, 'id-1', [reserved])
  const planned = { ticketId: 't-1', part: old, note: old }
  if (name === 'visits')
    await append(streams, 't-1', [
      { type: 'visit.planned', version: 1, data: planned },
      { type: 'visit.progressed', version: 1, data: saga },
    ])
  await documents.create('board/t-1', { ticketId: 't-1', title: old, note: old })
  const fact = { type: old, source: old, time: 'in May', sequence: -1 }
  const row = { standing: 10, placedAt: at, totalMinor: -huge, currency: old, note: old }
  await documents.create('timelines/o-1', { orderId: 'o-1', customerRef: old, ...row, events: { [old]: fact } })
  const shipment = { shipmentId: old, orderId: 'o-1', standing: 20, createdAt: at, trackingRef: old, note: old }
  await documents.create('shipments/s-1', shipment)
  const price = { unitMinor: -huge, currency: old, validFrom: 'May 2020' }
  await documents.create('products/TEA-001', { name: old, prices: [price] })
  await documents.create('shards/TEA-001~0', { onHand: -huge, reserved: 0, sold: huge })
  await documents.create('deliveries/d-1', { lines: [{ sku: old, quantity: -huge, note: old }] })
  const endpoint = { url: 'https://example.com/hooks', types: ['order.placed'], status: 'enabled', createdAt: at }
  await documents.create('customers/customer-1', { endpoints: { 'w-1': { ...endpoint, secrets: [], ...kept } } })
  const tried = { webhookId: old, type: 'order.placed', status: 'failed', attempts: huge, lastFailure: old }
  await documents.create('deliveries/wd-1', { ...tried, endpointId: 'w-1', createdAt: at, note: old })
  await documents.create(`vaults/${vault}`, {
    addresses: { [addressRef]: { ...address, ...kept } },
    paymentMethods: { [old]: { ...card, ...kept } },
    consents: { [old]: { ...consent, ...kept } },
  })
}

type Load = (name: string) => Promise<ServiceApp>
const loadOfHelpDesk: Load = async (name) =>
  ((await import(`../another-business/functions/${name}/app.ts`)) as { readonly app: ServiceApp }).app
const queriesOf = (ofBusiness: readonly Service[], load: Load) =>
  ofBusiness.flatMap((service) =>
    Object.entries(service.contracts.queries ?? {})
      // Charges are copies of the provider's list, for one night.
      .filter(([name, { method }]) => method === 'get' && !['listCharges', 'listCollectedCharges'].includes(name))
      .map(([name]) => ({ service, name, load })),
  )
const queries = [...queriesOf(services, loadApp), ...queriesOf(servicesOfHelpDesk, loadOfHelpDesk)]

it.each(queries)('$name answers with data that was stored under earlier bounds', async ({ service, name, load }) => {
  const read = reads[name]
  expect(read, `add the stored data of ${name} to this test`).toBeDefined()
  const stored = memory()
  await store(stored, service)
  await storeFirstEvent(stored, service)
  const response = await serveQueries(await load(service.name), testPlatform(service, { kept: stored })).request(
    read!.path,
  )
  const answer: unknown = await response.json()
  expect(answer).toMatchObject(read!.answer)
  expect(JSON.stringify(answer)).not.toMatch(/"(?:gift|note|key|requestHash)"/)
})
