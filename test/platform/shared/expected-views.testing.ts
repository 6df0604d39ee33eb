/** The rows that the shop's views must have for drawn orders, calculated from what was sent, in whole numbers. */

import { otherDigits } from '../../../functions/shop/currencies.ts'
import type { DrawnOrder, DrawnProduct, DrawnShop } from './extreme-orders.testing.ts'

/** An order as it was sent, with the id that it got. */
export interface SentOrder extends DrawnOrder {
  readonly orderId: string
}

/** By view: its rows, amounts in the major unit as text. Rows have no order. */
export type Rows = Readonly<Record<string, readonly Readonly<Record<string, unknown>>[]>>

/** The shop's example: rates in hundredths of a percent, and the fee of orders in dollars. */
const taxRates = { exempt: 0n, reduced: 700n, standard: 1_900n }
const DISCOUNT_RATE = 1_000n
const feeOf = (currency: string, goods: bigint): bigint => (currency === 'USD' && goods < 6_000n ? 590n : 0n)
const PIECES_PER_PARCEL = 20
const MAX_PARCELS = 10

const rounded = (amount: bigint, rate: bigint): bigint => (amount * rate + 5_000n) / 10_000n
const sum = (all: readonly bigint[]): bigint => all.reduce((total, one) => total + one, 0n)
const goodsOf = ({ lines }: DrawnOrder): bigint =>
  sum(lines.map(({ quantity, unitMinor }) => BigInt(quantity) * BigInt(unitMinor)))
const piecesOf = ({ lines }: DrawnOrder): number => lines.reduce((all, { quantity }) => all + quantity, 0)

/** `1250` in EUR as `12.5`, as a client of BigQuery writes a NUMERIC. */
export function major(amount: bigint, currency: string): string {
  const digits = Number(Object.entries(otherDigits).find(([, codes]) => codes.includes(currency))?.[0] ?? 2)
  const text = String(amount < 0n ? -amount : amount).padStart(digits + 1, '0')
  const fraction = text.slice(text.length - digits).replace(/0+$/, '')
  return `${amount < 0n ? '-' : ''}${text.slice(0, text.length - digits)}${digits > 0 && fraction ? `.${fraction}` : ''}`
}

export interface Cost {
  readonly total: bigint
  readonly tax: bigint
  readonly discount: bigint
  readonly fee: bigint
}

/** All lines of a drawn order are of one tax class. */
export function costOf(order: DrawnOrder, products: readonly DrawnProduct[]): Cost {
  const goods = goodsOf(order)
  if (order.kind !== 'bought') {
    const fee = BigInt(order.shippingMinor)
    return { total: goods + fee, tax: 0n, discount: 0n, fee }
  }
  const { taxClass } = products.find(({ sku }) => sku === order.lines[0]!.sku)!
  const discount = order.hasDiscount ? rounded(goods, DISCOUNT_RATE) : 0n
  const net = goods - discount
  const tax = rounded(net, taxRates[taxClass])
  const fee = feeOf(order.currency, net)
  return { total: net + tax + fee, tax, discount, fee }
}

/** Of an order without anything to pay no payment is asked for, so it is completed whatever its card is. */
export const endOf = (order: DrawnOrder, products: readonly DrawnProduct[]): DrawnOrder['end'] =>
  costOf(order, products).total === 0n ? 'completed' : order.end

/** The amount that staff gives back, or undefined. */
export function refundOf(order: DrawnOrder, products: readonly DrawnProduct[]): bigint | undefined {
  const { total } = costOf(order, products)
  if (!order.refund || total === 0n || endOf(order, products) !== 'completed') return undefined
  return order.refund.whole ? total : 1n
}

const statuses = { completed: 'completed', declined: 'rejected', cancelled: 'cancelled' }

