import { describe, expect, it } from 'vitest'
import { moneyText } from './analytics.ts'
import { differencesOf, isInFlight, type Records } from './compare.ts'
import type { Difference, Kind } from './contracts.ts'
import { kinds } from './contracts.ts'
import { joined } from './join.ts'
import { noStock, stockDifferences, withMovements, withRows, withShards } from './stock.ts'

const at = '2026-01-01T00:00:00.000Z'
const sku = 'TEA-001'
const line = { lineId: '1', sku, quantity: 2 }
const completed = {
  orderId: 'o-1',
  order: {
    orderId: 'o-1',
    changedAt: at,
    status: 'completed',
    currency: 'EUR',
    totalMinor: 2380,
    imported: false,
    lines: [line],
    cancelled: [],
    capturedMinor: 2380,
    refundedMinor: 100,
    dispatched: ['s-1'],
  },
  payment: {
    orderId: 'o-1',
    changedAt: at,
    status: 'authorized',
    currency: 'EUR',
    totalMinor: 2380,
    inFlight: false,
    authorizations: [{ authorizationKey: 'o-1:auth', capturedMinor: 2380, refundedMinor: 100 }],
    captured: ['s-1'],
  },
  charges: [
    {
      authorizationKey: 'o-1:auth',
      orderId: 'o-1',
      state: 'authorized',
      amountMinor: 2380,
      currency: 'EUR',
      capturedMinor: 2380,
      refundedMinor: 100,
    },
  ],
  reservation: { orderId: 'o-1', changedAt: at, status: 'held', held: [] },
  shipments: { orderId: 'o-1', changedAt: at, shipments: [{ shipmentId: 's-1', status: 'delivered' }] },
  analytics: {
    orderId: 'o-1',
    rows: 1,
    status: 'completed',
    totalMinor: 2380,
    currency: 'EUR',
    capturedMinor: 'EUR 23.80',
    refundedMinor: 'EUR 1.00',
    changedAt: at,
  },
} as const satisfies Records
/** The order and BigQuery have the amounts of the ledger. */
function inAgreement(records: Records): Records {
  const { order, payment: ledger, analytics } = records
  const sum = (field: 'capturedMinor' | 'refundedMinor'): number =>
    (ledger?.authorizations ?? []).reduce((total, one) => total + one[field], 0)
  const [capturedMinor, refundedMinor] = [sum('capturedMinor'), sum('refundedMinor')]
  const shown = { capturedMinor: moneyText(capturedMinor, 'EUR'), refundedMinor: moneyText(refundedMinor, 'EUR') }
  return {
    ...records,
    order: order && { ...order, capturedMinor, refundedMinor },
    analytics: analytics && { ...analytics, ...shown },
  }
}
/** Confirmed, and nothing has left. */
const confirmed = inAgreement({
  ...completed,
  order: { ...completed.order, status: 'confirmed', dispatched: [] },
  payment: {
    ...completed.payment,
    authorizations: [{ authorizationKey: 'o-1:auth', capturedMinor: 0, refundedMinor: 0 }],
    captured: [],
  },
  charges: [{ ...completed.charges[0], capturedMinor: 0, refundedMinor: 0 }],
  reservation: { ...completed.reservation, held: [{ sku, quantity: 2 }] },
  shipments: { ...completed.shipments, shipments: [{ shipmentId: 's-1', status: 'booked' }] },
  analytics: { ...completed.analytics, status: 'confirmed' },
})
/** Of two parcels one has left. */
const partlyShipped: Records = {
  ...completed,
  order: { ...completed.order, status: 'confirmed', lines: [{ ...line, quantity: 5 }] },
  reservation: { ...completed.reservation, held: [{ sku, quantity: 3 }] },
  shipments: {
    ...completed.shipments,
    shipments: [
      { shipmentId: 's-1', status: 'dispatched', lines: [line] },
      { shipmentId: 's-2', status: 'booked', lines: [{ ...line, quantity: 3 }] },
    ],
  },
  analytics: { ...completed.analytics, status: 'confirmed' },
}
/** Cancelled before anything left: the payment is voided, and nothing is held. */
const cancelled = inAgreement({
  ...confirmed,
  order: { ...confirmed.order!, status: 'cancelled' },
  payment: { ...confirmed.payment!, status: 'voided' },
  charges: [{ ...confirmed.charges![0]!, state: 'voided' }],
  reservation: { ...confirmed.reservation!, status: 'released', held: [] },
  shipments: { ...completed.shipments, shipments: [{ shipmentId: 's-1', status: 'cancelled' }] },
  analytics: { ...completed.analytics, status: 'cancelled' },
})
/** Of two pieces one was cancelled, and the other was captured. */
const partlyCancelled = inAgreement({
  ...completed,
  order: { ...completed.order, cancelled: [{ ...line, quantity: 1 }], cancelledMinor: 1190 },
  payment: { ...completed.payment, authorizations: [{ ...completed.payment.authorizations[0], capturedMinor: 1190 }] },
  charges: [{ ...completed.charges[0], capturedMinor: 1190 }],
})
const { cancelledMinor: _unknown, ...orderOfEarlier } = partlyCancelled.order!
/** An answer of a revision from before orders listed the amount. */
const partlyCancelledEarlier: Records = { ...partlyCancelled, order: orderOfEarlier }
const imported = inAgreement({
  orderId: 'o-1',
  order: { ...completed.order, imported: true, dispatched: [] },
  charges: [],
  analytics: completed.analytics,
})
const free = inAgreement({
  ...completed,
  order: { ...completed.order, totalMinor: 0 },
  payment: { ...completed.payment, status: 'not-required', totalMinor: 0, authorizations: [] },
  charges: [],
  analytics: { ...completed.analytics, totalMinor: 0 },
})
const { capturedMinor: _captured, refundedMinor: _refunded, ...orderWithoutAmounts } = completed.order
/** An answer of a revision from before orders listed what was captured and refunded. */
const completedEarlier: Records = { ...completed, order: orderWithoutAmounts }
/** A first authorization was released for another one. */
const renewed: Records = {
  ...confirmed,
  payment: {
    ...confirmed.payment!,
    authorizations: ['o-1:auth', 'o-1:auth:2'].map((authorizationKey) => ({
      authorizationKey,
      capturedMinor: 0,
      refundedMinor: 0,
    })),
  },
  charges: [
    { ...confirmed.charges![0]!, state: 'released' },
    { ...confirmed.charges![0]!, authorizationKey: 'o-1:auth:2' },
  ],
}
const charge = (records: Records, change: object): Records => ({
  ...records,
  charges: [{ ...records.charges![0]!, ...change }],
})
/** The first parcel was captured under the current authorization, which holds the price of the other. */
const partlyHeld: Records = charge(partlyShipped, { amountMinor: 5950, heldMinor: 3570 })
/** A first card was declined, and the second one paid. */
const secondCard: Records = {
  ...completed,
  charges: [
    ...completed.charges,
    { ...completed.charges[0], authorizationKey: 'o-1:auth:0', state: 'declined', capturedMinor: 0, refundedMinor: 0 },
  ],
}

