/** The pieces that each order holds, and those of each shard. */

import { limitOf } from '../../shared/base/paging.ts'
import { documentQuery } from '../../shared/service/document-query.ts'
import type { Platform, Stream } from '../../shared/service/platform.ts'
import { recordsOf } from '../../shared/service/fold.ts'
import { changedAt } from '../../shared/service/stream-page.ts'
import type { MovementRow, ReservationRow, ShardRow } from './record-contracts.ts'
import { type Allocation, type InventoryRecord, reservationIn } from './reservation.ts'
import type { inventory } from './service.ts'
import { shardFrom, skuOfShard } from './shards.ts'

/** Undefined for the streams of deliveries and corrections. */
export function reservationRecord(stream: Stream): ReservationRow | undefined {
  const { status, held } = reservationIn(stream.events)
  if (status === 'none') return undefined
  return {
    orderId: stream.id,
    changedAt: changedAt(stream),
    status,
    held: piecesIn(held),
  }
}

const piecesIn = (held: Allocation): { readonly sku: string; readonly quantity: number }[] =>
  Object.entries(held)
    .map(([sku, parts]) => ({ sku, quantity: parts.reduce((sum, part) => sum + part, 0) }))
    .filter(({ quantity }) => quantity > 0)

/** Undefined for a stream that has neither moved nor held a piece. */
export function movementRecord(stream: Stream): MovementRow | undefined {
  const moved = new Map<string, number>()
  for (const record of recordsOf<InventoryRecord>(stream.events))
    for (const { sku, quantity } of movesOf(record)) moved.set(sku, (moved.get(sku) ?? 0) + quantity)
  const held = piecesIn(reservationIn(stream.events).held)
  if (moved.size === 0 && held.length === 0) return undefined
  return {
    id: stream.id,
    changedAt: changedAt(stream),
    moved: [...moved].map(([sku, quantity]) => ({ sku, quantity })),
    held,
  }
}

function movesOf({ type, data }: InventoryRecord): readonly { readonly sku: string; readonly quantity: number }[] {
  switch (type) {
    case 'stock.received':
    case 'delivery.booked':
      return data.lines
    case 'stock.adjusted':
      return [{ sku: data.sku, quantity: data.change }]
    case 'stock.committed':
      return data.lines.map(({ sku, quantity }) => ({ sku, quantity: -quantity }))
    case 'stock.reserved':
    case 'stock.rejected':
    case 'stock.released':
    case 'reservation.held':
      return []
  }
}

export async function shardRecords(
  { documents }: Platform,
  { after, limit }: { readonly after?: string | undefined; readonly limit?: string | undefined },
): Promise<{ readonly rows: readonly ShardRow[]; readonly next?: string | undefined }> {
  const page = await documents.query(documentQuery<typeof inventory>({ from: 'shards', limit: limitOf(limit), after }))
  const rows = page.documents.map(({ id, fields }) => ({ sku: skuOfShard(id), ...shardFrom(fields) }))
  return { rows, ...(page.next === undefined ? {} : { next: page.next }) }
}
