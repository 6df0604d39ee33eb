/** Inventory's handlers and queries. */

import { implement } from '../../shared/service/app.ts'
import type { ServiceApp } from '../../shared/service/service-app.ts'
import { Refused, refuseIf } from '../../shared/base/errors.ts'
import { listsStreams } from '../../shared/service/stream-page.ts'
import { adjustStock, checkAdjustable, checkCountable, countStock } from './adjustments.ts'
import { bookedDelivery, receiveStock } from './deliveries.ts'
import { commitStock, releaseStock, reserveStock } from './handlers.ts'
import { movementRecord, reservationRecord, shardRecords } from './record-rows.ts'
import { inventory } from './service.ts'
import { type Shard, shardFrom, shardPaths } from './shards.ts'

export const app: ServiceApp = implement(inventory, {
  on: { 'shipment.dispatched': commitStock },
  commands: {
    ReserveStock: reserveStock,
    ReleaseStock: releaseStock,
    ReceiveStock: receiveStock,
    AdjustStock: adjustStock,
    CountStock: countStock,
  },
  checksSubmitted: { AdjustStock: checkAdjustable, CountStock: checkCountable },
  queries: {
    listReservations: listsStreams(reservationRecord),
    listMovements: listsStreams(movementRecord),
    listShards: async (page, platform) => ({ status: 200, body: await shardRecords(platform, page) }),
    async readStock({ sku }, platform) {
      const shards = await platform.documents.getAll(shardPaths(sku))
      refuseIf(
        shards.every((shard) => shard === undefined),
        'not-found',
        `There never was stock of "${sku}".`,
      )
      const sum = (field: keyof Shard): number => shards.reduce((total, shard) => total + shardFrom(shard)[field], 0)
      const available = sum('available')
      const reserved = sum('reserved')
      return { status: 200, body: { sku, available, onHand: available + reserved, reserved, sold: sum('sold') } }
    },
    async readDelivery({ deliveryId }, platform) {
      const delivery = await bookedDelivery(platform, deliveryId)
      if (!delivery) throw new Refused('not-found', `The delivery ${deliveryId} is not booked.`)
      return { status: 200, body: { deliveryId, ...delivery } }
    },
  },
})
