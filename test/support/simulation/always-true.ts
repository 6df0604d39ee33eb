/** The invariants of the domain, checked at rest: money by the provider's ledger, stock, streams, read models, messages. */

import { expect } from 'vitest'
import { history } from '../../../functions/history/service.ts'
import { orderStandings, statusAt } from '../../../functions/history/standing.ts'
import { isKept } from '../../../functions/history/timeline.ts'
import { notifications } from '../../../functions/notifications/service.ts'
import type { Envelope } from '../../../shared/contracts/envelope.ts'
import { expectMoney, expectNoMoneyWithoutOrder } from './money.ts'
import { eventsOf, hasEnded, isSold, ordersOf, type OrderFacts, sum } from './order-facts.ts'
import type { World } from './world.ts'
import { sentIn } from '../sends.ts'

export { hasEnded, type OrderFacts, ordersOf } from './order-facts.ts'

const eventSourced = ['orders', 'inventory', 'payments', 'shipping']

export interface Exceptions {
  /** The expected number of dead letters. */
  readonly deadLetters?: number
}

/** Checks all invariants when no activity runs and no item is due. @throws AssertionError that names the violated invariant. */
export function expectAlwaysTrue(world: World, { deadLetters = 0 }: Exceptions = {}): void {
  const orders = ordersOf(world)
  for (const order of orders) {
    expect(hasEnded(order), `${order.orderId} has ended: it is ${order.status} after ${order.types.join(', ')}`).toBe(
      true,
    )
    expectOneEnd(order)
    expectOneOfEach(world, order)
    expectMoney(world, order)
    expectFewAttempts(world, order)
    expectCompensated(world, order)
  }
  expectNoMoneyWithoutOrder(world, orders)
  expectStock(world, orders)
  for (const service of eventSourced) expectStreams(world, service)
  expectViews(world)
  expect(world.bus.deadLetters().map(({ service, type }) => `${type} of ${service}`)).toHaveLength(deadLetters)
}

const count = (types: readonly string[], type: string): number => types.filter((one) => one === type).length

/** An order is confirmed only at the pivot, and no event that implies success precedes it. */
function expectOneEnd({ orderId, status, types }: OrderFacts): void {
  const sold = isSold({ status }) ? 1 : 0
  const ends = types.filter((type) =>
    ['order.completed', 'order.closed', 'order.rejected', 'order.expired', 'order.cancelled'].includes(type),
  )
  expect(ends, `ends of ${orderId}`).toHaveLength(1)
  expect(count(types, 'order.delayed'), `order.delayed of ${orderId}`).toBeLessThanOrEqual(1)
  const begun = types.slice(0, types.indexOf('order.cancelled') + 1 || types.length)
  for (const type of ['order.confirmed', 'order.released']) {
    // A cancelled order may have been confirmed and released before, and never is afterwards.
    if (status === 'cancelled') expect(count(begun, type), `${type} of ${orderId}`).toBe(count(types, type))
    else expect(count(types, type), `${type} of ${orderId}`).toBe(sold)
  }
}

/** Every effect happens exactly once, for any number of deliveries of its cause: those of the order, and those of each parcel. */
const effects = { inventory: ['stock.reserved'], payments: ['payment.authorized'], shipping: [] }
const effectsOfParcel = {
  inventory: ['stock.committed'],
  shipping: ['shipment.created', 'shipment.dispatched'],
}

/** Of an order with nothing to pay. */
const effectsOfFree = { ...effects, payments: ['payment.not-required'] }
/** A parcel is paid once; free goods, and all of an order with nothing to pay, without a capture. */
const paid: readonly string[] = ['payment.captured', 'payment.nothing-due']