/** @param received the pieces of each SKU that were delivered */
export function expectedRows(
  { products }: DrawnShop,
  sent: readonly SentOrder[],
  received: ReadonlyMap<string, number>,
): Rows {
  const all = sent.map((order) => ({
    ...order,
    ...costOf(order, products),
    end: endOf(order, products),
    refunded: refundOf(order, products),
    imported: order.kind === 'imported',
  }))
  const placed = all.filter(({ imported }) => !imported)
  const completed = placed.filter(({ end }) => end === 'completed')
  const paid = completed.filter(({ total }) => total > 0n)
  const ending = (end: DrawnOrder['end']): typeof all => placed.filter((one) => one.end === end)
  return {
    orders: all.map((one) => ({
      order_id: one.orderId,
      customer_ref: one.customer,
      status: statuses[one.end],
      imported: one.imported,
      total_minor: one.total,
      total: major(one.total, one.currency),
      net: major(one.total - one.tax - one.fee, one.currency),
      tax: major(one.tax, one.currency),
      discount: major(one.discount, one.currency),
      fee: major(one.fee, one.currency),
      currency: one.currency,
      placed_at: one.kind === 'bought' ? 'today' : one.placedAtMicros,
    })),
    order_lines: all.flatMap(({ orderId, currency, lines }) =>
      lines.map(({ sku, quantity, unitMinor }, index) => ({
        order_id: orderId,
        line_id: String(index + 1),
        sku,
        quantity,
        unit_price: major(BigInt(unitMinor), currency),
        currency,
      })),
    ),
    cancelled_lines: [],
    cancellations: ending('cancelled').map(({ orderId, cancelReason, total, currency }) => ({
      order_id: orderId,
      requested_by: 'staff',
      reason: cancelReason,
      stage: 'checkout',
      outcome: 'cancelled',
      amount: major(total, currency),
      currency,
    })),
    shipments: completed.map((one) => ({
      order_id: one.orderId,
      delivered: parcelsOf(piecesOf(one)),
    })),
    captures: paid.map(({ orderId, total, currency }) => ({
      order_id: orderId,
      amount_minor: total,
      amount: major(total, currency),
      currency,
    })),
    refunds: all.flatMap(({ orderId, refunded, refund, currency }) =>
      refunded === undefined
        ? []
        : [
            {
              order_id: orderId,
              status: 'issued',
              amount: major(refunded, currency),
              currency,
              reason: refund!.reason,
            },
          ],
    ),
    disputes: [],
    revenue_by_day: revenue([...paid, ...all.filter(({ imported }) => imported)]),
    units_by_sku: units(all.filter(({ end }) => end === 'completed')),
    stock_by_sku: products.map(({ sku }) => {
      const sold = sum(
        completed.flatMap(({ lines }) =>
          lines.filter((line) => line.sku === sku).map(({ quantity }) => BigInt(quantity)),
        ),
      )
      const came = BigInt(received.get(sku) ?? 0)
      return { sku, received: came, adjusted: 0n, sold, on_hand: came - sold, reserved: 0n, available: came - sold }
    }),
    funnel: Object.entries({
      'order.placed': placed,
      'order.imported': all.filter(({ imported }) => imported),
      'stock.reserved': placed,
      'order.payment-needed': ending('cancelled'),
      'payment.authorized': paid,
      'order.confirmed': completed,
      'shipment.dispatched': completed,
      'shipment.delivered': completed,
      'payment.captured': paid,
      'refund.issued': all.filter(({ refunded }) => refunded !== undefined),
      'order.completed': completed,
      'order.rejected': ending('declined'),
      'order.cancelled': ending('cancelled'),
    }).flatMap(([stage, some]) => (some.length === 0 ? [] : [{ stage, orders: some.length }])),
    compensation_rate: [
      {
        orders: placed.length,
        held: placed.length,
        compensated: ending('declined').length + ending('cancelled').length,
        rate: (ending('declined').length + ending('cancelled').length) / placed.length,
      },
    ],
    saga_durations: placed.map(({ orderId, end }) => ({ order_id: orderId, status: statuses[end], measured: true })),
    // A run compares what has rested for a while: test/platform/in-turn/reconciliation.testing.ts.
    reconciliations: [],
    differences: [],
    left_out: [],
  }
}

function parcelsOf(pieces: number): number {
  return Math.ceil(pieces / Math.max(PIECES_PER_PARCEL, Math.ceil(pieces / MAX_PARCELS)))
}

interface Earned extends SentOrder, Cost {
  readonly refunded: bigint | undefined
}

function revenue(orders: readonly Earned[]): Rows[string] {
  const groups = Map.groupBy(orders, (one) => `${dayOf(one)} ${one.currency}`)
  return [...groups].map(([group, of]) => {
    const [day, currency] = group.split(' ') as [string, string]
    const captured = sum(of.map(({ total }) => total))
    const refunded = sum(of.map((one) => one.refunded ?? 0n))
    return {
      day,
      currency,
      orders: of.length,
      captured_minor: captured,
      refunded_minor: refunded,
      revenue: major(captured - refunded, currency),
    }
  })
}

function dayOf({ kind, placedAtMicros }: DrawnOrder): string {
  if (kind === 'bought') return 'today'
  const micros = placedAtMicros - (((placedAtMicros % 1_000n) + 1_000n) % 1_000n)
  return new Date(Number(micros / 1_000n)).toISOString().slice(0, 10)
}

function units(orders: readonly DrawnOrder[]): Rows[string] {
  const lines = orders.flatMap((order) => order.lines.map((line) => ({ ...line, currency: order.currency })))
  return [...Map.groupBy(lines, ({ sku, currency }) => `${currency} ${sku}`).values()].map((of) => {
    const { sku, currency } = of[0]!
    const revenueMinor = sum(of.map(({ quantity, unitMinor }) => BigInt(quantity) * BigInt(unitMinor)))
    return {
      sku,
      currency,
      units: of.reduce((all, { quantity }) => all + quantity, 0),
      revenue_minor: revenueMinor,
      revenue: major(revenueMinor, currency),
    }
  })
}
