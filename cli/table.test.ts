import { expect, it } from 'vitest'
import { table } from './table.ts'

const numeric = (text: string) => ({ toFixed: () => text })

it('is as wide as the terminal: the widest columns are cut, the others are whole', () => {
  const row = { id: 'a-1', reason: 'x'.repeat(100), error: 'y'.repeat(40) }
  const lines = table([row], { width: 81 }).split('\n')
  expect(Math.max(...lines.map(({ length }) => length))).toBe(81)
  expect(lines[2]).toBe(`a-1  ${'x'.repeat(36)}…  ${'y'.repeat(36)}…`)
})

it('cuts nothing that fits, and nothing at all without a terminal', () => {
  const row = { reason: 'x'.repeat(100), last: 'y'.repeat(200) }
  for (const width of [302, undefined]) expect(table([row], { width })).toContain(`${row.reason}  ${row.last}`)
})

it('keeps a few characters of each column in a terminal that is too narrow', () => {
  const lines = table([{ a: 'x'.repeat(30), b: 'y'.repeat(30), c: 'z'.repeat(30) }], { width: 20 }).split('\n')
  expect(lines[2]).toBe(['x', 'y', 'z'].map((letter) => `${letter.repeat(11)}…`).join('  '))
})

it('gives amounts the decimals of their currency, and cuts off none that a value has', () => {
  const rows = [
    { total: numeric('23.8'), currency: 'EUR', share: numeric('0.5') },
    { total: numeric('1250'), currency: 'JPY', share: numeric('1') },
    { total: numeric('1.2505'), currency: 'KWD', share: null },
  ]
  const digits = { EUR: 2, JPY: 0, KWD: 3 } as Record<string, number>
  const decimals = (column: string, row: Readonly<Record<string, unknown>>): number | undefined =>
    column === 'total' ? digits[String(row['currency'])] : undefined
  const columns = table(rows, { decimals })
    .split('\n')
    .slice(2)
    .map((line) => line.split(/ +/).filter((cell) => cell !== ''))
  expect(columns).toEqual([
    ['23.80', 'EUR', '0.5'],
    ['1250', 'JPY', '1'],
    ['1.2505', 'KWD', '·'],
  ])
})
