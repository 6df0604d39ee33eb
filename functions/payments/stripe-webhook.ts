/**
 * Receives events of Stripe, whose signatures `stripe-signature.ts` has checked. An event says only that something changed:
 * the edge submits a command to payments, which asks Stripe. A repeated event makes no second command.
 */

import { derivedId } from '../../shared/base/ids.ts'
import { relayed } from '../../shared/edge/relay.ts'
import type { HandlerOf, SubmittedAtEdge } from '../../shared/service/edge-code.ts'
import type { Platform } from '../../shared/service/platform.ts'
import { orderId } from '../shop/fields.ts'
import type { paymentsApi } from './api.ts'

type Command = SubmittedAtEdge<typeof paymentsApi>

/** The command for each type of event about a payment intent or a refund. Stripe's endpoint subscribes to no further types; one that arrives is logged and ignored. */
const commands: Readonly<Record<string, 'CheckAuthorization' | 'CheckRefunds'>> = {
  'payment_intent.amount_capturable_updated': 'CheckAuthorization',
  'payment_intent.payment_failed': 'CheckAuthorization',
  'payment_intent.canceled': 'CheckAuthorization',
  'refund.created': 'CheckRefunds',
  'refund.updated': 'CheckRefunds',
  'refund.failed': 'CheckRefunds',
}
const DISPUTE = /^charge\.dispute\./

export function stripeWebhook(platform: Platform): HandlerOf<typeof paymentsApi, 'stripeWebhook'> {
  return async ({ c, body: { id, type, data } }) => {
    const { object } = data
    const command = Object.hasOwn(commands, type) ? commands[type] : undefined
    const reference = orderId.safeParse(object.metadata?.reference)
    const submit = async (submitted: Command, subject: string): Promise<Response> => {
      const key = derivedId(type, subject, id)
      const answer = await platform.submit<Command>(submitted, {
        key,
        actor: 'partner:payment-provider',
        subject,
        limitedTo: undefined,
      })
      return answer.refused ? relayed(c, answer, platform) : c.empty(204)
    }
    // Neither a dispute nor a refund that was made in Stripe's dashboard has metadata of ours: payments asks Stripe of which
    // order it is.
    if (DISPUTE.test(type))
      return submit({ type: 'CheckDispute', data: { disputeId: object.id, providerEventId: id } }, object.id)
    if (command === 'CheckRefunds' && !reference.success)
      return submit({ type: 'CheckRefund', data: { providerRefundId: object.id, providerEventId: id } }, object.id)
    if (command === undefined || !reference.success) {
      // Answered 204 too, so that Stripe does not send it again: the account may have payments that are of no order here.
      platform.log('WARNING', 'webhook.unknown-type', { type, objectId: object.id, providerEventId: id })
      return c.empty(204)
    }
    return submit({ type: command, data: { orderId: reference.data, providerEventId: id } }, reference.data)
  }
}
