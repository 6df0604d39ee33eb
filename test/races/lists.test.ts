/** The rows of lists, for events in any order: each status is that of the order and of the shipment. */

import { describe, expect, it } from 'vitest'
import { app } from '../../functions/history/app.ts'
import { history } from '../../functions/history/service.ts'
import { ordersContracts } from '../../functions/orders/contracts.ts'
import { permutations } from '../../functions/orders/shop.testing.ts'
import { deliver, message, versionOf } from '../../shared/runtime/deliver.testing.ts'
import { testPlatform } from '../../shared/runtime/platform.testing.ts'
import { serveQueries } from '../../shared/runtime/queries.testing.ts'

const placed = { ...ordersContracts.events['order.placed'].example, orderId: 'o-1' }
const event = (type: string, data: object) =>
  message(type, { orderId: 'o-1', ...data }, { subject: 'o-1', version: versionOf(history, type) })
const shipment = { shipmentId: 's-1', lines: [{ lineId: '1', sku: 'TEA-001', quantity: 2 }] }

async function listed(events: readonly ReturnType<typeof event>[]) {
  const platform = testPlatform(history)
  for (const one of events) await deliver(app, platform, one)
  const http = serveQueries(app, platform)
  const read = async (path: string): Promise<object[]> => {
    const body = (await (await http.request(path)).json()) as Readonly<Record<string, object[]>>
    return Object.values(body)[0]!
  }
  const { reads } = platform.billed
  expect(reads, 'nothing is read to write').toBe(0)
  return { orders: await read('/orders'), shipments: await read('/shipments'), read }
}

const row = {
  orderId: 'o-1',
  customerRef: 'customer-1',
  placedAt: '2026-01-01T00:00:00.000Z',
  totalMinor: placed.totalMinor,
  currency: 'EUR',
}

it.each<[string, string, object]>([
  ['completed', 'order.completed', {}],
  ['closed', 'order.closed', { reason: 'paid by invoice', notCaptured: [] }],
  ['cancelled', 'order.cancelled', ordersContracts.events['order.cancelled'].example],
])('an order that is %s is listed so, whichever event comes last, and twice', async (status, type, data) => {
  const life = [
    event('order.placed', placed),
    event('order.confirmed', { promisedBy: '2026-01-03T00:00:00.000Z' }),
    event(type, { ...data, orderId: 'o-1' }),
  ]
  for (const order of permutations(life))
    expect((await listed([...order, order[0]!])).orders).toEqual([{ ...row, status }])
})

describe('an order that waits for its payment', () => {
  const changed = (status: string, sequence: number) => numbered('order.status-changed', { status }, sequence)
  const numbered = (type: string, data: object, sequence: number) =>
    message(type, { orderId: 'o-1', ...data }, { subject: 'o-1', version: versionOf(history, type), sequence })
  const needed = ordersContracts.events['order.payment-needed'].example
  const confirmed = numbered('order.confirmed', { promisedBy: '2026-01-03T00:00:00.000Z' }, 3)
  const begun = numbered('order.placed', placed, 1)
  const requested = numbered('order.payment-needed', { ...needed, orderId: 'o-1' }, 2)

  it.each<[string, ReturnType<typeof event>[]]>([
    ['payment-needed', [begun, requested]],
    ['pending', [begun, requested, changed('pending', 4)]],
    ['confirmed', [begun, requested, confirmed, changed('confirmed', 4)]],
    ['payment-failed', [begun, confirmed, changed('payment-failed', 4)]],
    ['confirmed', [begun, confirmed, changed('payment-failed', 4), changed('confirmed', 5)]],
    ['payment-needed', [begun, confirmed, numbered('order.payment-needed', { ...needed, orderId: 'o-1' }, 4)]],
    ['completed', [begun, confirmed, changed('payment-failed', 4), numbered('order.completed', {}, 5)]],
    ['expired', [begun, requested, numbered('order.expired', { reason: 'payment-needed', lines: shipment.lines }, 3)]],
  ])('is listed as %s, whichever event comes last, and twice', async (status, life) => {
    for (const order of permutations(life)) {
      const platform = testPlatform(history)
      for (const one of [...order, order[0]!]) await deliver(app, platform, one)
      const listed = await serveQueries(app, platform).request(`/orders?status=${status}`)
      expect(await listed.json(), order.map(({ type }) => type).join(', ')).toEqual({ orders: [{ ...row, status }] })
    }
  })
})

