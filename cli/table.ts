/** Rows as an aligned table: numbers to the right, text to the left. */

import { shown, terminalColumns } from './terminal.ts'

const MAX_COLUMN_WIDTH = 60
const GAP = 2

/** The last column is as wide as the terminal lets it be; output that is no terminal is not cut there. */
export function table(
  rows: readonly Readonly<Record<string, unknown>>[],
  columnsOfTerminal = terminalColumns(),
): string {
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))]
  const columns = names.map(shown)
  if (columns.length === 0) return '(no rows)'
  const cells = rows.map((row) => names.map((name) => text(row[name])))
  const needed = columns.map((column, index) => Math.max(column.length, ...cells.map((row) => row[index]!.length)))
  const cut = needed.slice(0, -1).map((width) => Math.min(MAX_COLUMN_WIDTH, width))
  const left = columnsOfTerminal - cut.reduce((sum, width) => sum + width + GAP, 0)
  const widths = [...cut, Math.min(needed.at(-1)!, Math.max(MAX_COLUMN_WIDTH, left))]
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

/** BigQuery's client returns a NUMERIC as an object of big.js. */
const isBig = (value: unknown): value is { toFixed(): string } =>
  typeof value === 'object' && value !== null && 'toFixed' in value
const isNumber = (value: unknown): boolean => typeof value === 'number' || isBig(value)

function text(value: unknown): string {
  if (value === null || value === undefined) return '·'
  if (isBig(value)) return value.toFixed()
  if (typeof value === 'object') return shown('value' in value ? String(value.value) : JSON.stringify(value))
  return shown(String(value))
}

/** The time since then: `40 s`, `5 min`, `3 h`, `2 d`. */
export function age(sinceMs: number): string {
  const seconds = Math.max(0, Math.floor((Date.now() - sinceMs) / 1000))
  if (seconds < 120) return `${seconds} s`
  if (seconds < 7_200) return `${Math.floor(seconds / 60)} min`
  return seconds < 172_800 ? `${Math.floor(seconds / 3_600)} h` : `${Math.floor(seconds / 86_400)} d`
}
