/**
 * Receives the payment provider's webhooks, whose signatures were checked before. The provider sends each one
 * until it is answered 2xx. The edge submits it as a command to payments, which asks the provider
 * what has changed. The idempotency key is derived from the webhook's type, reference and id: a repeated webhook makes no second command, and another
 * webhook never has the same key.
 */

import { refuseIf } from '../../shared/base/errors.ts'
import { derivedId } from '../../shared/base/ids.ts'
import { relayed } from '../../shared/edge/relay.ts'
import type { HandlerOf, SubmittedAtEdge } from '../../shared/service/edge-code.ts'
import type { Platform } from '../../shared/service/platform.ts'
import { orderId } from '../shop/fields.ts'
import type { paymentsApi } from './api.ts'

export function paymentWebhook(platform: Platform): HandlerOf<typeof paymentsApi, 'paymentWebhook'> {
  return async ({ c, body: { id, type, reference } }) => {
    const command = commandFor(type, reference, id)
    if (command) {
      // Payments gave the provider the order's id as the reference of the authorization; a dispute has its own id here.
      const isOfOrder = command.type !== 'CheckDispute'
      refuseIf(
        isOfOrder && !orderId.safeParse(reference).success,
        'invalid-body',
        'body.reference: is not an order id.',
      )
      const submitted = await platform.submit<Command>(command, {
        key: derivedId(type, reference, id),
        actor: 'partner:payment-provider',
        subject: reference,
        limitedTo: undefined,
      })
      if (submitted.refused) return relayed(c, submitted, platform)
    } else {
      // Answered 204 as well, so that the provider does not send it again.
      platform.log('WARNING', 'webhook.unknown-type', { type, reference, providerEventId: id })
    }
    return c.empty(204)
  }
}

type Command = SubmittedAtEdge<typeof paymentsApi>

/** The command that a webhook of this type becomes; undefined for an unknown type. */
function commandFor(type: string, reference: string, providerEventId: string): Command | undefined {
  switch (type) {
    case 'authorization.updated':
      return { type: 'CheckAuthorization', data: { orderId: reference, providerEventId } }
    case 'refund.updated':
      return { type: 'CheckRefunds', data: { orderId: reference, providerEventId } }
    case 'dispute.updated':
      return { type: 'CheckDispute', data: { disputeId: reference, providerEventId } }
    default:
      return undefined
  }
}
