/** The rows of BigQuery's views of orders, in the order of their ids, and of the stock: one query each for a whole run, read page by page. */

import { z } from 'zod'
import type { Platform } from '../../shared/service/platform.ts'
import { amountText } from '../shop/fields.ts'

/**
 * One row for each order, with the money that BigQuery has of it. `order_rows` is the number of its rows in the view: more than one
 * if an event came twice under two ids.
 */
const ORDERS = `
SELECT
  placed.order_id,
  COUNT(*) AS order_rows,
  MIN(placed.status) AS status,
  MIN(placed.total_minor) AS total_minor,
  MIN(placed.currency) AS currency,
  UNIX_MILLIS(MAX(placed.received_at)) AS received_ms,
  MAX(captured.minor) AS captured_minor,
  MIN(captured.least_currency) AS captured_currency,
  MAX(captured.most_currency) AS captured_other_currency,
  MAX(refunded.minor) AS refunded_minor,
  MIN(refunded.least_currency) AS refunded_currency,
  MAX(refunded.most_currency) AS refunded_other_currency
FROM analytics.orders AS placed
LEFT JOIN (
  SELECT order_id, SUM(amount_minor) AS minor, MIN(currency) AS least_currency, MAX(currency) AS most_currency
  FROM analytics.captures
  GROUP BY order_id
) AS captured ON captured.order_id = placed.order_id
LEFT JOIN (
  SELECT order_id, SUM(amount_minor) AS minor, MIN(currency) AS least_currency, MAX(currency) AS most_currency
  FROM analytics.refunds
  WHERE status = 'issued'
  GROUP BY order_id
) AS refunded ON refunded.order_id = placed.order_id
GROUP BY placed.order_id
ORDER BY placed.order_id`

const currency = z.string().nullable()
/** Null, which counts as 0, of an order of which nothing was taken. */
const amount = z.coerce.number()
const row = z.object({
  order_id: z.string(),
  order_rows: z.coerce.number(),
  status: z.string().nullable(),
  total_minor: z.coerce.number(),
  currency,
  received_ms: z.coerce.number(),
  captured_minor: amount,
  captured_currency: currency,
  captured_other_currency: currency,
  refunded_minor: amount,
  refunded_currency: currency,
  refunded_other_currency: currency,
})

export interface AnalyticsRow {
  readonly orderId: string
  readonly rows: number
  readonly status: string
  readonly totalMinor: number
  readonly currency: string
  /** As `moneyText` has them: of several currencies, with each. */
  readonly capturedMinor: string
  readonly refundedMinor: string
  /** When the order was placed: an order without a record of orders has no other time. */
  readonly changedAt: string
}

/** An amount in its currency; `0` is the same in each. A sum of several, or of none, has no digits of its own. */
export function moneyText(minor: number, ...currencies: readonly (string | null | undefined)[]): string {
  const [currency, ...others] = new Set(currencies)
  if (minor === 0) return '0'
  if (currency && others.length === 0) return amountText({ amountMinor: minor, currency })
  return `${minor} minor units of ${[currency, ...others].map((one) => one ?? 'none').join(' and ')}`
}

const STOCK = 'SELECT sku, on_hand, reserved FROM analytics.stock_by_sku ORDER BY sku'

const stockRow = z.object({ sku: z.string(), on_hand: z.coerce.number(), reserved: z.coerce.number() })

/** The stock of a product by the events that BigQuery has. */
export interface StockRow {
  readonly sku: string
  readonly onHand: number
  readonly reserved: number
}

interface PageRequest {
  readonly job: string | undefined
  /** The number of rows of the pages before. */
  readonly from: number
  readonly limit: number
}

/** @throws Unavailable */
export async function stockPage(
  { readViews }: Pick<Platform, 'readViews'>,
  request: PageRequest,
): Promise<{ readonly job: string; readonly rows: readonly StockRow[] }> {
  const page = await readViews({ sql: STOCK, ...request })
  const rows = page.rows.map((given): StockRow => {
    const { sku, on_hand: onHand, reserved } = stockRow.parse(given)
    return { sku, onHand, reserved }
  })
  return { job: page.job, rows }
}

export interface AnalyticsPage {
  readonly job: string
  readonly rows: readonly AnalyticsRow[]
}

/** @throws Unavailable */
export async function analyticsPage(
  { readViews }: Pick<Platform, 'readViews'>,
  { job, from, limit }: PageRequest,
): Promise<AnalyticsPage> {
  const page = await readViews({ sql: ORDERS, job, from, limit })
  const rows = page.rows.map((given): AnalyticsRow => {
    const one = row.parse(given)
    return {
      orderId: one.order_id,
      rows: one.order_rows,
      status: one.status ?? 'none',
      totalMinor: one.total_minor,
      currency: one.currency ?? 'none',
      capturedMinor: moneyText(one.captured_minor, one.captured_currency, one.captured_other_currency),
      refundedMinor: moneyText(one.refunded_minor, one.refunded_currency, one.refunded_other_currency),
      changedAt: new Date(one.received_ms).toISOString(),
    }
  })
  return { job: page.job, rows }
}