it.each(
  Object.entries({
    completed,
    confirmed,
    partlyShipped,
    partlyHeld,
    cancelled,
    partlyCancelled,
    partlyCancelledEarlier,
    imported,
    free,
    secondCard,
    completedEarlier,
    renewed,
  }),
)('an order that is %s has no difference', (_, records: Records) => {
  expect(differencesOf(records)).toEqual([])
})

const payment = (records: Records, change: object): Records =>
  inAgreement({ ...records, payment: { ...records.payment!, ...change } })
const account = { authorizationKey: 'o-1:auth', capturedMinor: 2380, refundedMinor: 100 }
const gone = undefined

const owingStatuses = ['confirmed', 'payment-failed', 'closed']
/** All has left, and twice the total was captured. */
const paidTwice = (status: string, refundedMinor: number): Records => {
  const paid = { capturedMinor: 4760, refundedMinor }
  const authorizations = [{ authorizationKey: 'o-1:auth', ...paid }]
  return {
    ...inAgreement({
      ...charge(payment(completed, { authorizations }), paid),
      order: { ...completed.order, status },
      analytics: { ...completed.analytics, status },
    }),
  }
}

/** One planted difference of each kind in what was right, with the two values that it shows. */
const planted: readonly (readonly [Kind, Records, Difference['values']])[] = [
  [
    'charge-missing-here',
    { ...confirmed, charges: [...confirmed.charges!, { ...confirmed.charges![0]!, authorizationKey: 'o-1:other' }] },
    { provider: 'authorized EUR 23.80, captured 0', ledger: 'nothing' },
  ],
  [
    'charge-missing-there',
    { ...completed, charges: [] },
    { provider: 'nothing', ledger: 'authorized, captured EUR 23.80' },
  ],
  ['captured-amount', charge(completed, { capturedMinor: 2379 }), { provider: 'EUR 23.79', ledger: 'EUR 23.80' }],
  ['refunded-amount', charge(completed, { refundedMinor: 0 }), { provider: '0', ledger: 'EUR 1.00' }],
  ['disputed-amount', charge(completed, { disputedMinor: 7 }), { provider: 'EUR 0.07', ledger: '0' }],
  ['charge-state', charge(confirmed, { state: 'voided' }), { provider: 'voided', ledger: 'authorized' }],
  ['charge-state', charge(cancelled, { state: 'authorized' }), { provider: 'authorized', ledger: 'voided' }],
  [
    'authorization-held',
    { ...renewed, charges: renewed.charges!.map((one) => ({ ...one, state: 'authorized' })) },
    { provider: 'authorized EUR 23.80, captured 0', ledger: 'current o-1:auth:2', orders: 'confirmed' },
  ],
  [
    'authorization-held',
    charge(completed, { amountMinor: 5950, heldMinor: 3570 }),
    { provider: 'authorized EUR 59.50, captured EUR 23.80, holds EUR 35.70', ledger: 'current', orders: 'completed' },
  ],
  [
    'authorization-held',
    {
      ...partlyHeld,
      payment: {
        ...partlyHeld.payment!,
        authorizations: [
          ...partlyHeld.payment!.authorizations,
          { authorizationKey: 'o-1:auth:2', capturedMinor: 0, refundedMinor: 0 },
        ],
      },
      charges: [
        ...partlyHeld.charges!,
        { ...confirmed.charges![0]!, authorizationKey: 'o-1:auth:2', amountMinor: 3570, heldMinor: 3570 },
      ],
    },
    {
      provider: 'authorized EUR 59.50, captured EUR 23.80, holds EUR 35.70',
      ledger: 'current o-1:auth:2',
      orders: 'confirmed',
    },
  ],
  // An order that staff closed holds nothing, nor does any other that has ended.
  ...['closed', 'rejected', 'expired'].map((status): [Kind, Records, Difference['values']] => [
    'authorization-held',
    {
      ...confirmed,
      order: { ...confirmed.order!, status },
      reservation: { ...confirmed.reservation!, held: [] },
      analytics: { ...confirmed.analytics!, status },
    },
    { provider: 'authorized EUR 23.80, captured 0', ledger: 'current', orders: status },
  ]),
  [
    'order-captured',
    { ...completed, order: { ...completed.order, capturedMinor: 2370 } },
    { ledger: 'EUR 23.80', orders: 'EUR 23.70' },
  ],
  [
    'order-refunded',
    { ...completed, order: { ...completed.order, refundedMinor: 0 } },
    { ledger: 'EUR 1.00', orders: '0' },
  ],
  ['order-total', payment(completed, { totalMinor: 2390 }), { orders: 'EUR 23.80', ledger: 'EUR 23.90' }],
  [
    'captured-without-order',
    {
      ...charge(payment(cancelled, { authorizations: [account] }), { state: 'authorized', ...account }),
    },
    { ledger: 'captured EUR 22.80', orders: 'cancelled' },
  ],
  // Goods would leave that no card pays.
  [
    'confirmed-not-authorized',
    { ...payment(confirmed, { status: 'voided' }), charges: cancelled.charges! },
    { orders: 'confirmed EUR 23.80', ledger: 'voided' },
  ],
  [
    'confirmed-not-authorized',
    { ...confirmed, payment: gone, charges: [] },
    { orders: 'confirmed EUR 23.80', ledger: 'nothing' },
  ],
  ...['released', 'expired'].map((state): [Kind, Records, Difference['values']] => [
    'confirmed-not-authorized',
    charge(confirmed, { state }),
    { orders: 'confirmed EUR 23.80', provider: `${state} EUR 23.80, captured 0` },
  ]),
  [
    'confirmed-not-authorized',
    charge(
      {
        ...partlyShipped,
        order: { ...partlyShipped.order!, totalMinor: 5950 },
        payment: { ...partlyShipped.payment!, totalMinor: 5950 },
        analytics: { ...partlyShipped.analytics!, totalMinor: 5950 },
      },
      { amountMinor: 5950, state: 'released' },
    ),
    { orders: 'confirmed EUR 35.70', provider: 'released EUR 59.50, captured EUR 23.80' },
  ],
  ['captured-not-shipped', payment(confirmed, { captured: ['s-1'] }), { ledger: 'captured s-1', shipping: 'booked' }],
  ['completed-not-captured', payment(completed, { captured: [] }), { orders: 'completed', ledger: 'nothing for s-1' }],
  [
    'completed-not-captured',
    charge(payment(completed, { authorizations: [{ ...account, capturedMinor: 100 }] }), { capturedMinor: 100 }),
    { orders: 'completed EUR 23.80', ledger: 'captured EUR 1.00' },
  ],
  // The cancelled lines were captured too, or a part of the rest was not.
  ...[2380, 100].map((capturedMinor): [Kind, Records, Difference['values']] => [
    'completed-not-captured',
    charge(payment(partlyCancelled, { authorizations: [{ ...account, capturedMinor }] }), { capturedMinor }),
    { orders: 'completed EUR 11.90', ledger: `captured ${moneyText(capturedMinor, 'EUR')}` },
  ]),
  ...owingStatuses.map((status): [Kind, Records, Difference['values']] => [
    'captured-beyond-owed',
    paidTwice(status, 0),
    { orders: `${status} EUR 23.80`, ledger: 'captured EUR 47.60, refunded 0' },
  ]),
  ['charge-state', charge(completed, { currency: 'JPY' }), { provider: 'in JPY', ledger: 'in EUR' }],
  ['completed-not-captured', { ...free, payment: gone }, { orders: 'completed', ledger: 'nothing' }],
  [
    'refunded-beyond-captured',
    charge(payment(completed, { authorizations: [{ ...account, refundedMinor: 2381 }] }), { refundedMinor: 2381 }),
    { captured: 'EUR 23.80', refunded: 'EUR 23.81' },
  ],
  [
    'reservation-of-ended-order',
    { ...cancelled, reservation: confirmed.reservation },
    { inventory: '2 × TEA-001', orders: 'cancelled' },
  ],
  [
    'reservation-of-ended-order',
    { orderId: 'o-1', charges: [], reservation: confirmed.reservation },
    { inventory: '2 × TEA-001', orders: 'no such order' },
  ],
  [
    'reservation-missing',
    { ...partlyShipped, reservation: { ...completed.reservation, held: [{ sku, quantity: 5 }] } },
    { orders: '3 × TEA-001', inventory: '5 × TEA-001' },
  ],
  [
    'reservation-missing',
    { ...partlyShipped, reservation: { ...completed.reservation, held: [{ sku, quantity: 1 }] } },
    { orders: '3 × TEA-001', inventory: '1 × TEA-001' },
  ],
  [
    'reservation-missing',
    { ...confirmed, reservation: { ...confirmed.reservation!, held: [line, { sku: 'OTHER', quantity: 1 }] } },
    { orders: '2 × TEA-001', inventory: '2 × TEA-001, 1 × OTHER' },
  ],
  ['reservation-missing', { ...confirmed, reservation: gone }, { orders: '2 × TEA-001', inventory: 'nothing' }],
  [
    'reservation-missing',
    { ...confirmed, reservation: { ...confirmed.reservation!, held: [{ sku, quantity: 1 }] } },
    { orders: '2 × TEA-001', inventory: '1 × TEA-001' },
  ],
  [
    'shipment-unknown',
    {
      ...completed,
      shipments: {
        ...completed.shipments,
        shipments: [...completed.shipments.shipments, { shipmentId: 's-2', status: 'dispatched' }],
      },
      payment: { ...completed.payment, captured: ['s-1', 's-2'] },
    },
    { shipping: 'dispatched', orders: 'completed' },
  ],
  [
    'shipment-missing',
    { ...completed, order: { ...completed.order, dispatched: ['s-1', 's-2'] } },
    { orders: 'dispatched', shipping: 'no such shipment' },
  ],
  [
    'shipment-missing',
    {
      ...payment(completed, { captured: [] }),
      order: { ...completed.order, dispatched: [] },
      shipments: { ...completed.shipments, shipments: [] },
    },
    { orders: 'completed', shipping: 'nothing has left' },
  ],
  ['bigquery-missing', { ...completed, analytics: gone }, { orders: 'completed', bigquery: 'no row' }],
  [
    'bigquery-unknown',
    { orderId: 'o-1', charges: [], analytics: completed.analytics },
    { orders: 'no such order', bigquery: 'completed' },
  ],
  [
    'bigquery-duplicate',
    { ...completed, analytics: { ...completed.analytics, rows: 2 } },
    { orders: '1', bigquery: '2' },
  ],
  [
    'bigquery-total',
    { ...completed, analytics: { ...completed.analytics, totalMinor: 2381 } },
    { orders: 'EUR 23.80', bigquery: 'EUR 23.81' },
  ],
  [
    'bigquery-status',
    { ...completed, analytics: { ...completed.analytics, status: 'confirmed' } },
    { orders: 'completed', bigquery: 'confirmed' },
  ],
  ...['0', 'EUR 23.70', 'USD 23.80', '2380 minor units of EUR and USD'].map(
    (bigquery): [Kind, Records, Difference['values']] => [
      'bigquery-captured',
      { ...completed, analytics: { ...completed.analytics, capturedMinor: bigquery } },
      { ledger: 'EUR 23.80', bigquery },
    ],
  ),
  [
    'bigquery-captured',
    { ...confirmed, analytics: { ...confirmed.analytics!, capturedMinor: 'EUR 0.01' } },
    { ledger: '0', bigquery: 'EUR 0.01' },
  ],
  [
    'bigquery-refunded',
    { ...completed, analytics: { ...completed.analytics, refundedMinor: '0' } },
    { ledger: 'EUR 1.00', bigquery: '0' },
  ],
]

