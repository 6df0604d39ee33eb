/** Rows by hand, among golden events: former events, endings that come in an order of their own, and rows that break their contract. */

import { type MessageOptions, message } from '../../shared/runtime/deliver.testing.ts'

interface Row {
  readonly owner: string
  readonly envelope: unknown
}

let keys = 0
const of = (owner: string, type: string, subject: string, data: object, options: MessageOptions = {}): Row => ({
  owner,
  envelope: message(type, data, { subject, source: owner, key: (keys += 1), ...options }),
})

const line = { lineId: '1', sku: 'TEA-001', quantity: 1, unitMinor: 1 }
const order = {
  customerRef: 'customer-hand',
  lines: [line],
  shippingMinor: 0,
  totalMinor: 1,
  currency: 'EUR',
  placedAt: '2026-01-03T12:00:00.000Z',
}
const placed = (id: string, data: object = {}, options: MessageOptions = {}): Row =>
  of('orders', 'order.placed', id, { orderId: id, ...order, ...data }, options)
/** The events of an order after it was placed, in the order of its stream. */
const lived = (id: string, ...events: readonly (readonly [type: string, data?: object])[]): Row[] =>
  events.map(([type, data = {}], at) =>
    of('orders', type, id, { orderId: id, ...data }, { sequence: at + 2, time: hour(at + 1) }),
  )
const hour = (hours: number): string => `2026-01-03T${String(12 + hours).padStart(2, '0')}:00:00.000Z`

/** Of revisions that wrote no order.status-changed, no number of an authorization, no taxes. */
const former = (): Row[] => [
  placed('former-unpaid'),
  ...lived('former-unpaid', ['order.confirmed']),
  of('payments', 'payment.capture-failed', 'former-unpaid', {
    orderId: 'former-unpaid',
    shipmentId: 's-1',
    code: 'expired',
  }),
  placed('former-paid-late'),
  ...lived('former-paid-late', ['order.confirmed']),
  of('payments', 'payment.capture-failed', 'former-paid-late', {
    orderId: 'former-paid-late',
    shipmentId: 's-1',
    code: 'expired',
  }),
  of('payments', 'payment.captured', 'former-paid-late', {
    orderId: 'former-paid-late',
    shipmentId: 's-1',
    amountMinor: 1,
    currency: 'EUR',
  }),
  placed('former-half-paid', { totalMinor: 5, lines: [{ ...line, quantity: 5 }] }),
  ...lived('former-half-paid', ['order.confirmed']),
  of('payments', 'payment.captured', 'former-half-paid', {
    orderId: 'former-half-paid',
    shipmentId: 's-1',
    amountMinor: 2,
    currency: 'EUR',
  }),
  of('payments', 'payment.capture-failed', 'former-half-paid', {
    orderId: 'former-half-paid',
    shipmentId: 's-2',
    code: 'expired',
  }),
  of('payments', 'payment.captured', 'returned-refund', {
    orderId: 'returned-refund',
    shipmentId: 's-1',
    amountMinor: 700,
    currency: 'CLF',
  }),
]

const needed = ['order.payment-needed', { reason: 'authorization-lapsed' }] as const
const confirmed = ['order.confirmed'] as const
const changed = (status: string) => ['order.status-changed', { status }] as const

