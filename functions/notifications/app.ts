/** A CloudEvent function: sends one message to the customer for each event, and records it in the send log. */

import { implement } from '../../shared/service/app.ts'
import type { ServiceApp } from '../../shared/service/service-app.ts'
import { documentPath } from '../../shared/service/document-path.ts'
import { notifications } from './service.ts'

export const app: ServiceApp = implement(notifications, {
  on: {},
  commands: {},
  /** One document for each order, with an entry for each envelope: one that is delivered or published again writes the same. */
  async onSubscribed({ id, type, time, data }, text, platform) {
    // All events of the texts are about an order.
    const { orderId } = data as { readonly orderId: string }
    await platform.documents.merge(documentPath<typeof notifications>('sends', orderId), {
      orderId,
      sends: { [id]: { eventType: type, time, text } },
    })
  },
})
