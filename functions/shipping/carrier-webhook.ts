/**
 * Receives the carrier's webhooks, whose signatures were checked before. Each says only that a booking changed:
 * the edge submits it as a command to shipping, which asks the carrier. A repeated webhook makes no second command.
 */

import { refuseIf } from '../../shared/base/errors.ts'
import { derivedId } from '../../shared/base/ids.ts'
import { relayed } from '../../shared/edge/relay.ts'
import type { HandlerOf, SubmittedAtEdge } from '../../shared/service/edge-code.ts'
import type { Platform } from '../../shared/service/platform.ts'
import { orderId } from '../shop/fields.ts'
import type { shippingApi } from './api.ts'

const BOOKING_UPDATED = 'booking.updated'

export function carrierWebhook(platform: Platform): HandlerOf<typeof shippingApi, 'carrierWebhook'> {
  return async ({ c, body: { id, type, reference, key } }) => {
    if (type !== BOOKING_UPDATED) {
      // Answered 204 as well, so that the carrier does not send it again.
      platform.log('WARNING', 'webhook.unknown-type', { type, reference, carrierEventId: id })
      return c.empty(204)
    }
    // Shipping gave the carrier the order's id as the reference.
    refuseIf(!orderId.safeParse(reference).success, 'invalid-body', 'body.reference: is not an order id.')
    const command: SubmittedAtEdge<typeof shippingApi> = {
      type: 'CheckShipments',
      data: { orderId: reference, carrierEventId: id, ...(key === undefined ? {} : { bookingKey: key }) },
    }
    const submitted = await platform.submit<SubmittedAtEdge<typeof shippingApi>>(command, {
      key: derivedId(type, reference, id),
      actor: 'partner:carrier',
      subject: reference,
      limitedTo: undefined,
    })
    return submitted.refused ? relayed(c, submitted, platform) : c.empty(204)
  }
}
