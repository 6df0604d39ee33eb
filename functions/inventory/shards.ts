/** Stock of a SKU lies in shards, so that no document is written more than about once a second: which one, and how much. */

import { documentId } from '../../shared/base/ids.ts'

export interface Shard {
  /** Free to be reserved: stored documents call it so, though the reserved pieces are on hand too until they are sold. */
  readonly onHand: number
  readonly reserved: number
  readonly sold: number
}

/** So many orders a second may touch one SKU. */
export const SHARDS = 4
export const emptyShard: Shard = { onHand: 0, reserved: 0, sold: 0 }

export const shardPath = (sku: string, shard: number): string => `shards/${documentId(sku)}~${shard}`
export const shardPaths = (sku: string): string[] => Array.from({ length: SHARDS }, (_, shard) => shardPath(sku, shard))

/** The shard that this order looks at first: spread evenly, the same at every try. FNV-1a. */
export function preferredShard(orderId: string, sku: string): number {
  let hash = 0x81_1c_9d_c5
  for (const character of `${orderId} ${sku}`) hash = Math.imul(hash ^ character.codePointAt(0)!, 0x01_00_01_93) >>> 0
  return hash % SHARDS
}

/** A delivery is spread evenly; the first shards take what is left over. */
export function spread(quantity: number): number[] {
  const each = Math.floor(quantity / SHARDS)
  return Array.from({ length: SHARDS }, (_, shard) => each + (shard < quantity % SHARDS ? 1 : 0))
}

/** What is taken from which shard: from the preferred one first. Undefined when all together are short. */
export function take(quantity: number, shards: readonly Shard[], preferred: number): number[] | undefined {
  const taken = shards.map(() => 0)
  let left = quantity
  for (let step = 0; step < shards.length && left > 0; step++) {
    const index = (preferred + step) % shards.length
    const from = Math.min(left, shards[index]!.onHand)
    taken[index] = from
    left -= from
  }
  return left === 0 ? taken : undefined
}

export const reserve = ({ onHand, reserved, sold }: Shard, quantity: number): Shard => ({
  onHand: onHand - quantity,
  reserved: reserved + quantity,
  sold,
})
export const release = ({ onHand, reserved, sold }: Shard, quantity: number): Shard => ({
  onHand: onHand + quantity,
  reserved: reserved - quantity,
  sold,
})
export const sell = ({ onHand, reserved, sold }: Shard, quantity: number): Shard => ({
  onHand,
  reserved: reserved - quantity,
  sold: sold + quantity,
})
export const receive = ({ onHand, reserved, sold }: Shard, quantity: number): Shard => ({
  onHand: onHand + quantity,
  reserved,
  sold,
})
