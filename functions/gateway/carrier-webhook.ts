/**
 * Receives the carrier's webhooks, whose signatures `webhook-signatures.ts` has checked. Each says only that a booking changed:
 * the gateway submits it as a command to shipping, which asks the carrier. A repeated webhook makes no second command.
 */

import { refuseIf } from '../../shared/base/errors.ts'
import { derivedId } from '../../shared/base/ids.ts'
import type { SubmittedBy } from '../../shared/contracts/contract.ts'
import { relayed } from '../../shared/edge/relay.ts'
import type { Platform } from '../../shared/service/platform.ts'
import type { OperationHandler } from '../../shared/service/public-api.ts'
import { orderId } from '../shop/fields.ts'
import type { operations } from './operations.ts'
import type { gateway } from './service.ts'

const BOOKING_UPDATED = 'booking.updated'

export function carrierWebhook(platform: Platform): OperationHandler<typeof operations.carrierWebhook> {
  return async ({ c, body: { id, type, reference, key } }) => {
    if (type !== BOOKING_UPDATED) {
      // Answered 204 as well, so that the carrier does not send it again.
      platform.log('WARNING', 'webhook.unknown-type', { type, reference, carrierEventId: id })
      return c.empty(204)
    }
    // Shipping gave the carrier the order's id as the reference.
    refuseIf(!orderId.safeParse(reference).success, 'invalid-body', 'body.reference: is not an order id.')
    const command: SubmittedBy<typeof gateway> = {
      type: 'CheckShipments',
      data: { orderId: reference, carrierEventId: id, ...(key === undefined ? {} : { bookingKey: key }) },
    }
    const submitted = await platform.submit<SubmittedBy<typeof gateway>>(command, {
      key: derivedId(type, reference, id),
      actor: 'partner:carrier',
      subject: reference,
    })
    return submitted.refused ? relayed(c, submitted, platform) : c.empty(204)
  }
}
