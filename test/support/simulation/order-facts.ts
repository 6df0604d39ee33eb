/** The orders of a world by the events of their streams. */

import type { Commit } from '../../../shared/messaging/stream-store.ts'
import type { World } from './world.ts'

export interface OrderFacts {
  readonly orderId: string
  readonly status: 'none' | 'pending' | 'confirmed' | 'completed' | 'closed' | 'rejected' | 'expired' | 'cancelled'
  /** The ordered pieces without those that were cancelled while others had left. */
  readonly quantity: number
  /** The same pieces by SKU. */
  readonly pieces: Readonly<Record<string, number>>
  /** The amount that the customer pays: without the lines that were cancelled while others had left. */
  readonly totalMinor: number
  readonly types: readonly string[]
  /** The parcels that the carrier has collected: the pieces of each, and its end. */
  readonly parcels: readonly Parcel[]
}

export interface Parcel {
  readonly shipmentId: string
  readonly quantity: number
  readonly end?: 'delivered' | 'returned'
}

type Commits = readonly Commit[]

/** Computed once for each state of a stream, whose list of commits is never changed: runs ask after every step. */
function onceFor<Facts>(compute: (commits: Commits) => Facts): (commits: Commits) => Facts {
  const known = new WeakMap<Commits, { readonly facts: Facts }>()
  return (commits) => {
    const found = known.get(commits) ?? { facts: compute(commits) }
    known.set(commits, found)
    return found.facts
  }
}

/** Every placed order, by the events of its stream. */
export function ordersOf(world: World): OrderFacts[] {
  const shipments = world.platform('shipping').commitsByStream()
  return [...world.platform('orders').commitsByStream()].flatMap(([orderId, commits]) => {
    const facts = placedFacts(commits)
    return facts ? [{ orderId, ...facts, parcels: parcelsIn(shipments.get(orderId) ?? none) }] : []
  })
}

const none: Commits = []

const placedFacts = onceFor((commits): Omit<OrderFacts, 'orderId' | 'parcels'> | undefined => {
  const events = commits.flatMap((commit) => commit.events)
  const placed = events.find(({ type }) => type === 'order.placed')?.data as
    | { lines: Line[]; totalMinor: number }
    | undefined
  if (!placed) return undefined
  const types = events.filter(({ sequence }) => sequence > 0).map(({ type }) => type)
  const cancelled = events
    .filter(({ type }) => type === 'order.partly-cancelled')
    .map(({ data }) => data as { lines: Line[]; amountMinor: number })
  const pieces: Record<string, number> = {}
  for (const { sku, quantity } of placed.lines) pieces[sku] = (pieces[sku] ?? 0) + quantity
  for (const { sku, quantity } of cancelled.flatMap(({ lines }) => lines)) pieces[sku]! -= quantity
  const quantity = sum(Object.values(pieces))
  const totalMinor = placed.totalMinor - sum(cancelled.map(({ amountMinor }) => amountMinor))
  return { status: statusOf(types), quantity, pieces, totalMinor, types }
})

const parcelsIn = onceFor((commits): Parcel[] => {
  const events = commits.flatMap((commit) => commit.events)
  const idsOf = (named: string, stage?: string): string[] =>
    events
      .map(({ type, data }) => ({ type, ...(data as { shipmentId: string; stage?: string }) }))
      .filter(({ type, ...one }) => type === named && (stage === undefined || one.stage === stage))
      .map(({ shipmentId }) => shipmentId)
  const delivered = idsOf('shipment.delivered')
  const returned = idsOf('shipment.failed', 'delivery')
  return events
    .filter(({ type }) => type === 'shipment.dispatched')
    .map(({ data }) => data as { shipmentId: string; lines: Line[] })
    .map(({ shipmentId, lines }) => ({
      shipmentId,
      quantity: piecesOf(lines),
      ...(delivered.includes(shipmentId) ? { end: 'delivered' } : {}),
      ...(returned.includes(shipmentId) ? { end: 'returned' } : {}),
    }))
})

interface Line {
  readonly sku: string
  readonly quantity: number
}
const piecesOf = (lines: readonly Line[]): number => sum(lines.map(({ quantity }) => quantity))

function statusOf(types: readonly string[]): OrderFacts['status'] {
  for (const status of ['completed', 'closed', 'rejected', 'expired', 'cancelled', 'confirmed'] as const)
    if (types.includes(`order.${status}`)) return status
  return 'pending'
}

export const hasEnded = ({ status }: OrderFacts): boolean =>
  ['completed', 'closed', 'rejected', 'expired', 'cancelled'].includes(status)

/** Its goods have left, and are sold. */
export const isSold = ({ status }: Pick<OrderFacts, 'status'>): boolean => status === 'completed' || status === 'closed'

export const sum = (numbers: readonly number[]): number => numbers.reduce((total, one) => total + one, 0)

export const eventsOf = (world: World, service: string, orderId: string): Commit['events'] =>
  (world.platform(service).commitsByStream().get(orderId) ?? []).flatMap((entry) => entry.events)
