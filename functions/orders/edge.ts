/** Answers with one order from two services, and with its progress. */

import { implementEdge } from '../../shared/service/edge-code.ts'
import { ordersApi } from './api.ts'
import { followOrder } from './order-events.ts'
import { orderWithTimeline } from './order-with-timeline.ts'

export const edge = implementEdge(ordersApi, {
  handlers: (platform) => ({
    followOrder: ({ c, caller, params }) => followOrder(c, platform, caller, params.orderId),
    readOrder: ({ c, caller, params }) => orderWithTimeline(c, platform, caller, params.orderId),
  }),
})
