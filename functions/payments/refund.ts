/**
 * Refunds captured money. The first commit fixes the amount, so that concurrent refunds never exceed what was captured; the
 * second one records the provider's answer, or what its webhook reported first.
 */

import type { Envelope } from '../../shared/contracts/envelope.ts'
import { Refused, refuseIf } from '../../shared/base/errors.ts'
import { noChange } from '../../shared/service/platform.ts'
import { shopCodes } from '../shop/errors.ts'
import { amountText } from '../shop/fields.ts'
import { refundable, refundsOf } from './amounts.ts'
import { decideOn, decideWithCalls, type PaymentDecision } from './decide.ts'
import { alertingOperators, untilAnswered } from './overdue.ts'
import {
  authorizationKey,
  paymentId,
  paymentIn,
  type PaymentRecord,
  type PaymentState,
  type Refund,
  refundKey,
  withLines,
} from './payment.ts'
import { provider } from './provider.ts'
import { dataOf, reported, withQuestions } from './refund-reports.ts'
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
  const { currency } = state
  if (amountMinor > leftMinor)
    return new Refused(
      shopCodes['more-than-captured'],
      `${amountText({ amountMinor, currency })} can not be refunded: ${amountText({ amountMinor: leftMinor, currency })} of what was captured for ${orderId} is neither refunded nor promised.`,
    )
  const wrong = beyondOrdered(state, lines)
  if (wrong)
    return new Refused(
      shopCodes['not-ordered'],
      `${wrong.quantity} of line ${wrong.lineId} can not be refunded: ${wrong.ordered || 'none'} of it were ordered, and ${wrong.refunded || 'none'} refunded. A further amount is refunded without lines.`,
    )
  if (Object.keys(state.refunds).length >= MAX_REFUNDS)
    return new Refused(shopCodes['too-many-refunds'], `${orderId} has ${MAX_REFUNDS} refunds: settle the rest by hand.`)
  return undefined
}

/** The first line of which these pieces and the refunded ones are more than were ordered. A refund that failed gave nothing back. */
function beyondOrdered(state: PaymentState, lines: NonNullable<Refund['lines']>) {
  const given = Object.values(state.refunds).filter(({ status }) => status !== 'failed')
  const refunded = withLines(
    {},
    given.flatMap((refund) => refund.lines ?? []),
  )
  const requested = withLines({}, lines)
  return Object.entries(requested)
    .map(([lineId, quantity]) => ({
      lineId,
      quantity,
      refunded: refunded[lineId] ?? 0,
      ordered: state.lines.find((line) => line.lineId === lineId)?.quantity ?? 0,
    }))
    .find(({ quantity, refunded: before, ordered }) => before + quantity > ordered)
}

/** Also of an order whose payment was voided before it was authorized. */
const isNothingAgreed = ({ lines }: PaymentState): boolean => lines.length === 0

/** Before the refund is submitted. The request of a known refund passes: it is answered as the first time. */
export async function checkRefundable(request: RefundRequest, platform: Platform): Promise<void> {
  const { orderId, refundId } = request
  const state = paymentIn((await platform.streams.read(orderId)).events)
  refuseIf(isNothingAgreed(state), 'not-found', `Nothing was authorized for ${orderId}.`)
  const obstacle = refundId in state.refunds ? undefined : obstacleOf(state, request)
  if (obstacle) throw obstacle
}

/**
 * A refund that is not possible any more is refused by an event, since its request was accepted; then the command is, for the
 * caller who reads its status. A redelivery finds the event and is refused likewise.
 */
export async function refundPayment(message: Envelope<string, RefundRequest>, platform: Platform): Promise<void> {
  const { events } = await decideOn(message, platform, (state) => decideRefund(state, message.data))
  const refusal = refusalIn(events)
  if (refusal) throw refusal
}

function decideRefund(state: PaymentState, request: RefundRequest): PaymentDecision {
  const { orderId, refundId, amountMinor, reason, lines } = request
  refuseIf(isNothingAgreed(state), 'not-found', `Nothing was authorized for ${orderId}.`)
  if (refundId in state.refunds) return noChange
  const withPieces = lines ? { lines } : {}
  const obstacle = obstacleOf(state, request)
  if (obstacle) {
    const { currency } = state
    const refused = { reason, ...withPieces, orderId, paymentId: paymentId(orderId), refundId, amountMinor, currency }
    return { events: [{ type: 'refund.refused', data: { ...refused, code: obstacle.code } }], commands: [] }
  }
  const due = refundsOf(state, request)
  return {
    // Of several authorizations: the pieces are in the first part alone, so that they count once.
    events: due.map((part, index) => ({
      type: 'refund.due',
      data: { reason, ...(index === 0 ? withPieces : {}), ...part },
    })),
    commands: due.map((part) => ({ type: 'IssueRefund', data: { orderId, refundId: part.refundId } })),
  }
}

function refusalIn(events: readonly PaymentRecord[]): Refused | undefined {
  const refused = events.find((event) => event.type === 'refund.refused')
  if (!refused) return undefined
  const { orderId, amountMinor, currency, code } = refused.data
  const detail = `${amountText({ amountMinor, currency })} of ${orderId} can not be refunded any more: another refund was decided before this one.`
  return new Refused(shopCodes[code as keyof typeof shopCodes], detail)
}

export function issueRefund(
  message: Envelope<string, { orderId: string; refundId: string }>,
  platform: Platform,
): Promise<PaymentDecision> {
  const { orderId, refundId } = message.data
  const decided = decideWithCalls(message, platform, async (state) => {
    const due = state.refunds[refundId]
    // A webhook of the provider came first.
    if (due?.status !== 'due') return noChange
    const { authorization, amountMinor } = due
    const under = authorizationKey(orderId, authorization)
    const overdue: PaymentDecision = {
      events: [{ type: 'refund.overdue', data: dataOf(state, orderId, { ...due, refundId }) }],
      commands: [{ type: 'IssueRefund', data: message.data }],
    }
    const waiting = { sinceMs: Date.parse(message.time), isReported: due.isOverdue === true, overdue }
    return untilAnswered(platform, waiting, async () => {
      const answer = await provider(platform, message).refund(under, refundKey(orderId, refundId), { amountMinor })
      return withQuestions(reported(state, orderId, { ...due, refundId }, answer), platform.now())
    })
  })
  return alertingOperators(message, platform, decided)
}
