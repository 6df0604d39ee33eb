/**
 * Refunds captured money. The first commit fixes the amount, so that concurrent refunds never exceed what was captured; the
 * second one records the provider's answer, or what its webhook reported first.
 */

import { fold } from '../../shared/service/fold.ts'
import type { Envelope } from '../../shared/contracts/envelope.ts'
import { Refused, refuseIf } from '../../shared/base/errors.ts'
import { type Decision, noChange } from '../../shared/service/platform.ts'
import { shopCodes } from '../shop/errors.ts'
import { refundable, refundsOf } from './amounts.ts'
import {
  authorizationKey,
  evolve,
  initial,
  paymentId,
  type PaymentRecord,
  type PaymentSent,
  type PaymentState,
  type Refund,
  refundKey,
} from './payment.ts'
import { type MadeRefund, provider, type RefundAnswer } from './provider.ts'
import type { PaymentsPlatform as Platform } from './service.ts'

interface RefundRequest {
  readonly orderId: string
  readonly refundId: string
  readonly amountMinor: number
  readonly reason: string
  readonly lines?: Refund['lines']
}

/** More refunds of one payment are a mistake, and its stream would grow without a limit. */
const MAX_REFUNDS = 100

/** Why this refund can not be made; undefined: it can. */
function obstacleOf(state: PaymentState, { orderId, amountMinor, lines = [] }: RefundRequest): Refused | undefined {
  const leftMinor = refundable(state)
  if (amountMinor > leftMinor)
    return new Refused(
      shopCodes['more-than-captured'],
      `${amountMinor} can not be refunded: ${leftMinor} of what was captured for ${orderId} is neither refunded nor promised.`,
    )
  const known = new Map(state.lines.map(({ lineId, quantity }) => [lineId, quantity]))
  const wrong = lines.find(({ lineId, quantity }) => quantity > (known.get(lineId) ?? 0))
  if (wrong)
    return new Refused(
      shopCodes['not-ordered'],
      `${wrong.quantity} of line ${wrong.lineId} can not be refunded: ${known.get(wrong.lineId) ?? 'none'} of it were ordered.`,
    )
  if (Object.keys(state.refunds).length >= MAX_REFUNDS)
    return new Refused(shopCodes['too-many-refunds'], `${orderId} has ${MAX_REFUNDS} refunds: settle the rest by hand.`)
  return undefined
}

/** Also of an order whose payment was voided before it was authorized. */
const isNothingAgreed = ({ lines }: PaymentState): boolean => lines.length === 0

/** Before the refund is submitted. The request of a known refund passes: it is answered as the first time. */
export async function checkRefundable(request: RefundRequest, platform: Platform): Promise<void> {
  const { orderId, refundId } = request
  const state = fold({ initial, evolve }, (await platform.streams.read(orderId)).events)
  refuseIf(isNothingAgreed(state), 'not-found', `Nothing was authorised for ${orderId}.`)
  const obstacle = refundId in state.refunds ? undefined : obstacleOf(state, request)
  if (obstacle) throw obstacle
}

/**
 * A refund that is not possible any more is refused by an event, since its request was accepted; then the command is, for the
 * caller who reads its status. A redelivery finds the event and is refused likewise.
 */
export async function refundPayment(message: Envelope<string, RefundRequest>, platform: Platform): Promise<void> {
  const { orderId } = message.data
  const { events } = await platform.streams.handle<PaymentRecord, PaymentSent>(message, orderId, (stream) =>
    decideRefund(fold({ initial, evolve }, stream.events), message.data),
  )
  const refusal = refusalIn(events)
  if (refusal) throw refusal
}

function decideRefund(state: PaymentState, request: RefundRequest): Decision<PaymentRecord, PaymentSent> {
  const { orderId, refundId, amountMinor, reason, lines } = request
  refuseIf(isNothingAgreed(state), 'not-found', `Nothing was authorised for ${orderId}.`)
  if (refundId in state.refunds) return noChange
  const about = { reason, ...(lines ? { lines } : {}) }
  const obstacle = obstacleOf(state, request)
  if (obstacle) {
    const { currency } = state
    const refused = { ...about, orderId, paymentId: paymentId(orderId), refundId, amountMinor, currency }
    return { events: [{ type: 'refund.refused', data: { ...refused, code: obstacle.code } }], commands: [] }
  }
  const due = refundsOf(state, request)
  return {
    events: due.map((part) => ({ type: 'refund.due', data: { ...about, ...part } })),
    commands: due.map((part) => ({ type: 'IssueRefund', data: { orderId, refundId: part.refundId } })),
  }
}

function refusalIn(events: readonly PaymentRecord[]): Refused | undefined {
  const refused = events.find((event) => event.type === 'refund.refused')
  if (!refused) return undefined
  const { orderId, amountMinor, code } = refused.data
  const detail = `${amountMinor} of ${orderId} can not be refunded any more: another refund was decided before this one.`
  return new Refused(shopCodes[code as keyof typeof shopCodes], detail)
}

export function issueRefund(
  message: Envelope<string, { orderId: string; refundId: string }>,
  platform: Platform,
): Promise<Decision<PaymentRecord>> {
  const { orderId, refundId } = message.data
  return platform.streams.handle(message, orderId, async ({ events }) => {
    const state = fold({ initial, evolve }, events)
    const due = state.refunds[refundId]
    // A webhook of the provider came first.
    if (due?.status !== 'due') return noChange
    const { authorization, amountMinor } = due
    const under = authorizationKey(orderId, authorization)
    const answer = await provider(platform, message).refund(under, refundKey(orderId, refundId), { amountMinor })
    return { events: reported(state, orderId, { ...due, refundId }, answer), commands: [] }
  })
}

interface CheckRequest {
  readonly orderId: string
  readonly providerEventId: string
}

/**
 * After a webhook, reads all refunds of the order at the provider, so that the order of webhooks does not matter. One that was
 * made there by hand is recorded too: it is money that the customer has got.
 */
export function checkRefunds(
  message: Envelope<string, CheckRequest>,
  platform: Platform,
): Promise<Decision<PaymentRecord>> {
  const { orderId } = message.data
  return platform.streams.handle(message, orderId, async ({ events }) => {
    const state = fold({ initial, evolve }, events)
    refuseIf(state.authorizations.length === 0, 'not-found', `Nothing was authorised for ${orderId}.`)
    const client = provider(platform, message)
    const made = await Promise.all(
      state.authorizations.map(async (authorization) => {
        const refunds = await client.refunds(authorizationKey(orderId, authorization))
        return refunds.map((refund) => ({ ...refund, authorization }))
      }),
    )
    return {
      events: made.flat().flatMap((one) => reported(state, orderId, known(state, orderId, one), one)),
      commands: [],
    }
  })
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

/** The report of the provider on a refund, unless it is known or older than what is known: a bank may return what was issued. */
function reported(state: PaymentState, orderId: string, refund: Named, answer: RefundAnswer): PaymentRecord[] {
  const before = state.refunds[refund.refundId]?.status
  const now = answer.status === 'succeeded' ? 'issued' : answer.status
  if (before !== undefined && RANKS.indexOf(now) <= RANKS.indexOf(before)) return []
  const data = dataOf(state, orderId, refund)
  if (answer.status === 'failed') return [{ type: 'refund.failed', data: { ...data, code: answer.code } }]
  return [{ type: now === 'issued' ? 'refund.issued' : 'refund.pending', data }]
}

const dataOf = (
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
