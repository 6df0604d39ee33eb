/**
 * The provider reports on refunds by its webhooks, and when payments asks about one that is pending for long, since a webhook
 * may be lost. Payments asks a bounded number of times, at growing intervals, and then hands the refund to staff.
 */

import { Refused, refuseIf } from '../../shared/base/errors.ts'
import { derivedId } from '../../shared/base/ids.ts'
import type { Envelope } from '../../shared/contracts/envelope.ts'
import { noChange } from '../../shared/service/platform.ts'
import { decideWithCalls, type PaymentDecision } from './decide.ts'
import { alertingOperators } from './overdue.ts'
import {
  authorizationKey,
  paymentId,
  type PaymentRecord,
  type PaymentSent,
  type PaymentState,
  type Refund,
  refundKey,
} from './payment.ts'
import { type MadeRefund, provider, type RefundAnswer } from './provider.ts'
import type { PaymentsPlatform as Platform } from './service.ts'

/** A refund that was made at the provider by hand: the provider is asked of which order it is. */
export async function checkRefund(
  message: Envelope<string, { providerRefundId: string; providerEventId: string }>,
  platform: Platform,
): Promise<void> {
  const { providerRefundId, providerEventId } = message.data
  const orderId = await provider(platform, message).orderOfRefund(providerRefundId)
  if (orderId === undefined)
    throw new Refused('not-found', `The refund ${providerRefundId} is of no payment of this shop.`)
  // From here on the messages are of the order.
  await platform.send<PaymentSent>(
    { type: 'CheckRefunds', data: { orderId, providerEventId } },
    { id: derivedId(orderId, message.id, 'refund'), subject: orderId, correlationId: orderId, actor: message.actor },
  )
}

interface CheckRequest {
  readonly orderId: string
  readonly providerEventId: string
}

/**
 * After a webhook, reads all refunds of the order at the provider, so that the order of webhooks does not matter. One that was
 * made there by hand is recorded too: it is money that the customer has got.
 */
export function checkRefunds(message: Envelope<string, CheckRequest>, platform: Platform): Promise<PaymentDecision> {
  const { orderId } = message.data
  return decideWithCalls(message, platform, async (state) => {
    refuseIf(state.authorizations.length === 0, 'not-found', `Nothing was authorized for ${orderId}.`)
    const client = provider(platform, message)
    const made = await Promise.all(
      state.authorizations.map(async (authorization) => {
        const refunds = await client.refunds(authorizationKey(orderId, authorization))
        return refunds.map((refund) => ({ ...refund, authorization }))
      }),
    )
    const reports = made.flat().flatMap((one) => reported(state, orderId, known(state, orderId, one), one))
    return withQuestions(reports, platform.now())
  })
}

/** The wait before each question about a pending refund, over a week: a bank may take some days. */
const QUESTION_WAITS_MS = [1, 6, 24, 48, 96].map((hours) => hours * 3_600_000)

/** The decision, with the first question about each refund that is pending from now on. */
export function withQuestions(events: readonly PaymentRecord[], nowMs: number): PaymentDecision {
  return {
    events,
    commands: events.flatMap(({ type, data }) =>
      type === 'refund.pending' ? [question({ ...data, question: 1 }, nowMs)!] : [],
    ),
  }
}

interface Question {
  readonly orderId: string
  readonly refundId: string
  /** Counts from 1. */
  readonly question: number
}

/** Undefined: it was the last. */
function question({ orderId, refundId, question: number }: Question, nowMs: number): PaymentSent | undefined {
  const waitMs = QUESTION_WAITS_MS[number - 1]
  if (waitMs === undefined) return undefined
  return { type: 'AskAboutRefund', data: { orderId, refundId, question: number }, notBeforeMs: nowMs + waitMs }
}

/** Asks the provider about a refund that is still pending. The last question without an answer is an event for staff. */
export function askAboutRefund(message: Envelope<string, Question>, platform: Platform): Promise<PaymentDecision> {
  const { orderId, refundId, question: count } = message.data
  const decided = decideWithCalls(message, platform, async (state) => {
    const refund = state.refunds[refundId]
    if (refund?.status !== 'pending') return noChange
    const { authorization } = refund
    const made = await provider(platform, message).refunds(authorizationKey(orderId, authorization))
    const found = made.find((one) => known(state, orderId, { ...one, authorization }).refundId === refundId)
    const named = { ...refund, refundId }
    const reports = found ? reported(state, orderId, named, found) : []
    if (reports.length > 0) return { events: reports, commands: [] }
    const next = question({ orderId, refundId, question: count + 1 }, platform.now())
    if (next) return { events: [], commands: [next] }
    return { events: [{ type: 'refund.overdue', data: dataOf(state, orderId, named) }], commands: [] }
  })
  return alertingOperators(message, platform, decided)
}

type Named = Omit<Refund, 'status'> & { readonly refundId: string }

/** The refund of ours that the provider made under this key, or one that was made there by hand. */
function known(state: PaymentState, orderId: string, made: MadeRefund & { readonly authorization: number }): Named {
  const ours = Object.entries(state.refunds).find(([refundId]) => refundKey(orderId, refundId) === made.key)
  if (ours) return { ...ours[1], refundId: ours[0] }
  const { amountMinor, authorization } = made
  return { refundId: made.providerRefundId, amountMinor, authorization, reason: 'refunded at the payment provider' }
}

const RANKS = ['due', 'pending', 'issued', 'failed'] as const

/** The report of the provider on a refund, unless the recorded report is the same or newer: a bank may return an issued refund. */
export function reported(state: PaymentState, orderId: string, refund: Named, answer: RefundAnswer): PaymentRecord[] {
  const before = state.refunds[refund.refundId]?.status
  const now = answer.status === 'succeeded' ? 'issued' : answer.status
  if (before !== undefined && RANKS.indexOf(now) <= RANKS.indexOf(before)) return []
  const data = dataOf(state, orderId, refund)
  if (answer.status === 'failed') return [{ type: 'refund.failed', data: { ...data, code: answer.code } }]
  return [{ type: now === 'issued' ? 'refund.issued' : 'refund.pending', data }]
}

export const dataOf = (
  { currency }: PaymentState,
  orderId: string,
  { refundId, amountMinor, reason, lines, authorization }: Named,
) => ({
  orderId,
  paymentId: paymentId(orderId),
  refundId,
  amountMinor,
  currency,
  reason,
  ...(lines ? { lines } : {}),
  authorization,
})