describe('a planted difference is named, alone and with both values', () => {
  it.each(planted)('%s', (kind, records, values) => {
    expect(differencesOf(records).map((one) => ({ kind: one.kind, values: one.values }))).toEqual([{ kind, values }])
  })

  it('of every kind', () => {
    // The second is one of runs before this revision alone: every product is compared since.
    const ofStock: readonly Kind[] = ['stock-reserved', 'stock-not-compared', 'stock-available', 'bigquery-stock']
    const ofRuns: readonly Kind[] = [...ofStock, 'charges-not-compared']
    const tried = new Set([...planted.map(([kind]) => kind), ...ofRuns])
    expect(kinds.filter((kind) => !tried.has(kind))).toEqual([])
  })
})

it.each(['payment-needed', 'payment-failed'])(
  'an order that is %s has no authorization, and its people know it',
  (status) => {
    const lapsed = charge(confirmed, { state: 'expired' })
    const records = { ...lapsed, order: { ...lapsed.order!, status }, analytics: { ...lapsed.analytics!, status } }
    expect(differencesOf(records)).toEqual([])
  },
)

it('a confirmed order of which all is paid needs no authorization any more', () => {
  const paid = { ...completed, order: { ...completed.order, status: 'confirmed' } }
  const records = charge({ ...paid, analytics: { ...completed.analytics, status: 'confirmed' } }, { state: 'released' })
  expect(differencesOf(records)).toEqual([])
})

