/** Every event becomes an entry in its order's timeline. */

import { implement, sameHandlerFor } from '../../shared/service/app.ts'
import type { ServiceApp } from '../../shared/service/service-app.ts'
import type { Envelope } from '../../shared/contracts/envelope.ts'
import { refuseIf } from '../../shared/base/errors.ts'
import { type DocumentPath, documentPath } from '../../shared/service/document-path.ts'
import type { Platform } from '../../shared/service/platform.ts'
import { history } from './service.ts'
import { isKept, timelineOf, type TimelineDocument, timelineFields } from './timeline.ts'

const timelinePath = (orderId: string): DocumentPath => documentPath<typeof history>('timelines', orderId)

async function record(message: Envelope, platform: Platform): Promise<void> {
  if (isKept(message)) await platform.documents.merge(timelinePath(message.correlationId), timelineFields(message))
}

export const app: ServiceApp = implement(history, {
  on: sameHandlerFor(history.on, record),
  commands: {},
  queries: {
    async readTimeline({ orderId }, platform) {
      const document = await platform.documents.get(timelinePath(orderId))
      refuseIf(document === undefined, 'not-found', `No event of ${orderId} has arrived.`)
      return { status: 200, body: timelineOf(document as unknown as TimelineDocument) }
    },
  },
})
