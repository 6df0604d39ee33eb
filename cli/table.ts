/** Rows as an aligned table: numbers to the right, text to the left. */

const WIDEST_COLUMN = 60

export function table(rows: readonly Readonly<Record<string, unknown>>[]): string {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))]
  if (columns.length === 0) return '(no rows)'
  const cells = rows.map((row) => columns.map((column) => text(row[column])))
  const widths = columns.map((column, index) =>
    Math.min(WIDEST_COLUMN, Math.max(column.length, ...cells.map((row) => row[index]!.length))),
  )
  const right = columns.map((column) => rows.every((row) => typeof row[column] === 'number' || row[column] === null))
  const line = (row: readonly string[]): string =>
    row
      .map((cell, index) => {
        const cut = cell.length > WIDEST_COLUMN ? `${cell.slice(0, WIDEST_COLUMN - 1)}…` : cell
        return right[index] ? cut.padStart(widths[index]!) : cut.padEnd(widths[index]!)
      })
      .join('  ')
      .trimEnd()
  return [line(columns), widths.map((width) => '─'.repeat(width)).join('  '), ...cells.map(line)].join('\n')
}

function text(value: unknown): string {
  if (value === null || value === undefined) return '·'
  if (typeof value === 'object') return 'value' in value ? String(value.value) : JSON.stringify(value)
  return String(value)
}
