/**
 * An order of the past, which was sold, paid and shipped elsewhere: it is recorded as history, in one commit. Its event is one
 * that no other service acts on, so that nothing is held, charged, shipped or notified.
 */

import { Refused, refuseIf } from '../../shared/base/errors.ts'
import type { CommandOf } from '../../shared/contracts/contract.ts'
import type { Envelope } from '../../shared/contracts/envelope.ts'
import { type Decision, noChange, type Platform } from '../../shared/service/platform.ts'
import type { ordersContracts } from './contracts.ts'
import { orderIn } from './order.ts'
import type { OrderRecord, Imported } from './records.ts'
import type { OrderSent } from './sent.ts'

type ImportOrder = Extract<CommandOf<typeof ordersContracts>, { type: 'ImportOrder' }>['data']

const MAX_TOTAL_MINOR = 1_000_000_000_000

const totalOf = ({ lines, shippingMinor = 0 }: ImportOrder): number =>
  lines.reduce((sum, { quantity, unitMinor }) => sum + quantity * unitMinor, shippingMinor)

/** Before it is submitted. @throws Refused */
export async function checkImport(order: ImportOrder, platform: Platform): Promise<void> {
  const totalMinor = totalOf(order)
  refuseIf(
    totalMinor > MAX_TOTAL_MINOR,
    'invalid-body',
    `The order's total of ${totalMinor} minor units exceeds ${MAX_TOTAL_MINOR}.`,
  )
  if (Date.parse(order.placedAt) > platform.now())
    throw new Refused('invalid-body', `placedAt: ${order.placedAt} is not past. Place a new order instead.`)
}

/** An order that exists, imported or placed under the same key, stays as it is. */
export function importOrder(
  message: Envelope<string, ImportOrder>,
  platform: Platform,
): Promise<Decision<OrderRecord, OrderSent>> {
  const { orderId, shippingMinor = 0, ...about } = message.data
  return platform.streams.handle<OrderRecord, OrderSent>(message, orderId, ({ events }) => {
    const { status } = orderIn(events)
    if (status !== 'none' && status !== 'abandoned') return noChange
    const lines = about.lines.map((line, index) => ({ lineId: String(index + 1), ...line }))
    const data: Imported = { ...about, orderId, lines, shippingMinor, totalMinor: totalOf(message.data) }
    return { events: [{ type: 'order.imported', data }], commands: [] }
  })
}
