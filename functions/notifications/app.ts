/** A CloudEvent function: sends one message to the customer for each event, and records it in the send log. */

import { implement, sameHandlerFor } from '../../shared/service/app.ts'
import type { Delivery, ServiceApp } from '../../shared/service/service-app.ts'
import type { Envelope } from '../../shared/contracts/envelope.ts'
import { documentPath } from '../../shared/service/document-path.ts'
import type { Platform } from '../../shared/service/platform.ts'
import { notifications } from './service.ts'
import { type Notified, textFor } from './templates.ts'

type NotifiedEvent = Envelope<Notified, { orderId: string }>

/** Keyed by the envelope's id: a message that is delivered or published again is not sent again. */
const send = async (
  message: NotifiedEvent,
  platform: Platform,
  { messageId, cloudEventId }: Delivery,
): Promise<void> => {
  await platform.documents.create(documentPath<typeof notifications>('sends', message.id), {
    eventType: message.type,
    orderId: message.data.orderId,
    text: textFor(message.type, message.data),
    sentAt: new Date(platform.now()).toISOString(),
    messageId,
    cloudEventId: cloudEventId ?? '',
  })
}

export const app: ServiceApp = implement(notifications, {
  on: sameHandlerFor(notifications.on, send),
  commands: {},
})
