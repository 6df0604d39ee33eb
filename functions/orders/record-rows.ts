/** Each order as orders knows it: its status, its lines, and the shipments that left. */

import type { Stream } from '../../shared/service/platform.ts'
import { changedAt } from '../../shared/service/stream-page.ts'
import { goodsOf, importedView, isPlaced, orderIn } from './order.ts'
import { shownOrder } from './payment-needed.ts'
import type { OrderRecordRow } from './record-contracts.ts'
import { capturedMinor, refundedMinor } from './refunds.ts'

/** Undefined for an order that no customer knows of. */
export function orderRecord(stream: Stream): OrderRecordRow | undefined {
  const state = orderIn(stream.events)
  if (!isPlaced(state) && !state.imported) return undefined
  const { status, currency, totalMinor, lines } = isPlaced(state) ? shownOrder(state) : importedView(state.imported!)
  const paidMinor = capturedMinor(state.ledger)
  return {
    orderId: stream.id,
    changedAt: changedAt(stream),
    status,
    currency,
    totalMinor,
    imported: state.imported !== undefined,
    lines: isPlaced(state)
      ? goodsOf(state.order)
      : lines.map(({ lineId, sku, quantity }) => ({ lineId, sku, quantity })),
    cancelled: [...state.ledger.cancelled],
    ...(state.ledger.cancelled.length > 0 ? { cancelledMinor: state.ledger.cancelledMinor } : {}),
    ...(paidMinor === undefined ? {} : { capturedMinor: paidMinor }),
    refundedMinor: refundedMinor(state.refunds),
    dispatched: Object.keys(state.ledger.dispatched),
  }
}
