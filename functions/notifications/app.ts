/** A CloudEvent function: sends one message to the customer for each event, and records it in the send log. */

import { implement } from '../../shared/service/app.ts'
import type { ServiceApp } from '../../shared/service/service-app.ts'
import { documentPath } from '../../shared/service/document-path.ts'
import { notifications } from './service.ts'

export const app: ServiceApp = implement(notifications, {
  on: {},
  commands: {},
  /** One document for each order and each webhook endpoint, with an entry for each envelope: one that is delivered or published again writes the same. */
  async onSubscribed({ id, type, time, data }, text, platform) {
    const { orderId, endpointId } = data as { readonly orderId?: string; readonly endpointId?: string }
    // An endpoint's id begins with `w-`, and an order's does not.
    await platform.documents.merge(documentPath<typeof notifications>('sends', (orderId ?? endpointId)!), {
      ...(orderId === undefined ? { endpointId } : { orderId }),
      sends: { [id]: { eventType: type, time, text } },
    })
  },
})