it.each(owingStatuses)('money that was given back is not kept: %s', (status) => {
  expect(differencesOf(paidTwice(status, 2380))).toEqual([])
})

describe('an order in flight', () => {
  const beforeMs = Date.parse(at) + 1
  it.each(['order', 'payment', 'reservation', 'shipments', 'analytics'] as const)(
    'is one of which the %s changed since',
    (record) => {
      expect(isInFlight(completed, beforeMs)).toBe(false)
      const changed = { ...completed, [record]: { ...completed[record], changedAt: '2026-01-01T00:00:00.001Z' } }
      expect(isInFlight(changed, beforeMs)).toBe(true)
    },
  )

  it('is one for which the provider is yet to be asked, for a week', () => {
    const due = payment(completed, { inFlight: true })
    const aWeekMs = 7 * 24 * 3_600_000
    expect(isInFlight(due, beforeMs)).toBe(true)
    expect(isInFlight(due, Date.parse(at) + aWeekMs)).toBe(true)
    expect(isInFlight(due, Date.parse(at) + aWeekMs + 1)).toBe(false)
  })
})

describe('the stock of a product', () => {
  const readAt = '2026-01-01T01:00:00.000Z'
  const shard = (available: number, reserved: number) => ({ sku, available, reserved, sold: 0 })
  const stream = (moved: number, held: number, changedAt = at) => {
    const pieces = (quantity: number) => (quantity === 0 ? [] : [{ sku, quantity }])
    return { id: `${moved} ${held}`, changedAt, moved: pieces(moved), held: pieces(held) }
  }
  const compared = (...streams: ReturnType<typeof stream>[]) =>
    stockDifferences(
      withMovements(withShards(noStock(readAt), [shard(4, 2), shard(3, 1)]), streams, Date.parse(readAt)),
    )

  it('is compared with its row in BigQuery, unless a stream of it changed within the age', () => {
    const rows = [{ sku, onHand: 12, reserved: 3 }]
    const inBigQuery = (...streams: ReturnType<typeof stream>[]) => {
      const read = withShards(noStock(readAt), [shard(4, 2), shard(3, 1)])
      return withRows(withMovements(read, streams, Date.parse(readAt) - 60_000), rows).differences
    }
    expect(inBigQuery(stream(12, 3))).toEqual([])
    const values = { inventory: '10 on hand, 3 reserved', bigquery: '12 on hand, 3 reserved' }
    expect(inBigQuery(stream(10, 3))).toEqual([{ kind: 'bigquery-stock', id: sku, values }])
    expect(inBigQuery(stream(9, 3), stream(1, 0, '2026-01-01T00:59:00.000Z'))).toEqual([])
    expect(inBigQuery(stream(9, 3), stream(1, 0, '2026-01-01T01:00:00.000Z'))).toEqual([])
  })

  it('is right when its shards have what came and did not go, and have reserved what orders hold', () => {
    expect(compared(stream(20, 0), stream(-10, 0), stream(0, 1), stream(0, 2))).toEqual([])
  })

  it('differs when orders hold more or less', () => {
    for (const quantity of [2, 4])
      expect(compared(stream(7 + quantity, quantity))).toEqual([
        { kind: 'stock-reserved', id: sku, values: { stock: '3', reservations: String(quantity) } },
      ])
  })

  it('differs when pieces came or went that no stream knows of', () => {
    for (const quantity of [6, 8])
      expect(compared(stream(quantity + 3, 3))).toEqual([
        { kind: 'stock-available', id: sku, values: { stock: '7', ledger: String(quantity) } },
      ])
  })

  it('is left to the next run while a stream of it changes', () => {
    expect(compared(stream(10, 4, readAt))).toEqual([])
  })
})
describe('lists that are read page by page', () => {
  const page = (ids: readonly string[], next?: string) => ({ rows: ids.map((orderId) => ({ orderId })), next })

  it('are joined up to the id that all have reached', () => {
    expect(joined([page(['a', 'b', 'd'], 'd'), page(['a', 'c'], 'c'), page([])])).toEqual({
      ids: ['a', 'b', 'c'],
      reached: 'c',
    })
  })

  it('are joined to their ends', () => {
    expect(joined([page(['a']), page(['b'])])).toEqual({ ids: ['a', 'b'] })
  })

  it('go on over a page without a row', () => {
    expect(joined([page([], 'b'), page(['a', 'c'])])).toEqual({ ids: ['a'], reached: 'b' })
  })
})
