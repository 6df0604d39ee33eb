/** BigQuery's views of orders and of the stock in a simulation: the rows that follow from the published events, each of which it has once. */

import type { Envelope } from '../../../shared/contracts/envelope.ts'
import type { ViewPage, ViewQuery } from '../../../shared/service/view-rows.ts'

type Row = Readonly<Record<string, string | null>>
type Published = (service: string) => readonly Envelope[]

/** The rows of the queries that reconciliation asks. */
export async function readSimulatedViews(published: Published, { sql, from, limit }: ViewQuery): Promise<ViewPage> {
  const rows = sql.includes('stock_by_sku') ? stockRows(published('inventory')) : rowsOf(published)
  return { job: 'EU/simulated', rows: rows.slice(from, from + limit) }
}

interface Goods {
  readonly lines?: readonly { readonly sku: string; readonly quantity: number }[]
  readonly sku?: string
  readonly change?: number
}

function stockRows(events: readonly Envelope[]): Row[] {
  const stock = new Map<string, { onHand: number; reserved: number }>()
  const add = (sku: string, onHand: number, reserved: number): void => {
    const before = stock.get(sku) ?? { onHand: 0, reserved: 0 }
    stock.set(sku, { onHand: before.onHand + onHand, reserved: before.reserved + reserved })
  }
  for (const { type, data } of new Map(events.map((event) => [event.id, event])).values()) {
    const { lines = [], sku, change = 0 } = data as Goods
    if (type === 'stock.adjusted') add(sku!, change, 0)
    for (const line of lines) {
      if (type === 'stock.received') add(line.sku, line.quantity, 0)
      if (type === 'stock.reserved') add(line.sku, 0, line.quantity)
      if (type === 'stock.released') add(line.sku, 0, -line.quantity)
      if (type === 'stock.committed') add(line.sku, -line.quantity, -line.quantity)
    }
  }
  return [...stock].map(([sku, { onHand, reserved }]) => ({
    sku,
    on_hand: String(onHand),
    reserved: String(reserved),
  }))
}

const ends = ['completed', 'closed', 'rejected', 'expired', 'cancelled'] as const

function rowsOf(published: Published): Row[] {
  const once = [...new Map(published('orders').map((event) => [event.id, event])).values()]
  const payments = [...new Map(published('payments').map((event) => [event.id, event])).values()]
  const byOrder = Map.groupBy(once, ({ subject }) => subject)
  return [...byOrder]
    .flatMap(([orderId, all]) => rowOf(orderId, all, payments))
    .toSorted((a, b) => (a['order_id']! < b['order_id']! ? -1 : 1))
}

interface Money {
  readonly refundId?: string
  readonly amountMinor: number
  readonly currency: string
}

function moneyOf(orderId: string, payments: readonly Envelope[]): Row {
  const of = (type: string) =>
    payments.filter((event) => event.subject === orderId && event.type === type).map(({ data }) => data as Money)
  const failed = of('refund.failed').map(({ refundId }) => refundId)
  const issued = of('refund.issued').filter(({ refundId }) => !failed.includes(refundId))
  return { ...amountOf('captured', of('payment.captured')), ...amountOf('refunded', issued) }
}

function amountOf(name: string, all: readonly Money[]): Row {
  const currencies = all.map(({ currency }) => currency).toSorted()
  return {
    [`${name}_minor`]: all.length === 0 ? null : String(all.reduce((sum, { amountMinor }) => sum + amountMinor, 0)),
    [`${name}_currency`]: currencies[0] ?? null,
    [`${name}_other_currency`]: currencies.at(-1) ?? null,
  }
}

function rowOf(orderId: string, events: readonly Envelope[], payments: readonly Envelope[]): Row[] {
  const placed = events.filter(({ type }) => type === 'order.placed' || type === 'order.imported')
  if (placed.length === 0) return []
  const { totalMinor, currency } = placed[0]!.data as { readonly totalMinor: number; readonly currency: string }
  return [
    {
      order_id: orderId,
      order_rows: String(placed.length),
      status: statusOf(events),
      total_minor: String(totalMinor),
      currency,
      received_ms: String(Date.parse(placed[0]!.time)),
      ...moneyOf(orderId, payments),
    },
  ]
}

function statusOf(events: readonly Envelope[]): string {
  const has = (type: string): boolean => events.some((event) => event.type === type)
  if (has('order.imported')) return 'completed'
  const end = ends.find((one) => has(`order.${one}`))
  if (end) return end
  const entered = events
    .filter(({ type }) => type in entering || type === 'order.status-changed')
    .toSorted((a, b) => a.sequence - b.sequence)
    .at(-1)
  if (!entered) return 'pending'
  return entering[entered.type] ?? (entered.data as { readonly status: string }).status
}

const entering: Readonly<Record<string, string>> = {
  'order.payment-needed': 'payment-needed',
  'order.confirmed': 'confirmed',
}
