/** Rows as an aligned table: numbers to the right, text to the left. */

import { shown, terminalColumns } from './terminal.ts'

/** A column is not cut below it. */
const MIN_COLUMN_WIDTH = 12
const GAP = 2

type Row = Readonly<Record<string, unknown>>

interface Format {
  /** Default: of the terminal, or no limit. */
  readonly width?: number | undefined
  /** The decimals of a NUMERIC. Undefined: as many as it has. */
  readonly decimals?: ((column: string, row: Row) => number | undefined) | undefined
}

/** As wide as the terminal: the widest columns are cut first, and none when all fit, or the output is no terminal. */
export function table(rows: readonly Row[], { width = terminalColumns(), decimals }: Format = {}): string {
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))]
  const columns = names.map(shown)
  if (columns.length === 0) return '(no rows)'
  const cells = rows.map((row) => names.map((name) => text(row[name], decimals?.(name, row))))
  const needed = columns.map((column, index) => Math.max(column.length, ...cells.map((row) => row[index]!.length)))
  const widths = fitted(needed, width - GAP * (columns.length - 1))
  const right = names.map((name) => rows.every((row) => isNumber(row[name]) || row[name] === null))
  const line = (row: readonly string[]): string =>
    row
      .map((cell, index) => {
        const width = widths[index]!
        const short = cell.length > width ? `${cell.slice(0, width - 1).replace(/[\uD800-\uDBFF]$/, '')}…` : cell
        return right[index] ? short.padStart(width) : short.padEnd(width)
      })
      .join(' '.repeat(GAP))
      .trimEnd()
  return [line(columns), widths.map((width) => '─'.repeat(width)).join(' '.repeat(GAP)), ...cells.map(line)].join('\n')
}

/** Cuts the widest columns to one width, the largest with which all fit into `available`. */
function fitted(needed: readonly number[], available: number): number[] {
  const cutAt = (limit: number): number[] => needed.map((width) => Math.min(width, limit))
  let limit = Math.max(...needed)
  while (limit > MIN_COLUMN_WIDTH && cutAt(limit).reduce((sum, width) => sum + width, 0) > available) limit -= 1
  return cutAt(limit)
}

/** BigQuery's client returns a NUMERIC as an object of big.js. */
const isBig = (value: unknown): value is { toFixed(): string } =>
  typeof value === 'object' && value !== null && 'toFixed' in value
const isNumber = (value: unknown): boolean => typeof value === 'number' || isBig(value)

function text(value: unknown, decimals?: number): string {
  if (value === null || value === undefined) return '·'
  if (isBig(value)) return withDecimals(value.toFixed(), decimals)
  if (typeof value === 'object') return shown('value' in value ? String(value.value) : JSON.stringify(value))
  return shown(String(value))
}

/** At least so many; none of its own is dropped. */
function withDecimals(number: string, decimals = 0): string {
  const [whole, fraction = ''] = number.split('.')
  return decimals > fraction.length ? `${whole}.${fraction.padEnd(decimals, '0')}` : number
}

/** The time since then: `40 s`, `5 min`, `3 h`, `2 d`. */
export function age(sinceMs: number): string {
  const seconds = Math.max(0, Math.floor((Date.now() - sinceMs) / 1000))
  if (seconds < 120) return `${seconds} s`
  if (seconds < 7_200) return `${Math.floor(seconds / 60)} min`
  return seconds < 172_800 ? `${Math.floor(seconds / 3_600)} h` : `${Math.floor(seconds / 86_400)} d`
}
