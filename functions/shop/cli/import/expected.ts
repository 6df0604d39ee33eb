/** The expected totals of an import, computed from the file by SQL, independently of the importer's code. */

import type { DuckDBConnection } from '@duckdb/node-api'
import { currency } from './read.ts'

/** The totals of one currency. */
export interface Figures {
  readonly orders: number
  readonly units: number
  readonly revenueMinor: number
}

export interface Totals {
  readonly byCurrency: ReadonlyMap<string, Figures>
  readonly unitsBySku: ReadonlyMap<string, number>
}

export async function expectedTotals(path: string): Promise<Totals> {
  const { DuckDBInstance } = await import('@duckdb/node-api')
  const instance = await DuckDBInstance.create(':memory:')
  const connection = await instance.connect()
  try {
    await connection.run(
      `CREATE VIEW sold AS
       SELECT InvoiceNo AS invoice, StockCode AS sku, TRY_CAST(Quantity AS BIGINT) AS units,
         TRY_CAST(UnitPrice AS DECIMAL(18, 6)) AS price
       -- A line with a different number of columns is skipped.
       FROM read_csv($$${path.replaceAll('$$', '')}$$, header = true, all_varchar = true, delim = ',', quote = '"',
         escape = '"', skip = 0, null_padding = false, ignore_errors = true)
       WHERE InvoiceNo <> '' AND InvoiceNo NOT LIKE 'C%' AND StockCode <> '' AND units > 0 AND price > 0
         AND price * 100 = FLOOR(price * 100)
         AND TRY_STRPTIME(InvoiceDate, ['%m/%d/%y %H:%M', '%m/%d/%Y %H:%M']) IS NOT NULL`,
    )
    const [summary] = await rowsOf(
      connection,
      `SELECT COUNT(DISTINCT invoice) AS orders, COALESCE(SUM(sold.units), 0)::BIGINT AS units,
         COALESCE(SUM(units * price * 100), 0)::BIGINT AS minor FROM sold`,
    )
    const units = await rowsOf(connection, 'SELECT sku, SUM(sold.units)::BIGINT AS units FROM sold GROUP BY sku')
    const orders = Number(summary!['orders'])
    const figures = { orders, units: Number(summary!['units']), revenueMinor: Number(summary!['minor']) }
    return {
      byCurrency: new Map(orders === 0 ? [] : [[currency, figures]]),
      unitsBySku: new Map(units.map((row) => [String(row['sku']), Number(row['units'])])),
    }
  } finally {
    connection.closeSync()
    instance.closeSync()
  }
}

async function rowsOf(connection: DuckDBConnection, sql: string): Promise<Record<string, unknown>[]> {
  return (await connection.runAndReadAll(sql)).getRowObjects()
}