it('an order is listed once order.placed has come, and by its status alone', async () => {
  expect((await listed([event('order.confirmed', { promisedBy: '2026-01-03T00:00:00.000Z' })])).orders).toEqual([])
  const { orders, read } = await listed([event('order.placed', placed)])
  expect(orders).toEqual([{ ...row, status: 'pending' }])
  expect(await read('/orders?status=pending&customer=customer-1')).toEqual(orders)
  expect(await read('/orders?customer=customer-1')).toEqual(orders)
  expect(await read('/orders?status=pending')).toEqual(orders)
  expect(await read('/orders?placedFrom=2026-01-01T01:00:00%2B01:00')).toEqual(orders)
  for (const other of ['status=confirmed', 'customer=customer-2', 'placedBefore=2026-01-01T01:00:00%2B01:00'])
    expect(await read(`/orders?${other}`), other).toEqual([])
})

it('a timeline from before there were lists is listed when its events are published again', async () => {
  const platform = testPlatform(history)
  const old = { type: 'order.placed', source: 'orders', time: '2025-01-01T00:00:00.000Z', sequence: 1 }
  await platform.documents.merge('timelines/o-1' as never, {
    orderId: 'o-1',
    customerRef: 'customer-1',
    events: { e: old },
  })
  const http = serveQueries(app, platform)
  const orders = async (): Promise<unknown> => (await http.request('/orders')).json()
  expect(await orders()).toEqual({ orders: [] })
  await deliver(app, platform, event('order.placed', placed))
  expect(await orders()).toEqual({ orders: [{ ...row, status: 'pending' }] })
})

it('a shipment is listed with its last status, in any order of its events', async () => {
  const life = [event('shipment.created', shipment), event('shipment.dispatched', { ...shipment, trackingRef: 't-1' })]
  const at = life[0]!.time
  for (const order of permutations(life))
    expect((await listed(order)).shipments).toEqual([
      { shipmentId: 's-1', orderId: 'o-1', status: 'dispatched', createdAt: at, dispatchedAt: at, trackingRef: 't-1' },
    ])
  const ends = [
    [event('shipment.delivered', { orderId: 'o-1', shipmentId: 's-1' }), { status: 'delivered', deliveredAt: at }],
    [
      event('shipment.failed', { ...shipment, code: 'recipient-unknown', stage: 'delivery', attempt: 1 }),
      { status: 'returned', code: 'recipient-unknown' },
    ],
  ] as const
  for (const [end, expected] of ends)
    for (const order of permutations([...life, end]))
      expect((await listed(order)).shipments).toEqual([
        { shipmentId: 's-1', orderId: 'o-1', createdAt: at, dispatchedAt: at, trackingRef: 't-1', ...expected },
      ])
  const refused = event('shipment.failed', { ...shipment, code: 'address-unknown', stage: 'booking', attempt: 1 })
  const again = event('shipment.failed', { ...shipment, code: 'not-serviceable', stage: 'booking', attempt: 2 })
  for (const order of permutations([life[0]!, refused, again])) {
    const { read } = await listed(order)
    expect(await read('/shipments?status=created')).toEqual([])
    expect(await read('/shipments?status=refused')).toEqual([
      { shipmentId: 's-1', orderId: 'o-1', status: 'refused', createdAt: at },
    ])
  }
  for (const order of permutations([...life, refused])) {
    const { read } = await listed(order)
    expect(await read('/shipments?status=refused')).toEqual([])
    expect(await read('/shipments?status=dispatched')).toMatchObject([{ trackingRef: 't-1' }])
  }
  const decided = { cancellationId: 'c-1', cancelled: shipment.lines, refused: [], cancelledShipments: ['s-1'] }
  for (const order of permutations([life[0]!, event('shipment.cancel-decided', decided)])) {
    const { read } = await listed(order)
    expect(await read('/shipments?status=cancelled')).toMatchObject([{ shipmentId: 's-1' }])
    expect(await read('/shipments?status=created')).toEqual([])
  }
})

