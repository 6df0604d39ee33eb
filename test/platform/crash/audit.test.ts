/** The audit finds nothing in consistent data, and each planted fault in inconsistent data. */

import { expect, it } from 'vitest'
import type { Commit } from '../../../shared/messaging/stream-store.ts'
import { audit, type AuditedData, type Expected } from './audit.testing.ts'
import { unrepeated, type Hit } from './burst.testing.ts'
import { mustBeRepeated } from './kill-points.testing.ts'

const expected: Expected = {
  products: [{ sku: 'TEA-1', unitMinor: 100, stock: 10 }],
  placed: [
    { orderId: 'o-1', sku: 'TEA-1', quantity: 2, totalMinor: 200, ends: 'completed' },
    { orderId: 'o-2', sku: 'TEA-1', quantity: 1, totalMinor: 100, ends: 'rejected' },
  ],
}

const entry = (cause: string, ...events: [id: string, type: string, sequence: number][]): Commit => ({
  cause,
  time: '2026-01-01T00:00:00.000Z',
  correlationId: 'o-1',
  actor: 'customer:1',
  traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  events: events.map(([id, type, sequence]) => ({ id, type, sequence, version: 1, data: {} })),
  commands: [],
})
const authorization = {
  key: 'o-1:auth',
  reference: 'o-1',
  amountMinor: 200,
  captures: [{ amountMinor: 200 }],
  refundedMinor: 0,
}
const posting = { key: 'o-1', debit: 'a', credit: 'b', amountMinor: 200, currency: 'EUR' }

const good = (): AuditedData =>
  ({
    streams: new Map([
      [
        'orders',
        [
          { id: 'o-1', entries: [entry('c1', ['e1', 'order.placed', 1]), entry('c2', ['e2', 'order.completed', 2])] },
          {
            id: 'o-2',
            entries: [
              entry('c3', ['e3', 'order.placed', 1], ['', 'checkout.progressed', 0]),
              entry('c4', ['e4', 'order.rejected', 2]),
            ],
          },
        ],
      ],
      ['payments', [{ id: 'o-1', entries: [entry('c5', ['e5', 'payment.captured', 1])] }]],
    ]),
    authorizations: [authorization],
    postings: [
      { ...posting, kind: 'authorize' },
      { ...posting, kind: 'capture' },
    ],
    shards: [
      { id: 'TEA-1~0', onHand: 5, reserved: 0, sold: 2 },
      { id: 'TEA-1~1', onHand: 3, reserved: 0, sold: 0 },
    ],
    inBigQuery: ['e1', 'e2', 'e3', 'e4', 'e5'],
    inTimelines: ['e5', 'e4', 'e3', 'e2', 'e1'],
    inSendLog: ['e1', 'e2', 'e3', 'e4'],
    deadLetters: [],
    waiting: [],
  }) as unknown as AuditedData

const withOrders = (change: (entries: Commit[]) => Commit[]): Partial<AuditedData> => {
  const streams = new Map(good().streams)
  const [first, ...rest] = streams.get('orders')!
  return { streams: streams.set('orders', [{ ...first!, entries: change([...first!.entries]) }, ...rest]) }
}

it('finds nothing in consistent data', () => {
  expect(audit(expected, good())).toEqual([])
})

it('takes the end of an order whose cancellation raced with its parcel from its stream, and all data have to agree', () => {
  const [raced, other] = expected.placed
  const either = { ...expected, placed: [{ ...raced!, ends: 'either' as const }, other!] }
  expect(audit(either, good())).toEqual([])
  const cancelled = withOrders(([one]) => [one!, entry('c2', ['e2', 'order.cancelled', 2])])
  const found = audit(either, { ...good(), ...cancelled })
  expect(found).toContain('money: o-1 owes nothing, captured is 200')
  expect(found).toContain('stock: TEA-1 should be 10 on hand, 0 reserved, 0 sold; it is 8 on hand, 0 reserved, 2 sold')
})

