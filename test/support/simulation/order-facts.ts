/** The orders of a world by the events of their streams. */

import type { Commit } from '../../../shared/messaging/stream-store.ts'
import type { World } from './world.ts'

export interface OrderFacts {
  readonly orderId: string
  readonly status: 'none' | 'pending' | 'confirmed' | 'completed' | 'closed' | 'rejected' | 'expired' | 'cancelled'
  /** The ordered pieces without those that were cancelled while others had left. */
  readonly quantity: number
  readonly types: readonly string[]
}

/** Every placed order, by the events of its stream. */
export function ordersOf(world: World): OrderFacts[] {
  return [...world.platform('orders').commitsByStream()].flatMap(([orderId, entries]) => {
    const events = entries.flatMap((entry) => entry.events)
    const placed = events.find(({ type }) => type === 'order.placed')?.data as
      | { lines: { quantity: number }[] }
      | undefined
    if (!placed) return []
    const types = events.filter(({ sequence }) => sequence > 0).map(({ type }) => type)
    const cancelled = events
      .filter(({ type }) => type === 'order.partly-cancelled')
      .flatMap(({ data }) => (data as { lines: Line[] }).lines)
    const quantity = piecesOf(placed.lines) - piecesOf(cancelled)
    return [{ orderId, status: statusOf(types), quantity, types }]
  })
}

interface Line {
  readonly quantity: number
}
const piecesOf = (lines: readonly Line[]): number => sum(lines.map(({ quantity }) => quantity))

function statusOf(types: readonly string[]): OrderFacts['status'] {
  for (const status of ['completed', 'closed', 'rejected', 'expired', 'cancelled', 'confirmed'] as const)
    if (types.includes(`order.${status}`)) return status
  return 'pending'
}

export const hasEnded = ({ status }: OrderFacts): boolean =>
  ['completed', 'rejected', 'expired', 'cancelled'].includes(status)

export const sum = (numbers: readonly number[]): number => numbers.reduce((total, one) => total + one, 0)

export const eventsOf = (world: World, service: string, orderId: string): Commit['events'] =>
  (world.platform(service).commitsByStream().get(orderId) ?? []).flatMap((entry) => entry.events)
