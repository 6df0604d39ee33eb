/** The pieces that an order holds, and their history. */

import { fold } from '../../shared/service/fold.ts'
import type { Message } from '../../shared/contracts/message.ts'
import type { RecordOf } from '../../shared/contracts/contract.ts'
import type { inventoryContracts } from './contracts.ts'

export type InventoryRecord = RecordOf<typeof inventoryContracts>

export interface Line {
  readonly lineId: string
  readonly sku: string
  readonly quantity: number
}

/** Per SKU, the quantity that is reserved in each shard. */
export type Allocation = Readonly<Record<string, readonly number[]>>

export interface ReservationState {
  /** `tombstone`: released before it was ever made; a reservation that comes later is refused. */
  readonly status: 'none' | 'held' | 'rejected' | 'released' | 'tombstone'
  readonly lines: readonly Line[]
  readonly held: Allocation
  /** Shipments whose lines were sold. */
  readonly committed: readonly string[]
}

export const initial: ReservationState = { status: 'none', lines: [], held: {}, committed: [] }

/** The state after these recorded events. */
export const reservationIn = (events: readonly Message[]): ReservationState => fold({ initial, evolve }, events)

export function evolve(state: ReservationState, { type, data }: InventoryRecord): ReservationState {
  switch (type) {
    case 'stock.reserved':
      return { ...state, status: 'held', lines: data.lines }
    // Also after the release of some lines: the order still holds the others.
    case 'reservation.held':
      return { ...state, status: 'held', held: data }
    case 'stock.rejected':
      return { ...state, status: state.status === 'tombstone' ? 'tombstone' : 'rejected' }
    case 'stock.released':
      return { ...state, status: state.status === 'none' ? 'tombstone' : 'released', held: {} }
    case 'stock.committed':
      return { ...state, committed: [...state.committed, data.shipmentId] }
    // In streams of their own.
    case 'delivery.booked':
    case 'stock.received':
    case 'stock.adjusted':
      return state
  }
}

export const reservationId = (orderId: string): string => `r-${orderId}`

/** Several lines may have the same SKU. */
export function quantityBySku(lines: readonly Line[]): Map<string, number> {
  const quantities = new Map<string, number>()
  for (const { sku, quantity } of lines) quantities.set(sku, (quantities.get(sku) ?? 0) + quantity)
  return quantities
}

export interface ConsumedAllocation {
  readonly allocated: number[]
  readonly left: number[]
  /** The quantity that the allocation does not cover. */
  readonly short: number
}

/** Splits a quantity off an allocation, shard by shard. */
export function consumeAllocation(held: readonly number[], quantity: number): ConsumedAllocation {
  let wanted = quantity
  const allocated = held.map((inShard) => {
    const from = Math.min(inShard, wanted)
    wanted -= from
    return from
  })
  return { allocated, left: held.map((inShard, shard) => inShard - allocated[shard]!), short: wanted }
}
