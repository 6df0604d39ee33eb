/** Inventory's handlers and queries. */

import { implement } from '../../shared/service/app.ts'
import type { ServiceApp } from '../../shared/service/service-app.ts'
import { refuseIf } from '../../shared/base/errors.ts'
import { bookedDelivery, commitStock, receiveStock, releaseStock, reserveStock } from './handlers.ts'
import { inventory } from './service.ts'
import { type Shard, shardFrom, shardPaths } from './shards.ts'

export const app: ServiceApp = implement(inventory, {
  on: { 'shipment.dispatched': commitStock },
  commands: { ReserveStock: reserveStock, ReleaseStock: releaseStock, ReceiveStock: receiveStock },
  routes(http, platform) {
    http.get('/stock/:sku', async (c) => {
      const { sku } = c.req.param()
      const shards = await platform.documents.getAll(shardPaths(sku))
      refuseIf(
        shards.every((shard) => shard === undefined),
        'not-found',
        `There never was stock of "${sku}".`,
      )
      const sum = (field: keyof Shard): number => shards.reduce((total, shard) => total + shardFrom(shard)[field], 0)
      const available = sum('available')
      const reserved = sum('reserved')
      return c.json({ sku, available, onHand: available + reserved, reserved, sold: sum('sold') })
    })
    http.get('/deliveries/:deliveryId', async (c) => {
      const { deliveryId } = c.req.param()
      const delivery = await bookedDelivery(platform, deliveryId)
      refuseIf(delivery === undefined, 'not-found', `The delivery ${deliveryId} is not booked.`)
      return c.json({ deliveryId, ...delivery })
    })
  },
})
