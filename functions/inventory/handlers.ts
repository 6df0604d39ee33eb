/** Reserve, release, commit: each one transaction over the order's stream and the shards it touches. */

import type { Envelope } from '../../shared/contracts/envelope.ts'
import { Unavailable } from '../../shared/base/errors.ts'
import { type Decision, noChange, type Platform, type TransactionDocuments } from '../../shared/service/platform.ts'
import {
  type Allocation,
  consumeAllocation,
  type InventoryRecord,
  type Line,
  quantityBySku,
  reservationId,
  reservationIn,
  type ReservationState,
} from './reservation.ts'
import {
  documentOf,
  emptyShard,
  preferredShard,
  release,
  reserve,
  sell,
  type Shard,
  shardFrom,
  shardPath,
  shardPaths,
  SHARDS,
  allocate,
} from './shards.ts'

const emit = (...events: InventoryRecord[]): Decision<InventoryRecord> => ({ events, commands: [] })

/** Reserves all lines or no line. A repeated command decides nothing: its reply was recorded, and is published again. */
export function reserveStock(
  message: Envelope<string, { orderId: string; lines: readonly Line[] }>,
  platform: Platform,
): Promise<Decision<InventoryRecord>> {
  const { orderId, lines } = message.data
  return platform.streams.transact(message, { newId: orderId }, async (stream, documents) => {
    const state = reservationIn(stream.events)
    // The compensation came first: the reservation must not be made any more.
    if (state.status === 'tombstone') return emit({ type: 'stock.rejected', data: { orderId, shortages: [] } })
    if (state.status !== 'none') return noChange
    const wanted = [...quantityBySku(lines)]
    const shards = await firstChoice(documents, orderId, wanted)
    const shortages = []
    const held: Record<string, number[]> = {}
    for (const [sku, quantity] of wanted) {
      const taken = allocate(quantity, shards.get(sku)!, preferredShard(orderId, sku))
      if (taken) held[sku] = taken
      else shortages.push({ sku, requested: quantity, available: availableIn(shards.get(sku)!), backorderable: false })
    }
    if (shortages.length > 0) return emit({ type: 'stock.rejected', data: { orderId, shortages } })
    writeShards(documents, held, shards, reserve)
    return emit(
      { type: 'stock.reserved', data: { orderId, reservationId: reservationId(orderId), lines } },
      { type: 'reservation.held', data: held },
    )
  })
}

/** Replies also when there is nothing to release, since the saga waits for the reply. */
export function releaseStock(
  message: Envelope<string, { orderId: string; lines?: readonly Line[] | undefined }>,
  platform: Platform,
): Promise<Decision<InventoryRecord>> {
  const { orderId, lines: wanted } = message.data
  return platform.streams.transact(message, orderId, async (stream, documents) => {
    const state = reservationIn(stream.events)
    if (wanted && state.status === 'held') return releaseLines(orderId, state, { wanted, documents })
    const open = state.status === 'held' ? state.held : {}
    writeShards(documents, open, await readTouched(documents, open), release)
    const lines = state.status === 'held' ? openLines(state) : []
    return emit({ type: 'stock.released', data: { orderId, reservationId: reservationId(orderId), lines } })
  })
}

/** The order keeps what it holds of its other lines. */
async function releaseLines(
  orderId: string,
  { held }: ReservationState,
  { wanted, documents }: { wanted: readonly Line[]; documents: TransactionDocuments },
): Promise<Decision<InventoryRecord>> {
  const freed: Record<string, number[]> = {}
  const left: Record<string, readonly number[]> = { ...held }
  for (const [sku, quantity] of quantityBySku(wanted)) {
    const parts = consumeAllocation(left[sku] ?? [], quantity)
    if (parts.short > 0)
      throw new Error(`${orderId} releases ${quantity} of ${sku}, of which it holds ${quantity - parts.short}.`)
    freed[sku] = parts.allocated
    left[sku] = parts.left
  }
  writeShards(documents, freed, await readTouched(documents, freed), release)
  return emit(
    { type: 'stock.released', data: { orderId, reservationId: reservationId(orderId), lines: [...wanted] } },
    { type: 'reservation.held', data: left },
  )
}

