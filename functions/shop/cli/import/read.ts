/** Reads a file of invoice lines into orders; every line ends as imported, rejected or unmatched. */

import { createReadStream } from 'node:fs'
import { parse } from 'csv-parse'
import { UsageError } from '../../../../cli/command.ts'
import { countryCode } from './country-code.ts'

export const currency = 'GBP'
const columns = [
  'InvoiceNo',
  'StockCode',
  'Description',
  'Quantity',
  'InvoiceDate',
  'UnitPrice',
  'CustomerID',
  'Country',
] as const
type Row = Record<(typeof columns)[number], string>

export interface Line {
  readonly sku: string
  readonly name: string
  readonly quantity: number
  readonly unitMinor: number
}

export interface Order {
  readonly invoice: string
  readonly customerRef: string
  readonly placedAt: string
  /** ISO 3166-1 alpha-2. */
  readonly country: string
  readonly lines: Line[]
}

export interface Rejected {
  /** Line number in the file; the header is line 1. */
  readonly line: number
  readonly reason: string
}

export interface File {
  readonly linesRead: number
  readonly imported: number
  readonly orders: readonly Order[]
  readonly rejected: readonly Rejected[]
  /** Cancellations: their orders are not cancelled. */
  readonly unmatched: readonly Rejected[]
}

/** @throws UsageError if it is not a CSV file with these columns. */
export async function readFile(path: string): Promise<File> {
  const orders = new Map<string, Order>()
  const rejected: Rejected[] = []
  const unmatched: Rejected[] = []
  let linesRead = 0
  let imported = 0
  for await (const { record, line } of rows(path)) {
    linesRead += 1
    const outcome = Array.isArray(record) ? `has ${record.length} columns instead of ${columns.length}` : lineOf(record)
    if (!Array.isArray(record) && record.InvoiceNo.startsWith('C')) unmatched.push({ line, reason: 'cancellation' })
    else if (typeof outcome === 'string') rejected.push({ line, reason: outcome })
    else {
      imported += 1
      const { InvoiceNo, CustomerID, InvoiceDate, Country } = record as Row
      const order = orders.get(InvoiceNo) ?? {
        invoice: InvoiceNo,
        customerRef: CustomerID === '' ? 'customer-unknown' : `customer-${CustomerID}`,
        placedAt: timeOf(InvoiceDate)!,
        country: countryCode(Country),
        lines: [],
      }
      order.lines.push(outcome)
      orders.set(InvoiceNo, order)
    }
  }
  return { linesRead, imported, orders: [...orders.values()], rejected, unmatched }
}

interface Read {
  readonly record: Row | string[]
  readonly line: number
}

async function* rows(path: string): AsyncGenerator<Read> {
  const parser = parse({ relax_column_count: true, skip_empty_lines: true, trim: true, bom: true, info: true })
  createReadStream(path)
    .once('error', (error) => parser.destroy(error))
    .pipe(parser)
  let header: string[] | undefined
  try {
    for await (const { record, info } of parser as AsyncIterable<{ record: string[]; info: { lines: number } }>) {
      if (!header) {
        header = record
        const missing = columns.filter((column) => !header!.includes(column))
        if (missing.length > 0)
          throw new UsageError(`${path} lacks the columns ${missing.join(', ')}: it needs ${columns.join(',')}.`)
        continue
      }
      const row = Object.fromEntries(header.map((column, index) => [column, record[index] ?? ''])) as Row
      yield { record: record.length === header.length ? row : record, line: info.lines }
    }
  } catch (error) {
    if (error instanceof UsageError) throw error
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') throw new UsageError(`There is no file ${path}.`)
    throw new UsageError(`${path} is not a CSV file that can be read: ${message}`)
  }
  if (!header) throw new UsageError(`${path} is empty: it needs a header line ${columns.join(',')}.`)
}

/** The line, or the reason why it is rejected. */
function lineOf(row: Row): Line | string {
  const quantity = Number(row.Quantity)
  const price = Number(row.UnitPrice)
  if (row.InvoiceNo === '') return 'no invoice number'
  if (row.StockCode === '') return 'no stock code'
  if (!/^-?\d+$/.test(row.Quantity)) return `quantity "${row.Quantity}" is not a whole number`
  if (!/^-?\d+(\.\d+)?$/.test(row.UnitPrice)) return `price "${row.UnitPrice}" is not a number`
  if (timeOf(row.InvoiceDate) === undefined) return `date "${row.InvoiceDate}" is not month/day/year hour:minute`
  if (quantity <= 0) return 'quantity is not above 0'
  if (price <= 0) return 'price is not above 0'
  const unitMinor = Math.round(price * 100)
  // Rounding would lose half a penny: such a line is rejected for a person to check.
  if (Math.abs(unitMinor / 100 - price) > 1e-9) return `price ${row.UnitPrice} has parts of a penny`
  return { sku: row.StockCode, name: row.Description === '' ? row.StockCode : row.Description, quantity, unitMinor }
}

/** `12/1/10 8:26`, local time of the United Kingdom in winter, which is UTC. */
function timeOf(text: string): string | undefined {
  const parts = /^(\d{1,2})\/(\d{1,2})\/(\d{2}|\d{4}) (\d{1,2}):(\d{2})$/.exec(text)
  if (!parts) return undefined
  const [month, day, year, hour, minute] = parts.slice(1).map(Number) as [number, number, number, number, number]
  if (hour > 23 || minute > 59) return undefined
  const date = new Date(Date.UTC(year < 100 ? 2000 + year : year, month - 1, day, hour, minute))
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day ? date.toISOString() : undefined
}