/** Orders that stand where their last event says, and endings beside later events. */
const standing = (): Row[] => [
  placed('lapsed', { currency: 'CLF', totalMinor: 12_345 }),
  ...lived('lapsed', confirmed, needed),
  placed('renewed', { totalMinor: 250, taxMinor: 40, discountMinor: 10, shippingMinor: 20 }),
  ...lived('renewed', confirmed, needed, ['order.payment-renewed']),
  placed('held-in-vain'),
  ...lived('held-in-vain', confirmed, needed, changed('confirmed')),
  placed('refused-again'),
  ...lived('refused-again', confirmed, changed('payment-failed')),
  placed('refused-and-lapsed'),
  ...lived('refused-and-lapsed', confirmed, changed('payment-failed'), needed),
  placed('approved'),
  ...lived('approved', needed, ['order.payment-continued'], changed('pending')),
  placed('lapsed-out', { currency: 'JPY', totalMinor: 900 }),
  ...lived(
    'lapsed-out',
    confirmed,
    needed,
    ['order.cancel-requested', { cancellationId: 'c-1', by: 'platform', reason: 'payment-lapsed', stage: 'shipping' }],
    ['order.cancelled', { by: 'platform', reason: 'payment-lapsed', lines: [], amountMinor: 900 }],
  ),
  placed('undecided'),
  ...lived('undecided', confirmed, [
    'order.cancel-requested',
    { cancellationId: 'c-1', by: 'customer', reason: 'changed-mind', stage: 'shipping' },
  ]),
  placed('asked-twice', { totalMinor: 6, lines: [{ ...line, quantity: 6 }] }),
  ...lived(
    'asked-twice',
    confirmed,
    ['order.cancel-requested', { cancellationId: 'c-1', by: 'customer', reason: 'changed-mind', stage: 'shipping' }],
    [
      'order.partly-cancelled',
      { by: 'customer', reason: 'changed-mind', lines: [{ ...line, quantity: 2 }], amountMinor: 2 },
    ],
    ['order.cancel-requested', { cancellationId: 'c-2', by: 'staff', reason: 'other', stage: 'shipping' }],
    ['order.partly-cancelled', { by: 'staff', reason: 'other', lines: [{ ...line, quantity: 1 }], amountMinor: 1 }],
    ['order.completed'],
  ),
]

/** A parcel at each step at which the others are not. */
const parcels = (): Row[] =>
  (
    [
      ['s-1', ['shipment.created']],
      ['s-2', ['shipment.created', 'shipment.dispatched']],
      ['s-3', ['shipment.created', 'shipment.failed']],
    ] as const
  ).flatMap(([shipmentId, types]) =>
    types.map((type, at) => {
      const about = { code: 'not-serviceable', stage: 'booking', trackingRef: 't-2' }
      return of('shipping', type, 'undecided', { orderId: 'undecided', shipmentId, ...about }, { time: hour(at + 1) })
    }),
  )

/** Disputes with an appeal, stock that people corrected, and a difference with its sides. */
const others = (): Row[] => {
  const dispute = (sequence: number, outcome?: 'won' | 'lost', disputeId = 'du-appeal'): Row =>
    of(
      'payments',
      outcome ? 'payment.dispute-closed' : 'payment.disputed',
      'former-paid-late',
      {
        orderId: 'former-paid-late',
        disputeId,
        amountMinor: 1,
        currency: 'EUR',
        ...(outcome ? { outcome } : { reason: 'fraudulent', evidenceDueBy: '2026-01-15T00:00:00.000Z' }),
      },
      { sequence, time: hour(sequence) },
    )
  const adjusted = (change: number, reason: string): Row =>
    of('inventory', 'stock.adjusted', 'POT-001', { adjustmentId: `a-${change}`, sku: 'POT-001', change, reason })
  return [
    dispute(3),
    dispute(4, 'won'),
    dispute(5, 'lost'),
    dispute(6, undefined, 'du-turned'),
    dispute(7, 'lost', 'du-turned'),
    dispute(8, 'won', 'du-turned'),
    of('payments', 'refund.pending', 'former-paid-late', {
      orderId: 'former-paid-late',
      refundId: 'r-1',
      amountMinor: 1,
      currency: 'EUR',
      reason: 'late',
    }),
    adjusted(-3, 'damaged'),
    adjusted(1, 'found'),
    of('inventory', 'stock.received', 'd-9', {
      deliveryId: 'd-9',
      lines: [
        { sku: 'NEW', quantity: 7 },
        { sku: 'NEW', quantity: 5 },
      ],
    }),
  ]
}

