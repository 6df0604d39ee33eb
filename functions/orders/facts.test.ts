import { expect, it } from 'vitest'
import { inventoryContracts } from '../inventory/contracts.ts'
import { paymentsContracts } from '../payments/contracts.ts'
import { shippingContracts } from '../shipping/contracts.ts'
import { facts } from './facts.ts'

const events = { ...inventoryContracts.events, ...paymentsContracts.events, ...shippingContracts.events }

/** By the type of the event: the fact about the order that its example is. */
const expected: Readonly<Record<string, object>> = {
  'shipment.dispatched': { type: 'fulfilment', fact: { kind: 'dispatched' } },
  'payment.captured': { type: 'fulfilment', fact: { kind: 'captured' } },
  'payment.capture-deferred': { type: 'fulfilment', fact: { kind: 'deferred' } },
  'payment.nothing-due': { type: 'fulfilment', fact: { kind: 'captured', amountMinor: 0 } },
  'stock.committed': { type: 'fulfilment', fact: { kind: 'committed' } },
  'refund.pending': { type: 'refund', fact: { status: 'pending' } },
  'refund.issued': { type: 'refund', fact: { status: 'issued' } },
  'refund.failed': { type: 'refund', fact: { status: 'failed' } },
  'shipment.delivered': { type: 'delivery', fact: { status: 'delivered' } },
  'shipment.cancel-decided': { type: 'cancel-answer' },
  'payment.lapsed': { type: 'authorization-lapsed' },
  'payment.reduced': { type: 'authorization-reduced' },
}

it.each(Object.entries(expected))('%s is a fact about its order', (type, fact) => {
  const data = events[type as keyof typeof events].example as { readonly orderId?: string }
  expect(facts.meanings[type]!({ type, data } as never)).toMatchObject({ orderId: data.orderId, fact })
})

it.each([
  ['booking', { type: 'parcel-refused' }],
  ['delivery', { type: 'delivery', fact: { status: 'returned' } }],
])('a shipment that failed at its %s is a fact of its own', (stage, fact) => {
  const { example } = events['shipment.failed']
  expect(facts.meanings['shipment.failed']!({ data: { ...example, stage } } as never)).toMatchObject({ fact })
})

it('every entry of the table is tested', () => {
  expect(Object.keys(facts.meanings).toSorted()).toEqual([...Object.keys(expected), 'shipment.failed'].toSorted())
})
