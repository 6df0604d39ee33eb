/**
 * Records disputes: a customer had the bank take captured money back, and the bank decides who keeps it. A webhook names the
 * dispute alone, so the provider is asked of which order it is; each report is read anew, so that their order does not matter.
 */

import { Refused } from '../../shared/base/errors.ts'
import { derivedId } from '../../shared/base/ids.ts'
import type { Envelope } from '../../shared/contracts/envelope.ts'
import { type Decision, noChange } from '../../shared/service/platform.ts'
import { decideWithCalls, type PaymentDecision } from './decide.ts'
import { authorizationKey, paymentId, type PaymentRecord, type PaymentSent, type PaymentState } from './payment.ts'
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

export async function recordDispute(message: Envelope<string, About>, platform: Platform): Promise<PaymentDecision> {
  const { orderId, disputeId } = message.data
  const decision = await decideWithCalls(message, platform, async (state) => {
    const found = await provider(platform, message).dispute(disputeId)
    if (found?.status === 'inquiry')
      platform.log('WARNING', 'payment.inquiry', { orderId, disputeId, reason: found.reason })
    if (!found) return noChange
    const news = reported(state, message.data, found)
    const isOpen = found.status === 'open' && news.length > 0
    const first = isOpen ? question({ orderId, disputeId, question: 1 }, platform.now()) : undefined
    return { events: news, commands: first ? [first] : [] }
  })
  alertOperators(decision, orderId, platform)
  return decision
}

/** Operators are alerted by these lines: see `alertsOn` in the description. A redelivery writes them again. */
function alertOperators(
  { events }: Pick<Decision<PaymentRecord>, 'events'>,
  orderId: string,
  { log }: Pick<Platform, 'log'>,
): void {
  for (const { type, data } of events)
    if (type === 'payment.disputed' || type === 'dispute.overdue')
      log('ERROR', type, { ...data, correlationId: orderId })
}

/** The wait before each question about an open dispute, over four months: a bank decides within some weeks, at most three months. */
const QUESTION_WAITS_MS = [7, 14, 28, 28, 28, 15].map((days) => days * 24 * 3_600_000)

interface Question extends About {
  /** Counts from 1. */
  readonly question: number
}

/** Undefined: it was the last. */
function question(next: Question, nowMs: number): PaymentSent | undefined {
  const waitMs = QUESTION_WAITS_MS[next.question - 1]
  return waitMs === undefined ? undefined : { type: 'AskAboutDispute', data: next, notBeforeMs: nowMs + waitMs }
}

/** Asks the provider about a dispute that is still open. The last question without an end is an event for staff. */
export async function askAboutDispute(
  message: Envelope<string, Question>,
  platform: Platform,
): Promise<PaymentDecision> {
  const { orderId, disputeId, question: count } = message.data
  const decision = await decideWithCalls(message, platform, async (state) => {
    const dispute = Object.hasOwn(state.disputes, disputeId) ? state.disputes[disputeId] : undefined
    if (dispute?.outcome !== 'open') return noChange
    const { outcome: _, ...about } = dispute
    const found = await provider(platform, message).dispute(disputeId)
    const news = found ? reported(state, message.data, found) : []
    if (news.length > 0) return { events: news, commands: [] }
    const next = question({ orderId, disputeId, question: count + 1 }, platform.now())
    if (next) return { events: [], commands: [next] }
    const { currency } = state
    const data = { orderId, paymentId: paymentId(orderId), disputeId, ...about, currency }
    return { events: [{ type: 'dispute.overdue', data }], commands: [] }
  })
  alertOperators(decision, orderId, platform)
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