/** A value that is no number of its contract, an event without its order, a message that is no event. */
const broken = (): Row[] => {
  const ofPayments = (type: string, id: string, data: object): Row => of('payments', type, id, { orderId: id, ...data })
  return [
    ...[{ hello: 'world' }, [1, 2], null, 'text', { id: 'no-type', time: hour(1) }].map((envelope) => ({
      owner: 'orders',
      envelope,
    })),
    placed('no-time', {}, { time: 'yesterday' }),
    placed('far', { placedAt: '9999-12-31T23:59:59-01:00', currency: 'USD' }),
    placed('no-total', { totalMinor: 'much' }),
    ...lived('no-total', ['order.completed']),
    placed('below-zero', { totalMinor: -1, taxMinor: -1 }),
    placed('no-amounts', { taxMinor: 1.5, discountMinor: 'x', shippingMinor: { is: 'free' } }),
    placed('fraction', {
      lines: [
        { ...line, quantity: 1.5 },
        { ...line, lineId: '2', unitMinor: 0.5 },
      ],
    }),
    ...lived('fraction', ['order.completed']),
    placed('too-many', {
      totalMinor: Number.MAX_SAFE_INTEGER,
      lines: [{ ...line, quantity: Number.MAX_SAFE_INTEGER, unitMinor: Number.MAX_SAFE_INTEGER }],
    }),
    placed('no-lines', { lines: 'three' }),
    placed('no-currency', { currency: 7 }),
    of('orders', 'order.placed', 'no-data', {}),
    of('orders', 'order.partly-cancelled', 'below-zero', {
      orderId: 'below-zero',
      by: 'staff',
      reason: 'other',
      lines: [{ ...line, quantity: 'few' }],
      amountMinor: 'few',
    }),
    ...(['source', 'subject', 'correlationId'] as const).map((field): Row => {
      const { owner, envelope } = placed(`without-${field}`)
      return { owner, envelope: { ...(envelope as object), [field]: undefined } }
    }),
    // Of the same line as the cancelled piece above, and of no line that can be read.
    of(
      'orders',
      'order.partly-cancelled',
      'asked-twice',
      {
        orderId: 'asked-twice',
        by: 'staff',
        reason: 'other',
        lines: [{ ...line, quantity: 'one' }],
        amountMinor: 1,
      },
      { sequence: 8, time: hour(9) },
    ),
    of('orders', 'order.partly-cancelled', 'fraction', {
      orderId: 'fraction',
      by: 'staff',
      reason: 'other',
      lines: 'some',
      amountMinor: 1,
    }),
    of('inventory', 'stock.received', 'd-7', { deliveryId: 'd-7', lines: 'many' }),
    ...[30, 20].flatMap((amountMinor) => [
      ofPayments('refund.issued', 'renewed', { amountMinor, currency: 'EUR', reason: 'lost' }),
      ofPayments('payment.dispute-closed', 'renewed', { amountMinor, currency: 'EUR', outcome: 'lost' }),
    ]),
    ...['shipment.created', 'shipment.dispatched', 'shipment.cancel-decided'].map((type) =>
      of('shipping', type, 'renewed', { orderId: 'renewed', cancellationId: 'c-1' }),
    ),
    ofPayments('payment.captured', 'not-placed', { shipmentId: 's-1', amountMinor: 'much', currency: 'EUR' }),
    ofPayments('payment.captured', 'renewed', {
      shipmentId: 's-1',
      authorization: 'two',
      amountMinor: 30,
      currency: 'EUR',
    }),
    ofPayments('refund.issued', 'not-placed', { refundId: 'r-1', amountMinor: 5, currency: 'EUR', reason: 'lost' }),
    ofPayments('refund.issued', 'renewed', { refundId: 'r-1', amountMinor: 2.5, currency: 'EUR', reason: 'lost' }),
    ofPayments('payment.disputed', 'renewed', {
      disputeId: 'du-bad',
      amountMinor: 'all',
      currency: 'EUR',
      reason: 'fraudulent',
      evidenceDueBy: 'soon',
    }),
    of('inventory', 'stock.received', 'd-8', {
      deliveryId: 'd-8',
      lines: [{ sku: 'NEW', quantity: 'many' }, { quantity: 2 }],
    }),
    of('inventory', 'stock.adjusted', 'NEW', {
      adjustmentId: 'a-9',
      sku: 'NEW',
      change: Number.MAX_SAFE_INTEGER,
      reason: 'found',
    }),
    of('reconciliation', 'reconciliation.ended', 'run-bad', {
      runId: 'run-bad',
      startedAt: 'early',
      compared: {},
      inFlight: 0.5,
      differences: 'none',
    }),
  ]
}

export const handmade = (): readonly Row[] => [...former(), ...standing(), ...parcels(), ...others(), ...broken()]
