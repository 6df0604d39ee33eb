/**
 * Cancels an order. Until it is released orders alone decides, and everything that its checkout did is taken back. After
 * that shipping decides: what has left is not cancelled, and the order goes on with it.
 */

import { Refused } from '../../shared/base/errors.ts'
import { type Decision, noChange } from '../../shared/service/platform.ts'
import { abort } from '../../shared/saga/saga.ts'
import { amountOfPieces } from '../payments/contracts.ts'
import { shopCodes } from '../shop/errors.ts'
import { advance } from './advance.ts'
import { checkout } from './checkout.ts'
import { isShipped, notSettled } from './fulfilment.ts'
import { checkoutOf, goodsOf, type OrderState, type PlacedOrder } from './order.ts'
import type { Cancellation, CancellationParty, Goods, OrderRecord, Placed } from './records.ts'
import type { OrderSent } from './sent.ts'
import { withTimer } from './timer.ts'

export type CancelRequest = Cancellation & { readonly nowMs: number }

/** Why this order can not be cancelled any more; undefined: it can, or it is cancelled already. */
export function refusalOf({ status, ledger, order, isCancelRefused }: PlacedOrder): Refused | undefined {
  const { orderId } = order
  switch (status) {
    case 'completed':
      return new Refused(shopCodes['already-completed'], `${orderId} is completed: its goods were shipped and paid.`)
    case 'closed':
      return new Refused(
        shopCodes['already-closed'],
        `${orderId} was closed by staff: nothing of it is left to cancel.`,
      )
    case 'rejected':
      return new Refused(shopCodes['already-rejected'], `${orderId} was rejected: nothing is shipped or charged.`)
    case 'expired':
      return new Refused(shopCodes['already-expired'], `${orderId} has expired: nothing is shipped or charged.`)
    case 'confirmed':
      // A cancellation takes all that has not left: what it did not get has left, also while its report is under way.
      return isCancelRefused || isShipped(order, ledger) || ledger.cancelled.length > 0
        ? new Refused(
            shopCodes['already-dispatched'],
            `All goods of ${orderId} that are not cancelled have left: return them instead.`,
          )
        : undefined
    case 'pending':
    case 'cancelled':
      return undefined
  }
}

/** A second request changes nothing. The first that comes too late is recorded as refused: it was answered 202 when it was in time. */
export function cancel(
  state: OrderState,
  { cancellationId, by, reason, nowMs }: CancelRequest,
): Decision<OrderRecord, OrderSent> {
  const { order, status, ledger } = state
  if (!order || status === 'none' || status === 'abandoned' || status === 'cancelled' || ledger.cancelling)
    return noChange
  const { orderId } = order
  const refusal = refusalOf({ ...state, order, status })
  if (refusal && state.isCancelRefused) throw refusal
  if (refusal) return { events: [refused(order, by, refusal.code, goodsOf(order))], commands: [] }
  const about = { cancellationId, by, reason }
  const stage = status === 'pending' ? 'checkout' : state.released ? 'shipping' : 'before-release'
  const requested: OrderRecord = { type: 'order.cancel-requested', data: { orderId, ...about, stage } }
  if (stage !== 'shipping') return takeBack(state, order, { about, before: [requested], nowMs })
  const command: OrderSent = { type: 'CancelShipments', data: { orderId, cancellationId, lines: goodsOf(order) } }
  return advance(state, { events: [requested], commands: [command] }, nowMs)
}

/** The refusal of a request that was taken and came too late, for the caller who waits for its outcome. */
export function refusalIn(events: readonly OrderRecord[]): Refused | undefined {
  const late = events.find((event) => event.type === 'order.cancel-refused')
  if (!late) return undefined
  const { orderId, reason } = late.data
  return new Refused(shopCodes[reason as keyof typeof shopCodes], `${orderId} can not be cancelled any more.`)
}

/** The order ends; each step of its checkout is compensated until that is answered. */
function takeBack(
  state: OrderState,
  order: Placed,
  { about: { by, reason }, before, nowMs }: { about: Cancellation; before: readonly OrderRecord[]; nowMs: number },
): Decision<OrderRecord, OrderSent> {
  const { state: saga, commands } = abort(checkout, state.saga!, checkoutOf(state), nowMs)!
  const { orderId, totalMinor: amountMinor } = order
  const data = { orderId, by, reason, lines: goodsOf(order), amountMinor }
  const decision = { events: [...before, { type: 'order.cancelled' as const, data }], commands }
  return withTimer({ ...state, status: 'cancelled' }, nowMs, decision, { saga })
}

/** The answer of shipping: each line is in one of the two lists, or its quantity is split. */
interface CancelAnswer {
  readonly cancellationId: string
  readonly cancelled: Goods
  readonly refused: Goods
  readonly nowMs: number
}

export function onCancelAnswer(state: OrderState, answer: CancelAnswer): Decision<OrderRecord, OrderSent> {
  const { order, ledger } = state
  const { cancellationId, cancelled, nowMs } = answer
  const about = ledger.cancelling
  if (!order || about?.cancellationId !== cancellationId) return noChange
  const { orderId } = order
  const { by, reason } = about
  if (cancelled.length === 0) {
    const event = refused(order, by, shopCodes['already-dispatched'].name, answer.refused)
    return advance(state, { events: [event], commands: [] }, nowMs)
  }
  if (answer.refused.length === 0) return takeBack(state, order, { about, before: [], nowMs })
  const data = { orderId, by, reason, lines: cancelled, amountMinor: amountOf(order, ledger.cancelled, cancelled) }
  return advance(
    state,
    {
      events: [{ type: 'order.partly-cancelled', data }],
      commands: [
        { type: 'ReduceAuthorization', data: { orderId, cancellationId, lines: cancelled } },
        { type: 'ReleaseStock', data: { orderId, lines: cancelled } },
      ],
    },
    nowMs,
  )
}

/** A service has taken back its part of the cancelled lines. */
export function settle(state: OrderState, service: CancellationParty, nowMs: number): Decision<OrderRecord, OrderSent> {
  if (!notSettled(state.ledger).includes(service)) return noChange
  return advance(state, { events: [{ type: 'cancellation.settled', data: { service } }], commands: [] }, nowMs)
}

const refused = ({ orderId }: Placed, by: Cancellation['by'], reason: string, lines: Goods): OrderRecord => ({
  type: 'order.cancel-refused',
  data: { orderId, by, reason, lines },
})

/** The amount that the customer does not pay for these pieces, with their taxes and without their discount, by payments' own rule. */
function amountOf({ lines }: Placed, before: Goods, goods: Goods): number {
  const piecesOf = (some: Goods, lineId: string): number =>
    some.reduce((sum, line) => sum + (line.lineId === lineId ? line.quantity : 0), 0)
  return lines.reduce((sum, line) => {
    const left = line.quantity - piecesOf(before, line.lineId)
    return sum + amountOfPieces(line, left) - amountOfPieces(line, left - piecesOf(goods, line.lineId))
  }, 0)
}
