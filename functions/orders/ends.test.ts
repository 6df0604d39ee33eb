/** Every event that ends an order is in `endsOn`: without it, orders that end so would be missing in the objective and the measured durations. */

import { expect, it } from 'vitest'
import type { OrderView } from './contracts.ts'
import { ordersContracts } from './contracts.ts'
import { evolve, initial } from './order.ts'
import { orders } from './service.ts'

/** A new status does not compile until it is listed. */
const isEnd: Readonly<Record<OrderView['status'], boolean>> = {
  pending: false,
  'payment-needed': false,
  confirmed: false,
  'payment-failed': false,
  completed: true,
  closed: true,
  rejected: true,
  expired: true,
  cancelled: true,
}

it('the events that end an order are those of the saga, with the status as their outcome', () => {
  // An order of the past ended elsewhere, and has no saga.
  const { 'order.imported': _past, ...events } = ordersContracts.events
  const ends = Object.entries(events).flatMap(([type, { example }]) => {
    const { status } = evolve({ ...initial, status: 'pending' }, { type, data: example })
    return (isEnd as Readonly<Record<string, boolean>>)[status] ? [[type, status]] : []
  })
  expect(orders.saga.endsOn).toEqual(Object.fromEntries(ends))
  expect(new Set(Object.values(orders.saga.endsOn))).toEqual(
    new Set(Object.keys(isEnd).filter((status) => isEnd[status as OrderView['status']])),
  )
})
