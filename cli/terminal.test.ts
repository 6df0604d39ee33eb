import { afterEach, expect, it, vi } from 'vitest'
import { table } from './table.ts'
import { printError, say, sayJson, sayProgress, shown } from './terminal.ts'

const hostile = '\u001B]0;owned\u0007\u009B2J\u007F\u202Eabc\u2069\uD800\r\n\t'

afterEach(() => vi.restoreAllMocks())

it('escapes control characters as JSON does', () => {
  expect(shown(hostile)).toBe(String.raw`\u001b]0;owned\u0007\u009b2J\u007f\u202eabc\u2069\ud800\u000d\u000a\u0009`)
})

it('escapes invisible characters', () => {
  for (const point of [0xad, 0x034f, 0x115f, 0x180e, 0x200b, 0x2061, 0x3164, 0xfeff])
    expect(shown(String.fromCodePoint(point))).toBe(`\\u${point.toString(16).padStart(4, '0')}`)
  expect(shown(String.fromCodePoint(0xe_00_41))).toBe(String.raw`\udb40\udc41`)
})

it('leaves ordinary text unchanged', () => {
  for (const text of ['Sencha, 100 g', 'É 注文 ❤️ 👨‍👩‍👧', '€ – “x”']) expect(shown(text)).toBe(text)
})

it('keeps line feeds, and escapes other characters that move the cursor', () => {
  const out = vi.spyOn(console, 'log').mockReturnValue(undefined)
  const err = vi.spyOn(console, 'error').mockReturnValue(undefined)
  const meanwhile = vi.spyOn(process.stderr, 'write').mockReturnValue(true)
  say('a\nb\rc')
  sayProgress('a\nb')
  printError('a\u001B[2J')
  expect(meanwhile).toHaveBeenCalledWith('\ra\\u000ab\r')
  expect(out).toHaveBeenCalledWith('a\nb\\u000dc')
  expect(err).toHaveBeenCalledWith(String.raw`a\u001b[2J`)
})

it('prints JSON for programs with its original values', () => {
  const out = vi.spyOn(console, 'log').mockReturnValue(undefined)
  sayJson({ hostile })
  const text = String(out.mock.calls[0]![0])
  expect(text).toMatch(/^[\x20-\x7E\n]+$/)
  expect(JSON.parse(text)).toEqual({ hostile })
})

it('a table is as wide as its escaped cells, with one line for each row', () => {
  const lines = table([
    { a: 'x\u001B\ny', b: 1 },
    { a: 'plain', b: 2 },
  ]).split('\n')
  expect(lines).toEqual(['a               b', '──────────────  ─', String.raw`x\u001b\u000ay  1`, 'plain           2'])
})

it('a NUMERIC of BigQuery is right-aligned in a table and has no exponent', () => {
  // big.js alone would print an exponent.
  const numeric = { toFixed: () => '1000000000000000000000', toJSON: () => '1e+21' }
  expect(
    table([{ a: numeric }, { a: 5 }])
      .split('\n')
      .slice(2),
  ).toEqual(['1000000000000000000000', `${' '.repeat(21)}5`])
})
