/** Every event becomes an entry in its order's timeline. */

import { implement } from '../../shared/service/app.ts'
import type { ServiceApp } from '../../shared/service/service-app.ts'
import type { Envelope } from '../../shared/contracts/envelope.ts'
import { refuseIf } from '../../shared/base/errors.ts'
import { documentId } from '../../shared/base/ids.ts'
import type { Platform } from '../../shared/service/platform.ts'
import { history } from './service.ts'
import { isKept, timelineOf, type TimelineDocument, told } from './timeline.ts'

const timelinePath = (orderId: string): string => `timelines/${documentId(orderId)}`

async function tell(message: Envelope, platform: Platform): Promise<void> {
  if (isKept(message)) await platform.views.merge(timelinePath(message.correlationId), told(message))
}

export const app: ServiceApp = implement(history, {
  on: {
    'order.placed': tell,
    'order.rejected': tell,
    'order.expired': tell,
    'order.confirmed': tell,
    'order.released': tell,
    'order.completed': tell,
    'order.stalled': tell,
    'order.closed': tell,
    'saga.stuck': tell,
    'stock.reserved': tell,
    'stock.rejected': tell,
    'stock.committed': tell,
    'stock.released': tell,
    'payment.authorized': tell,
    'payment.declined': tell,
    'payment.action-required': tell,
    'payment.captured': tell,
    'payment.capture-failed': tell,
    'payment.voided': tell,
    'shipment.created': tell,
    'shipment.dispatched': tell,
  },
  commands: {},
  routes(http, platform) {
    http.get('/orders/:orderId/timeline', async (c) => {
      const { orderId } = c.req.param()
      const document = await platform.views.get(timelinePath(orderId))
      refuseIf(document === undefined, 'not-found', `Nothing was heard of ${orderId}.`)
      return c.json(timelineOf(document as unknown as TimelineDocument))
    })
  },
})