function expectOneOfEach(world: World, order: OrderFacts): void {
  const { orderId, types: published, parcels } = order
  if (!isSold(order)) return
  const isFree = published.includes('order.payment-not-required')
  for (const [service, types] of Object.entries(isFree ? effectsOfFree : effects)) {
    const recorded = eventsOf(world, service, orderId).map(({ type }) => type)
    const isAuthorizedAgain = recorded.includes('recapture.due') || recorded.includes('renewal.due')
    for (const type of types)
      if (!(isAuthorizedAgain && type === 'payment.authorized'))
        expect(count(recorded, type), `${type} of ${orderId}`).toBe(1)
  }
  for (const { shipmentId } of parcels) {
    const recordedBy = (service: string): string[] =>
      eventsOf(world, service, orderId)
        .filter(({ data }) => (data as { shipmentId?: string }).shipmentId === shipmentId)
        .map(({ type }) => type)
    for (const [service, types] of Object.entries(effectsOfParcel))
      for (const type of types) expect(count(recordedBy(service), type), `${type} of ${shipmentId}`).toBe(1)
    const payments = recordedBy('payments').filter((type) => paid.includes(type))
    expect(payments, `payment of ${shipmentId}`).toHaveLength(1)
    if (isFree) expect(payments, `payment of ${shipmentId}`).toEqual(['payment.nothing-due'])
  }
  expectParcels(world, order)
}

/** Each piece that is not cancelled has left in one parcel, and each parcel has one end: it is delivered, or comes back. */
function expectParcels(world: World, { orderId, status, quantity, parcels }: OrderFacts): void {
  expect(sum(parcels.map((one) => one.quantity)), `pieces of ${orderId} that have left`).toBe(quantity)
  const recorded = eventsOf(world, 'shipping', orderId)
  const ends = recorded
    .map(({ type, data }) => ({ type, ...(data as { shipmentId?: string; stage?: string }) }))
    .filter(({ type, stage }) => type === 'shipment.delivered' || (type === 'shipment.failed' && stage === 'delivery'))
  expect(ends.map(({ shipmentId }) => String(shipmentId)).toSorted(), `ends of the parcels of ${orderId}`).toEqual(
    parcels.map(({ shipmentId }) => shipmentId).toSorted(),
  )
  const isReturned = parcels.some(({ end }) => end === 'returned')
  expect(isReturned, `a parcel of ${orderId}, which is ${status}, comes back`).toBe(status === 'closed')
}

/** A customer tries a bounded number of payment methods, and the provider is asked for no authorization besides. */
function expectFewAttempts(world: World, { orderId, types }: OrderFacts): void {
  const inCheckout = types.slice(0, types.indexOf('order.confirmed') + 1 || types.length)
  const continued = count(inCheckout, 'order.payment-continued')
  expect(continued, `further payment methods of ${orderId}`).toBeLessThanOrEqual(2)
  const more = eventsOf(world, 'payments', orderId).filter(({ type }) =>
    ['recapture.due', 'renewal.due'].includes(type),
  )
  const requested = world.provider.ledger.all().filter(({ reference }) => reference === orderId).length
  expect(requested, `authorizations of ${orderId} at the provider`).toBeLessThanOrEqual(1 + continued + more.length)
}

/** Compensations run if and only if a step before the pivot failed or timed out, and never after the pivot. */
function expectCompensated(world: World, order: OrderFacts): void {
  const { orderId, status, types, parcels } = order
  const sent = world
    .platform('orders')
    .sent.filter(({ envelope }) => envelope.correlationId === orderId)
    .map(({ envelope }) => envelope.type)
  const compensations = sent.filter((type) => type === 'ReleaseStock' || type === 'VoidPayment')
  // Of a part that is cancelled inventory takes back the pieces, and payments the price.
  const ofPart = types.includes('order.partly-cancelled') ? ['ReleaseStock'] : []
  if (isSold(order)) expect(new Set(compensations), `compensations of ${orderId}`).toEqual(new Set(ofPart))
  const reserved = eventsOf(world, 'inventory', orderId).some(({ type }) => type === 'stock.reserved')
  if (status === 'cancelled' && eventsOf(world, 'payments', orderId).some(({ type }) => type === 'payment.authorized'))
    expect(compensations, `compensations of ${orderId}: ${types.join(', ')}`).toContain('VoidPayment')
  if (!isSold(order) && reserved)
    expect(compensations, `compensations of ${orderId}: ${types.join(', ')}`).toContain('ReleaseStock')
  const booked = world.carrier.bookings().filter(({ reference }) => reference.includes(orderId))
  const shown = (ids: readonly string[]): string[] => ids.toSorted()
  expect(shown(booked.map(({ reference }) => reference)), `parcels of ${orderId} at the carrier`).toEqual(
    shown(parcels.map(({ shipmentId }) => shipmentId)),
  )
  if (!isSold(order)) expect(parcels, `parcels of ${orderId}, which is ${status}`).toEqual([])
}

