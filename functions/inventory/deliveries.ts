/** Deliveries of stock: each is an event in a stream of its own, recorded in the commit of the shards. */

import type { Envelope } from '../../shared/contracts/envelope.ts'
import { type DocumentPath, documentPath } from '../../shared/service/document-path.ts'
import { recordsOf } from '../../shared/service/fold.ts'
import { type Decision, noChange, type Platform } from '../../shared/service/platform.ts'
import { readTouched, writeShards } from './handlers.ts'
import { type InventoryRecord, quantityBySku } from './reservation.ts'
import type { inventory } from './service.ts'
import { receive, splitEvenly } from './shards.ts'

export function receiveStock(
  message: Envelope<string, { deliveryId: string; lines: readonly { sku: string; quantity: number }[] }>,
  platform: Platform,
): Promise<Decision<InventoryRecord>> {
  const { deliveryId, lines } = message.data
  return platform.streams.transact(message, streamOf(deliveryId), async (stream, documents) => {
    if (stream.version > 0 || (await documents.get(formerDocument(deliveryId)))) return noChange
    const added = Object.fromEntries(
      [...quantityBySku(lines.map((line) => ({ ...line, lineId: '' })))].map(([sku, quantity]) => [
        sku,
        splitEvenly(quantity),
      ]),
    )
    writeShards(documents, added, await readTouched(documents, added), receive)
    return { events: [{ type: 'stock.received', data: { deliveryId, lines: [...lines] } }], commands: [] }
  })
}

const streamOf = (deliveryId: string): string => `delivery-${deliveryId}`
/** Deliveries were documents in an earlier version, and before that recorded as `delivery.booked`: they stay booked. */
const formerDocument = (deliveryId: string): DocumentPath => documentPath<typeof inventory>('deliveries', deliveryId)

type Delivery = Pick<Extract<InventoryRecord, { type: 'stock.received' }>['data'], 'lines'>

/** Undefined: it is not booked. */
export async function bookedDelivery(
  { documents, streams }: Platform,
  deliveryId: string,
): Promise<Delivery | undefined> {
  const { events } = await streams.read(streamOf(deliveryId))
  for (const { type, data } of recordsOf<InventoryRecord>(events))
    if (type === 'stock.received' || type === 'delivery.booked') return { lines: data.lines }
  return (await documents.get(formerDocument(deliveryId))) as Delivery | undefined
}