/** Five orders, each of the next day, and a shipment of each that was made a second after the one before. */
async function ofFiveDays() {
  const platform = testPlatform(history)
  for (let index = 0; index < 5; index++) {
    const orderId = `o-${index}`
    const data = { ...placed, orderId, placedAt: `2026-01-0${index + 1}T00:00:00Z` }
    const about = (type: string, fields: object) =>
      message(type, fields, { subject: orderId, version: versionOf(history, type), key: index })
    await deliver(app, platform, about('order.placed', data))
    const created = about('shipment.created', { ...shipment, orderId, shipmentId: `s-${index}` })
    await deliver(app, platform, { ...created, time: `2026-01-01T00:00:0${index}.000Z` })
  }
  return { platform, http: serveQueries(app, platform) }
}

interface Page {
  readonly orders?: readonly { readonly orderId: string }[]
  readonly shipments?: readonly { readonly orderId: string }[]
  readonly next?: string
  readonly code?: string
}

it('a page of orders costs a read for each row, in each order', async () => {
  const { platform, http } = await ofFiveDays()
  for (const [sort, expected] of [
    ['', ['o-4', 'o-3', 'o-2', 'o-1', 'o-0']],
    ['&sort=placedAt', ['o-0', 'o-1', 'o-2', 'o-3', 'o-4']],
  ] as const) {
    const seen: string[] = []
    const reads: number[] = []
    let path: string | undefined = `/orders?customer=customer-1&limit=2${sort}`
    while (path !== undefined) {
      const before = platform.billed.reads
      const { orders = [], next } = (await (await http.request(path)).json()) as Page
      reads.push(platform.billed.reads - before)
      seen.push(...orders.map(({ orderId }) => orderId))
      path = next === undefined ? undefined : `/orders?customer=customer-1&limit=2${sort}&after=${next}`
      if (next !== undefined) {
        const stolen = await http.request(`/orders?customer=customer-2&limit=2${sort}&after=${next}`)
        expect([stolen.status, ((await stolen.json()) as Page).code]).toEqual([400, 'invalid-cursor'])
      }
    }
    expect([seen, reads]).toEqual([expected, [2, 2, 1]])
  }
})

it('orders and shipments are listed in each declared order with each filter, and a cursor is of its order alone', async () => {
  const { http } = await ofFiveDays()
  const read = async (path: string): Promise<Page> => (await (await http.request(path)).json()) as Page
  for (const list of [
    '/orders?',
    '/orders?customer=customer-1&',
    '/orders?status=pending&',
    '/orders?customer=customer-1&status=pending&',
    '/shipments?',
    '/shipments?status=created&',
  ]) {
    const field = list.startsWith('/orders') ? 'placedAt' : 'createdAt'
    for (const [sort, ids] of [
      [`-${field}`, ['o-4', 'o-3', 'o-2']],
      [field, ['o-0', 'o-1', 'o-2']],
    ] as const) {
      const { orders, shipments, next } = await read(`${list}sort=${sort}&limit=3`)
      expect(
        (orders ?? shipments)!.map(({ orderId }) => orderId),
        `${list}sort=${sort}`,
      ).toEqual(ids)
      const other = sort === field ? `-${field}` : field
      expect(await read(`${list}sort=${other}&limit=3&after=${next}`)).toMatchObject({ code: 'invalid-cursor' })
    }
  }
  const bounded = '/orders?placedFrom=2026-01-02T00:00:00Z&placedBefore=2026-01-04T00:00:00Z&sort=placedAt'
  expect((await read(bounded)).orders).toMatchObject([{ orderId: 'o-1' }, { orderId: 'o-2' }])
  expect(await read('/orders?sort=totalMinor')).toMatchObject({ status: 400, code: 'request-invalid' })
})
