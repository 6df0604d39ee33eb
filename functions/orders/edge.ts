/** Answers with one order from two services. */

import { implementEdge } from '../../shared/service/edge-code.ts'
import { ordersApi } from './api.ts'
import { orderWithTimeline } from './order-with-timeline.ts'

export const edge = implementEdge(ordersApi, {
  handlers: (platform) => ({
    readOrder: ({ c, caller, params }) => orderWithTimeline(c, platform, caller, params.orderId),
  }),
})
