/** A CloudEvent function: sends one message to the customer for each event, and records it in the send log. */

import { implement, sameHandlerFor } from '../../shared/service/app.ts'
import type { ServiceApp } from '../../shared/service/service-app.ts'
import type { Envelope } from '../../shared/contracts/envelope.ts'
import { documentPath } from '../../shared/service/document-path.ts'
import type { Platform } from '../../shared/service/platform.ts'
import { notifications } from './service.ts'
import { type Notified, textFor } from './templates.ts'

type NotifiedEvent = Envelope<Notified, { orderId: string }>

/** One document for each order, with an entry for each envelope: one that is delivered or published again writes the same. */
const send = async (message: NotifiedEvent, platform: Platform): Promise<void> => {
  const { orderId } = message.data
  const entry = { eventType: message.type, time: message.time, text: textFor(message.type, message.data) }
  await platform.documents.merge(documentPath<typeof notifications>('sends', orderId), {
    orderId,
    sends: { [message.id]: entry },
  })
}

export const app: ServiceApp = implement(notifications, {
  on: sameHandlerFor(notifications.on, send),
  commands: {},
})
