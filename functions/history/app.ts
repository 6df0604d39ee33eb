/** Every event becomes an entry in its order's timeline; the lists of orders and shipments are made from the same events. */

import { implement, sameHandlerFor } from '../../shared/service/app.ts'
import type { ServiceApp } from '../../shared/service/service-app.ts'
import type { Envelope } from '../../shared/contracts/envelope.ts'
import { refuseIf } from '../../shared/base/errors.ts'
import { type DocumentPath, documentPath } from '../../shared/service/document-path.ts'
import type { Platform } from '../../shared/service/platform.ts'
import { type ListedShipment, type OrderRow, ordersQuery, rowsOf, shipmentsQuery } from './lists.ts'
import { history } from './service.ts'
import { shipmentRows, standingOf } from './shipments.ts'
import { enteredStatus, orderStanding, orderStandings, shipmentStandings, withEntered } from './standing.ts'
import { isKept, timelineOf, type TimelineDocument, timelineFields } from './timeline.ts'

const timelinePath = (orderId: string): DocumentPath => documentPath<typeof history>('timelines', orderId)

const shipmentPath = (shipmentId: string): DocumentPath => documentPath<typeof history>('shipments', shipmentId)

/** Nothing is read for most events. A redelivery writes the same, so that a crash between two documents is made good by it. */
async function record(message: Envelope, platform: Platform): Promise<void> {
  const { documents } = platform
  const standing = orderStanding(message)
  const raise = standing === undefined ? {} : { standing }
  if (isKept(message)) await documents.merge(timelinePath(message.correlationId), timelineFields(message), { raise })
  const entered = enteredStatus(message)
  // An order waits for its payment seldom: the document is read.
  if (entered) await documents.update(timelinePath(message.correlationId), (fields) => withEntered(fields, entered))
  for (const row of shipmentRows(message))
    await documents.merge(shipmentPath(row.shipmentId), row.fields, { raise: { standing: standingOf(row) } })
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
    async readTimelines({ body: { orderIds } }, platform) {
      const documents = await platform.documents.getAll(orderIds.map(timelinePath))
      const found = documents.filter((one) => one !== undefined)
      return { status: 200, body: { timelines: found.map((one) => timelineOf(one as unknown as TimelineDocument)) } }
    },
    async listOrders(filters, platform) {
      const page = await platform.documents.query(ordersQuery(filters))
      return { status: 200, body: { orders: rowsOf<OrderRow>(page, orderStandings), next: page.next } }
    },
    async listShipments(filters, platform) {
      const page = await platform.documents.query(shipmentsQuery(filters))
      return { status: 200, body: { shipments: rowsOf<ListedShipment>(page, shipmentStandings), next: page.next } }
    },
  },
})