export function commitStock(
  message: Envelope<string, { orderId: string; shipmentId: string; lines: readonly Line[] }>,
  platform: Platform,
): Promise<Decision<InventoryRecord>> {
  const { orderId, shipmentId, lines } = message.data
  return platform.streams.transact(message, orderId, async (stream, documents) => {
    const state = reservationIn(stream.events)
    if (state.status === 'none') throw new Unavailable(`Nothing is reserved for ${orderId} yet.`)
    if (state.committed.includes(shipmentId)) return noChange
    const sold: Record<string, number[]> = {}
    const left: Record<string, readonly number[]> = { ...state.held }
    for (const [sku, quantity] of quantityBySku(lines)) {
      const parts = consumeAllocation(left[sku] ?? [], quantity)
      // A dispatched parcel cannot be compensated: the event is dead-lettered so that an operator decides.
      if (parts.short > 0)
        throw new Error(
          `${shipmentId} ships ${quantity} of ${sku}, of which ${orderId} holds ${quantity - parts.short}.`,
        )
      sold[sku] = parts.allocated
      left[sku] = parts.left
    }
    writeShards(documents, sold, await readTouched(documents, sold), sell)
    return emit(
      { type: 'stock.committed', data: { orderId, reservationId: reservationId(orderId), shipmentId, lines } },
      { type: 'reservation.held', data: left },
    )
  })
}

export const availableIn = (shards: readonly Shard[]): number => shards.reduce((sum, shard) => sum + shard.available, 0)

/** The preferred shard of each SKU in one read; only where it is short, the others in a second. */
async function firstChoice(
  documents: TransactionDocuments,
  orderId: string,
  wanted: readonly (readonly [string, number])[],
): Promise<Map<string, Shard[]>> {
  const preferred = await documents.getAll(wanted.map(([sku]) => shardPath(sku, preferredShard(orderId, sku))))
  const shards = new Map<string, Shard[]>()
  const short: string[] = []
  for (const [index, [sku, quantity]] of wanted.entries()) {
    const shard = shardFrom(preferred[index])
    if (shard.available < quantity) short.push(sku)
    const all = Array.from({ length: SHARDS }, () => emptyShard)
    all[preferredShard(orderId, sku)] = shard
    shards.set(sku, all)
  }
  const all = await documents.getAll(short.flatMap(shardPaths))
  for (const [at, sku] of short.entries()) {
    const own = all.slice(at * SHARDS, (at + 1) * SHARDS)
    shards.set(sku, own.map(shardFrom))
  }
  return shards
}

/** Only the shards whose stock changes, because reading a shard locks it. */
export async function readTouched(
  documents: TransactionDocuments,
  quantities: Allocation,
): Promise<Map<string, Shard[]>> {
  const touched = Object.entries(quantities).flatMap(([sku, perShard]) =>
    perShard.flatMap((quantity, shard) => (quantity > 0 ? [{ sku, shard }] : [])),
  )
  const found = await documents.getAll(touched.map(({ sku, shard }) => shardPath(sku, shard)))
  const shards = new Map(Object.keys(quantities).map((sku) => [sku, Array.from({ length: SHARDS }, () => emptyShard)]))
  for (const [at, { sku, shard }] of touched.entries()) shards.get(sku)![shard] = shardFrom(found[at])
  return shards
}

export function writeShards(
  documents: TransactionDocuments,
  quantities: Allocation,
  shards: ReadonlyMap<string, readonly Shard[]>,
  change: (shard: Shard, quantity: number) => Shard,
): void {
  for (const [sku, perShard] of Object.entries(quantities)) {
    for (const [shard, quantity] of perShard.entries()) {
      if (quantity > 0) documents.set(shardPath(sku, shard), documentOf(change(shards.get(sku)![shard]!, quantity)))
    }
  }
}

/** The remaining held pieces of each line after shipments. */
function openLines({ lines, held }: ReservationState): Line[] {
  const left = new Map(
    Object.entries(held).map(([sku, perShard]) => [sku, perShard.reduce((sum, quantity) => sum + quantity, 0)]),
  )
  return lines.flatMap((line) => {
    const quantity = Math.min(line.quantity, left.get(line.sku) ?? 0)
    left.set(line.sku, (left.get(line.sku) ?? 0) - quantity)
    return quantity > 0 ? [{ ...line, quantity }] : []
  })
}
