/** The invariants of the domain, checked at rest: money by the provider's ledger, stock, streams, read models, messages. */

import { expect } from 'vitest'
import { isKept } from '../../../functions/history/timeline.ts'
import { notifications } from '../../../functions/notifications/service.ts'
import type { Envelope } from '../../../shared/contracts/envelope.ts'
import { expectMoney, expectNoMoneyWithoutOrder } from './money.ts'
import { eventsOf, hasEnded, ordersOf, type OrderFacts, sum } from './order-facts.ts'
import { sku, type World } from './world.ts'

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
  const completed = status === 'completed' ? 1 : 0
  const ends = types.filter((type) =>
    ['order.completed', 'order.rejected', 'order.expired', 'order.cancelled'].includes(type),
  )
  expect(ends, `ends of ${orderId}`).toHaveLength(1)
  expect(count(types, 'order.completed'), `order.completed of ${orderId}`).toBe(completed)
  const begun = types.slice(0, types.indexOf('order.cancelled') + 1 || types.length)
  for (const type of ['order.confirmed', 'order.released']) {
    // A cancelled order may have been confirmed and released before, and never is afterwards.
    if (status === 'cancelled') expect(count(begun, type), `${type} of ${orderId}`).toBe(count(types, type))
    else expect(count(types, type), `${type} of ${orderId}`).toBe(completed)
  }
}

/** Every effect happens exactly once, for any number of deliveries of its cause. */
const effects = {
  inventory: ['stock.reserved', 'stock.committed'],
  payments: ['payment.authorized', 'payment.captured'],
  shipping: ['shipment.created', 'shipment.dispatched'],
}

function expectOneOfEach(world: World, { orderId, status }: OrderFacts): void {
  if (status !== 'completed') return
  for (const [service, types] of Object.entries(effects)) {
    const recorded = eventsOf(world, service, orderId).map(({ type }) => type)
    const isRecaptured = recorded.includes('recapture.due')
    for (const type of types)
      if (!(isRecaptured && type === 'payment.authorized'))
        expect(count(recorded, type), `${type} of ${orderId}`).toBe(1)
  }
}

/** Compensations run if and only if a step before the pivot failed or timed out, and never after the pivot. */
function expectCompensated(world: World, { orderId, status, types }: OrderFacts): void {
  const sent = world
    .platform('orders')
    .sent.filter(({ envelope }) => envelope.correlationId === orderId)
    .map(({ envelope }) => envelope.type)
  const compensations = sent.filter((type) => type === 'ReleaseStock' || type === 'VoidPayment')
  if (status === 'completed') expect(compensations, `compensations of ${orderId}`).toEqual([])
  const reserved = eventsOf(world, 'inventory', orderId).some(({ type }) => type === 'stock.reserved')
  if (status === 'cancelled' && eventsOf(world, 'payments', orderId).some(({ type }) => type === 'payment.authorized'))
    expect(compensations, `compensations of ${orderId}: ${types.join(', ')}`).toContain('VoidPayment')
  if (status !== 'completed' && reserved)
    expect(compensations, `compensations of ${orderId}: ${types.join(', ')}`).toContain('ReleaseStock')
  const booked = world.carrier.bookings().filter(({ reference }) => reference.includes(orderId))
  expect(booked, `parcels of ${orderId}`).toHaveLength(status === 'completed' ? 1 : 0)
}

/** Holds at all times. */
export function expectNothingNegative(world: World): void {
  const shards = [...world.platform('inventory').storedDocuments()].filter(([path]) => path.startsWith('shards/'))
  for (const [path, shard] of shards)
    for (const [field, value] of Object.entries(shard)) expect(value, `${field} of ${path}`).toBeGreaterThanOrEqual(0)
}

function expectStock(world: World, orders: readonly OrderFacts[]): void {
  expectNothingNegative(world)
  const shards = [...world.platform('inventory').storedDocuments()].filter(([path]) => path.startsWith(`shards/${sku}`))
  const of = (field: string): number => sum(shards.map(([, shard]) => shard[field] as number))
  const sold = sum(orders.map(({ status, quantity }) => (status === 'completed' ? quantity : 0)))
  expect({ onHand: of('onHand'), reserved: of('reserved'), sold: of('sold') }, 'stock').toEqual({
    onHand: world.stock - sold,
    reserved: 0,
    sold,
  })
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
    for (const event of events) {
      expect(published.get(event.id), `${event.type} of ${service}/${id} was published`).toMatchObject({
        type: event.type,
        subject: id,
        correlationId: id,
        sequence: event.sequence,
      })
    }
    recorded += events.length
  }
  expect(published.size, `${service} published only what it recorded`).toBe(recorded)
}

/** History is the fold of all events, and every customer is notified of each event once. */
function expectViews(world: World): void {
  const ids = new Map<string, Set<string>>()
  const notifiedOf = new Set<string>()
  for (const service of eventSourced) {
    for (const event of world.platform(service).published) {
      if (isKept(event)) ids.set(event.correlationId, (ids.get(event.correlationId) ?? new Set()).add(event.id))
      if ((notifications.on as readonly string[]).includes(event.type)) notifiedOf.add(event.id)
    }
  }
  const timelines = [...world.platform('history').storedDocuments().values()]
  expect(timelines.map(({ orderId }) => orderId as string).toSorted()).toEqual([...ids.keys()].toSorted())
  for (const { orderId, events } of timelines) {
    const own = Object.keys(events as object)
    expect(own.toSorted(), `timeline of ${orderId as string}`).toEqual([...ids.get(orderId as string)!].toSorted())
  }
  const sends = [...world.platform('notifications').storedDocuments().keys()].map((path) => path.replace('sends/', ''))
  expect(sends.toSorted(), 'the notifications of customers').toEqual([...notifiedOf].toSorted())
}
