/**
 * The status of an order and of a shipment as a number that only grows, so that events in any order come to the same. The
 * ends of one order exclude each other, and those of one shipment do. The numbers are stored: never change one.
 */

import type { Envelope } from '../../shared/contracts/envelope.ts'

/** An order with a refused capture is `confirmed` here: only orders knows whether a later one has succeeded. */
export const orderStandings = {
  pending: 10,
  confirmed: 20,
  completed: 91,
  closed: 92,
  rejected: 93,
  expired: 94,
  cancelled: 95,
} as const
export const shipmentStandings = { created: 10, dispatched: 20, delivered: 80, returned: 81, cancelled: 90 } as const

export type OrderStatus = keyof typeof orderStandings
export type ShipmentStatus = keyof typeof shipmentStandings
export const orderStatuses = Object.keys(orderStandings) as [OrderStatus, ...OrderStatus[]]
export const shipmentStatuses = Object.keys(shipmentStandings) as [ShipmentStatus, ...ShipmentStatus[]]

const ofOrder: Readonly<Record<string, OrderStatus>> = {
  'order.placed': 'pending',
  'order.imported': 'completed',
  'order.confirmed': 'confirmed',
  'order.completed': 'completed',
  'order.closed': 'closed',
  'order.rejected': 'rejected',
  'order.expired': 'expired',
  'order.cancelled': 'cancelled',
}

/** Undefined: the event says nothing about it. */
export function orderStanding({ type }: Pick<Envelope, 'type'>): number | undefined {
  const status = Object.hasOwn(ofOrder, type) ? ofOrder[type] : undefined
  return status && orderStandings[status]
}

export const statusAt = <Status extends string>(
  standings: Readonly<Record<Status, number>>,
  standing: unknown,
): Status | undefined => (Object.keys(standings) as Status[]).find((status) => standings[status] === standing)
