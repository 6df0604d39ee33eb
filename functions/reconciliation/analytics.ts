/** The rows of BigQuery's views of orders, in the order of their ids, and of the stock: one query each for a whole run, read page by page. */

import { z } from 'zod'
import type { Platform } from '../../shared/service/platform.ts'

/** One row for each order. `order_rows` is the number of its rows in the view: more than one if an event came twice under two ids. */
const ORDERS = `
SELECT
  order_id,
  COUNT(*) AS order_rows,
  MIN(status) AS status,
  MIN(total_minor) AS total_minor,
  MIN(currency) AS currency,
  UNIX_MILLIS(MAX(received_at)) AS received_ms
FROM analytics.orders
GROUP BY order_id
ORDER BY order_id`

const row = z.object({
  order_id: z.string(),
  order_rows: z.coerce.number(),
  status: z.string().nullable(),
  total_minor: z.coerce.number(),
  currency: z.string().nullable(),
  received_ms: z.coerce.number(),
})

export interface AnalyticsRow {
  readonly orderId: string
  readonly rows: number
  readonly status: string
  readonly totalMinor: number
  readonly currency: string
  /** When the order was placed: an order without a record of orders has no other time. */
  readonly changedAt: string
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
  asked: PageRequest,
): Promise<{ readonly job: string; readonly rows: readonly StockRow[] }> {
  const page = await readViews({ sql: STOCK, ...asked })
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
    const { order_id, order_rows, status, total_minor, currency, received_ms } = row.parse(given)
    return {
      orderId: order_id,
      rows: order_rows,
      status: status ?? 'none',
      totalMinor: total_minor,
      currency: currency ?? 'none',
      changedAt: new Date(received_ms).toISOString(),
    }
  })
  return { job: page.job, rows }
}