/** Holds at all times. */
export function expectNothingNegative(world: World): void {
  const shards = [...world.platform('inventory').storedDocuments()].filter(([path]) => path.startsWith('shards/'))
  for (const [path, shard] of shards)
    for (const [field, value] of Object.entries(shard)) expect(value, `${field} of ${path}`).toBeGreaterThanOrEqual(0)
}

function expectStock(world: World, orders: readonly OrderFacts[]): void {
  expectNothingNegative(world)
  for (const [sku, received] of Object.entries(world.stock)) {
    const documents = [...world.platform('inventory').storedDocuments()]
    const shards = documents.filter(([path]) => path.startsWith(`shards/${sku}`))
    const of = (field: string): number => sum(shards.map(([, shard]) => shard[field] as number))
    const sold = sum(orders.map((order) => (isSold(order) ? (order.pieces[sku] ?? 0) : 0)))
    expect({ onHand: of('onHand'), reserved: of('reserved'), sold: of('sold') }, `stock of ${sku}`).toEqual({
      onHand: received - sold,
      reserved: 0,
      sold,
    })
  }
}

/** Sequences have no gaps, each cause occurs once, and each event is published under the order's id. */
function expectStreams(world: World, service: string): void {
  const platform = world.platform(service)
  const published = new Map<string, Envelope>()
  for (const event of platform.published) {
    const before = published.get(event.id)
    if (before) expect(event, `${event.type} republished`).toEqual(before)
    published.set(event.id, event)
  }
  let recorded = 0
  for (const [id, entries] of platform.commitsByStream()) {
    const events = entries.flatMap((entry) => entry.events).filter(({ sequence }) => sequence > 0)
    expect(
      events.map(({ sequence }) => sequence),
      `sequences of ${service}/${id}`,
    ).toEqual(events.map((_event, index) => index + 1))
    const causes = entries.map(({ cause }) => cause)
    expect(new Set(causes).size, `causes of ${service}/${id}`).toBe(causes.length)
    for (const { events: committed, correlationId } of entries)
      for (const event of committed.filter(({ sequence }) => sequence > 0)) {
        expect(published.get(event.id), `${event.type} of ${service}/${id} was published`).toMatchObject({
          type: event.type,
          subject: id,
          // The stream of a delivery of stock has another name than the delivery.
          correlationId: id.startsWith('o-') ? id : correlationId,
          sequence: event.sequence,
        })
      }
    recorded += events.length
  }
  expect(published.size, `${service} published only what it recorded`).toBe(recorded)
}

/** History is the fold of all events that it subscribes to, and every customer is notified of each event once. */
function expectViews(world: World): void {
  const ids = new Map<string, Set<string>>()
  const notifiedOf = new Set<string>()
  for (const service of eventSourced) {
    for (const event of world.platform(service).published) {
      if (isKept(event) && (history.on as readonly string[]).includes(event.type))
        ids.set(event.correlationId, (ids.get(event.correlationId) ?? new Set()).add(event.id))
      if ((notifications.on as readonly string[]).includes(event.type)) notifiedOf.add(event.id)
    }
  }
  const timelines = [...world.platform('history').storedDocuments()].flatMap(([path, document]) =>
    path.startsWith('timelines/') ? [document] : [],
  )
  for (const { orderId, status } of ordersOf(world))
    expect(
      statusAt(orderStandings, timelines.find((one) => one['orderId'] === orderId)?.['standing']),
      `status of ${orderId} in lists`,
    ).toBe(status)
  expect(timelines.map(({ orderId }) => orderId as string).toSorted()).toEqual([...ids.keys()].toSorted())
  for (const { orderId, events } of timelines) {
    const own = Object.keys(events as object)
    expect(own.toSorted(), `timeline of ${orderId as string}`).toEqual([...ids.get(orderId as string)!].toSorted())
  }
  const sends = sentIn([...world.platform('notifications').storedDocuments().values()]).map(({ id }) => id)
  expect(sends.toSorted(), 'the notifications of customers').toEqual([...notifiedOf].toSorted())
}
