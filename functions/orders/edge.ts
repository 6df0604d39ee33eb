/** Answers with orders from two services, one by one or many together, and with the progress of one. */

import { implementEdge } from '../../shared/service/edge-code.ts'
import { ordersApi } from './api.ts'
import { followOrder } from './order-events.ts'
import { orderWithTimeline, timelinesOf, visibleOrders } from './order-with-timeline.ts'

export const edge = implementEdge(ordersApi, {
  handlers: (platform) => ({
    followOrder: ({ c, caller, params }) => followOrder(c, platform, caller, params.orderId),
    readOrder: ({ c, caller, params }) => orderWithTimeline(c, platform, caller, params.orderId),
  }),
  edges: (platform) => ({
    'ListedOrder.order': visibleOrders(platform),
    'ListedShipment.order': visibleOrders(platform),
    // Its key is that of an order which this caller sees.
    'Order.timeline': timelinesOf(platform),
  }),
})
