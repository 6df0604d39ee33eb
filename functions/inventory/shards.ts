/** The stock of a SKU is in shards, so that no document is written more than about once a second: chooses shards and amounts. */

import { type DocumentPath, documentPath } from '../../shared/service/document-path.ts'
import type { inventory } from './service.ts'

export interface Shard {
  /** Not reserved. On hand is available + reserved. */
  readonly available: number
  readonly reserved: number
  readonly sold: number
}

/** So many orders a second may touch one SKU. */
export const SHARDS = 4
export const emptyShard: Shard = { available: 0, reserved: 0, sold: 0 }

type ShardDocument = Readonly<Record<string, unknown>>

/** Stored documents call the available quantity `onHand`, and keep doing so: docs/decisions/0039. */
export const shardFrom = (document: ShardDocument | undefined): Shard => {
  if (!document) return emptyShard
  const { onHand: available, reserved, sold } = document as Readonly<Record<'onHand' | 'reserved' | 'sold', number>>
  return { available, reserved, sold }
}
export const documentOf = ({ available, reserved, sold }: Shard): ShardDocument => ({
  onHand: available,
  reserved,
  sold,
})

export const shardPath = (sku: string, shard: number): DocumentPath =>
  documentPath<typeof inventory>('shards', `${sku}~${shard}`)
/** Of a shard's document: see `shardPath`. */
export const skuOfShard = (id: string): string => decodeURIComponent(id.slice(0, id.lastIndexOf('~')))
export const shardPaths = (sku: string): DocumentPath[] =>
  Array.from({ length: SHARDS }, (_, shard) => shardPath(sku, shard))

/** The shard that this order reads first: orders are distributed evenly, and a retry gets the same shard. FNV-1a. */
export function preferredShard(orderId: string, sku: string): number {
  let hash = 0x81_1c_9d_c5
  for (const character of `${orderId} ${sku}`) hash = Math.imul(hash ^ character.codePointAt(0)!, 0x01_00_01_93) >>> 0
  return hash % SHARDS
}

/** Splits a delivery evenly over the shards; the first ones get the remainder. */
export function splitEvenly(quantity: number): number[] {
  const each = Math.floor(quantity / SHARDS)
  return Array.from({ length: SHARDS }, (_, shard) => each + (shard < quantity % SHARDS ? 1 : 0))
}

/** The quantity to reserve in each shard, from the preferred one on. Undefined if all shards together are short. */
export function allocate(quantity: number, shards: readonly Shard[], preferred: number): number[] | undefined {
  const taken = shards.map(() => 0)
  let left = quantity
  for (let step = 0; step < shards.length && left > 0; step++) {
    const index = (preferred + step) % shards.length
    const from = Math.min(left, shards[index]!.available)
    taken[index] = from
    left -= from
  }
  return left === 0 ? taken : undefined
}

export const reserve = ({ available, reserved, sold }: Shard, quantity: number): Shard => ({
  available: available - quantity,
  reserved: reserved + quantity,
  sold,
})
export const release = ({ available, reserved, sold }: Shard, quantity: number): Shard => ({
  available: available + quantity,
  reserved: reserved - quantity,
  sold,
})
export const sell = ({ available, reserved, sold }: Shard, quantity: number): Shard => ({
  available,
  reserved: reserved - quantity,
  sold: sold + quantity,
})
export const writeOff = ({ available, reserved, sold }: Shard, quantity: number): Shard => ({
  available: available - quantity,
  reserved,
  sold,
})
export const receive = ({ available, reserved, sold }: Shard, quantity: number): Shard => ({
  available: available + quantity,
  reserved,
  sold,
})
