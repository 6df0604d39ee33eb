/**
 * Records disputes: a customer had the bank take captured money back, and the bank decides who keeps it. A webhook names the
 * dispute alone, so the provider is asked of which order it is; each report is read anew, so that their order does not matter.
 */

import { Refused } from '../../shared/base/errors.ts'
import { derivedId } from '../../shared/base/ids.ts'
import type { Envelope } from '../../shared/contracts/envelope.ts'
import { type Decision, noChange } from '../../shared/service/platform.ts'
import {
  authorizationKey,
  paymentId,
  paymentIn,
  type PaymentRecord,
  type PaymentSent,
  type PaymentState,
} from './payment.ts'
import { provider, type ReportedDispute } from './provider.ts'
import type { PaymentsPlatform as Platform } from './service.ts'

export async function checkDispute(
  message: Envelope<string, { disputeId: string; providerEventId: string }>,
  platform: Platform,
): Promise<void> {
  const { disputeId } = message.data
  const found = await provider(platform, message).dispute(disputeId)
  if (!found) throw new Refused('not-found', `The dispute ${disputeId} is about no payment of this shop.`)
  const { orderId } = found
  // From here on the messages are of the order.
  await platform.send<PaymentSent>(
    { type: 'RecordDispute', data: { orderId, disputeId } },
    { id: derivedId(orderId, message.id, 'dispute'), subject: orderId, correlationId: orderId, actor: message.actor },
  )
}

interface About {
  readonly orderId: string
  readonly disputeId: string
}

export async function recordDispute(
  message: Envelope<string, About>,
  platform: Platform,
): Promise<Decision<PaymentRecord>> {
  const { orderId, disputeId } = message.data
  const decision = await platform.streams.handleWithCalls<PaymentRecord>(message, orderId, async ({ events }) => {
    const state = paymentIn(events)
    const found = await provider(platform, message).dispute(disputeId)
    if (found?.status === 'inquiry')
      platform.log('WARNING', 'payment.inquiry', { orderId, disputeId, reason: found.reason })
    return found ? { events: reported(state, message.data, found), commands: [] } : noChange
  })
  for (const { type, data } of decision.events)
    // Operators are alerted by this line: see `alertsOn` in the description. A redelivery writes it again.
    if (type === 'payment.disputed') platform.log('ERROR', type, { ...data, correlationId: orderId })
  return decision
}

/** The events of what is not recorded yet. An inquiry takes no money, and has no event. */
function reported(state: PaymentState, { orderId, disputeId }: About, found: ReportedDispute): PaymentRecord[] {
  const { status, amountMinor, reason, evidenceDueBy } = found
  if (status === 'inquiry') return []
  const authorization = state.authorizations.find((one) => authorizationKey(orderId, one) === found.authorizationKey)
  if (authorization === undefined)
    throw new Refused('not-found', `${orderId} has no authorization ${found.authorizationKey}.`)
  const { currency } = state
  const about = { orderId, paymentId: paymentId(orderId), disputeId, authorization, amountMinor, currency }
  const known = state.disputes[disputeId]
  const events: PaymentRecord[] = []
  if (!known) {
    const due = evidenceDueBy === undefined ? {} : { evidenceDueBy }
    events.push({ type: 'payment.disputed', data: { ...about, reason, ...due } })
  }
  if (status !== 'open' && known?.outcome !== status)
    events.push({ type: 'payment.dispute-closed', data: { ...about, outcome: status } })
  return events
}