it.each<[string, Partial<AuditedData>, string]>([
  ['an order that has not ended', withOrders(([one]) => [one!]), 'orders: o-1 should be completed, is order.placed'],
  ['an order without a stream', { streams: new Map() }, 'orders: o-1 was placed 0 times'],
  [
    'an order that no customer placed',
    {
      streams: new Map([...good().streams, ['orders', [...good().streams.get('orders')!, { id: 'o-3', entries: [] }]]]),
    },
    'orders: o-3 was placed by no customer',
  ],
  [
    'one cause decided twice',
    withOrders(([one, two]) => [one!, { ...two!, cause: 'c1' }]),
    'orders: o-1 decided twice under one cause',
  ],
  [
    'a gap in the sequence numbers',
    withOrders(([one]) => [one!, entry('c2', ['e2', 'order.completed', 3])]),
    'orders: o-1 counts 1 3',
  ],
  [
    'money taken twice',
    { authorizations: [{ ...authorization, captures: [{ amountMinor: 200 }, { amountMinor: 200 }] }] as never },
    'money: o-1 owes 200, captured is 200,200',
  ],
  [
    'money given back that no staff refunded',
    { authorizations: [{ ...authorization, refundedMinor: 1 }] as never },
    'money: 0 of o-1 were refunded, the provider has 1',
  ],
  [
    'a second authorization',
    { authorizations: [authorization, { ...authorization, captures: [] }] as never },
    'money: o-1 was authorized 2 times',
  ],
  [
    'money taken for a rejected order',
    {
      authorizations: [
        authorization,
        { reference: 'o-2', captures: [{ amountMinor: 100 }], refundedMinor: 0 },
      ] as never,
    },
    'money: o-2 owes nothing, captured is 100',
  ],
  [
    'money still held',
    { postings: [...good().postings, { ...posting, kind: 'authorize' }] },
    'money: 200 are still held',
  ],
  [
    'a posting without its authorization',
    { postings: [...good().postings, { ...posting, kind: 'capture' }] },
    'money: all orders owe 200, the merchant got 400',
  ],
  [
    'stock still reserved',
    { shards: [{ id: 'TEA-1~0', onHand: 7, reserved: 1, sold: 2 }] },
    'stock: TEA-1 should be 8 on hand, 0 reserved, 2 sold; it is 7 on hand, 1 reserved, 2 sold',
  ],
  ['an event missing in BigQuery', { inBigQuery: ['e1', 'e2', 'e3', 'e4'] }, 'BigQuery: lacks 1 of 5 events'],
  [
    'an event in BigQuery that no stream has',
    { inBigQuery: [...good().inBigQuery, 'e6'] },
    'BigQuery: holds 1 that no stream has',
  ],
  ['a duplicate event in a timeline', { inTimelines: [...good().inTimelines, 'e1'] }, 'history: holds 1 twice'],
  [
    'an event of which a customer was not notified',
    { inSendLog: ['e1', 'e2', 'e3'] },
    'notifications: lacks 1 of 4 events',
  ],
  ['a dead letter', { deadLetters: ['orders: 1 dead letters'] }, 'orders: 1 dead letters'],
  [
    'a command that waits',
    { waiting: ['http://x/commands/ReserveStock'] },
    'tasks: http://x/commands/ReserveStock waits',
  ],
])('finds %s', (_, change, fault) => {
  expect(audit(expected, { ...good(), ...change })).toContain(fault)
})

it('reports a kill after which no delivery was repeated, and one whose delivery was lost', () => {
  const point = { service: 'payments', does: 'commit', when: 'after', signal: 'SIGKILL' } as const
  const hit = { point, firing: {} as Hit['firing'], waitedMs: 100, recoveredMs: 1, repeated: 0, lost: 0, retried: 1 }
  expect(unrepeated([hit])).toEqual(['payments SIGKILL after commit: nothing was repeated'])
  expect(unrepeated([{ ...hit, repeated: 1 }])).toEqual([])
  expect(unrepeated([{ ...hit, repeated: 1, lost: 2 }])).toEqual([
    'payments SIGKILL after commit: 2 deliveries were never acknowledged',
  ])
  // A kill before a send of payments may hit a refund that staff submits.
  const sending = { ...hit, point: { ...point, does: 'send' as const } }
  expect(unrepeated([sending])).toEqual([])
  expect(unrepeated([{ ...sending, retried: 0 }])).toContain('payments SIGKILL after send: nothing was repeated')
  const gateway = { ...hit, point: { ...point, service: 'gateway', does: 'answer' as const } }
  expect(unrepeated([{ ...gateway, retried: 0 }])).toEqual(['gateway: nothing was ever repeated or sent again'])
  expect(mustBeRepeated({ ...point, does: 'acknowledge' })).toBe(false)
  expect(mustBeRepeated({ ...point, does: 'acknowledge', when: 'before' })).toBe(true)
})
