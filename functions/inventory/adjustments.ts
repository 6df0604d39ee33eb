/** Corrections of stock by people: pieces are added, written off or counted, each time with the reason and as an event. */

import { Refused, refuseIf } from '../../shared/base/errors.ts'
import type { Envelope } from '../../shared/contracts/envelope.ts'
import { type Decision, noChange, type Platform, type TransactionDocuments } from '../../shared/service/platform.ts'
import { shopCodes } from '../shop/errors.ts'
import { availableIn, writeShards } from './handlers.ts'
import type { InventoryRecord } from './reservation.ts'
import { allocate, receive, type Shard, shardFrom, shardPaths, splitEvenly, writeOff } from './shards.ts'

type Adjusted = Extract<InventoryRecord, { type: 'stock.adjusted' }>['data']

interface Adjustment {
  readonly adjustmentId: string
  readonly sku: string
  readonly change: number
  readonly reason: Adjusted['reason']
}
interface Count {
  readonly adjustmentId: string
  readonly sku: string
  /** On hand, reserved pieces included. */
  readonly counted: number
}

export const adjustStock = (message: Envelope<string, Adjustment>, platform: Platform) =>
  adjust(message, platform, () => message.data)

export const countStock = (message: Envelope<string, Count>, platform: Platform) =>
  adjust(message, platform, (shards) => counting(message.data, shards))

/** Before it is submitted, so that the person is answered at once. */
export const checkAdjustable = async (adjustment: Adjustment, platform: Platform): Promise<void> =>
  checkChange(adjustment, await readShards(adjustment.sku, platform.documents))

export async function checkCountable(count: Count, platform: Platform): Promise<void> {
  const shards = await readShards(count.sku, platform.documents)
  checkChange(counting(count, shards), shards)
}

function adjust(
  message: Envelope<string, { readonly adjustmentId: string; readonly sku: string }>,
  platform: Platform,
  changeOf: (shards: readonly Shard[]) => Adjusted,
): Promise<Decision<InventoryRecord>> {
  const { adjustmentId, sku } = message.data
  return platform.streams.transact(message, `adjustment-${adjustmentId}`, async (stream, documents) => {
    if (stream.version > 0) return noChange
    const shards = await readShards(sku, documents)
    const adjusted = changeOf(shards)
    checkChange(adjusted, shards)
    const { change } = adjusted
    const perShard = change > 0 ? splitEvenly(change) : allocate(-change, shards, 0)!
    writeShards(documents, { [sku]: perShard }, new Map([[sku, shards]]), change > 0 ? receive : writeOff)
    return { events: [{ type: 'stock.adjusted', data: adjusted }], commands: [] }
  })
}

/** A count that agrees is an event, too: it says when the stock was counted. */
function counting({ adjustmentId, sku, counted }: Count, shards: readonly Shard[]): Adjusted {
  const onHand = shards.reduce((sum, { available, reserved }) => sum + available + reserved, 0)
  return { adjustmentId, sku, change: counted - onHand, reason: 'counted', counted }
}

/** @throws Refused for a SKU without stock, and for pieces that orders have reserved. */
function checkChange({ sku, change }: Pick<Adjusted, 'sku' | 'change'>, shards: readonly Shard[]): void {
  const available = availableIn(shards)
  if (available + change >= 0) return
  const reserved = shards.reduce((sum, shard) => sum + shard.reserved, 0)
  throw new Refused(
    shopCodes['not-available'],
    `${-change} of ${sku} can not be written off: ${available} are available, and ${reserved} are reserved. Cancel orders first.`,
  )
}

/** All shards of the SKU. @throws Refused if none was ever written. */
async function readShards(sku: string, documents: Pick<TransactionDocuments, 'getAll'>): Promise<Shard[]> {
  const shards = await documents.getAll(shardPaths(sku))
  refuseIf(
    shards.every((shard) => shard === undefined),
    shopCodes['unknown-sku'],
    `There never was stock of "${sku}": book a delivery first.`,
  )
  return shards.map(shardFrom)
}
