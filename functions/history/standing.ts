/**
 * The status of an order and of a shipment as a number that grows, so that events in any order come to the same. The ends of one
 * order exclude each other, and those of one shipment do. An order that waits for its payment leaves that status again: there the
 * number in the order's stream decides between events. The numbers are stored: never change one.
 */

import type { Envelope } from '../../shared/contracts/envelope.ts'

export const orderStandings = {
  pending: 10,
  'payment-needed': 25,
  confirmed: 20,
  'payment-failed': 30,
  completed: 91,
  closed: 92,
  rejected: 93,
  expired: 94,
  cancelled: 95,
} as const
export const shipmentStandings = {
  created: 10,
  /** The carrier has refused a booking of it, and has not collected it since. */
  refused: 15,
  dispatched: 20,
  delivered: 80,
  returned: 81,
  cancelled: 90,
} as const

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

interface Entered {
  readonly status: OrderStatus
  /** The number of the event in the order's stream. */
  readonly sequence: number
}

/** The status that an order enters by this event, and may leave again; undefined for all other events. */
export function enteredStatus({
  type,
  data,
  sequence,
}: Pick<Envelope, 'type' | 'data' | 'sequence'>): Entered | undefined {
  if (type === 'order.payment-needed') return { status: 'payment-needed', sequence }
  return type === 'order.status-changed' ? { status: (data as { status: OrderStatus }).status, sequence } : undefined
}

type Fields = Readonly<Record<string, unknown>>

/** The fields with that status; undefined: the order has ended, or a later event has decided it. */
export function withEntered(fields: Fields = {}, { status, sequence }: Entered): Fields | undefined {
  const { standing, standingSince } = fields as { readonly standing?: number; readonly standingSince?: number }
  if ((standing ?? 0) >= orderStandings.completed || (standingSince ?? 0) > sequence) return undefined
  return { ...fields, standing: orderStandings[status], standingSince: sequence }
}

export const statusAt = <Status extends string>(
  standings: Readonly<Record<Status, number>>,
  standing: unknown,
): Status | undefined => (Object.keys(standings) as Status[]).find((status) => standings[status] === standing)
