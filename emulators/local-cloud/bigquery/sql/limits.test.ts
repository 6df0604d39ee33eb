/** Queries built to be expensive: each is refused in BigQuery's words, and parsing takes time in proportion to the text. */

import { afterEach, describe, expect, it, vi } from 'vitest'
import { withAliases } from './aliases.ts'
import { limits } from '../values/limits.ts'
import { Reader } from './reader.ts'
import { tokenize } from '../tokens/tokens.ts'
import { translate } from './translate.ts'

const times = (count: number, text: string, separator = ''): string => Array(count).fill(text).join(separator)
const nested = (count: number, open: string, close: string): string =>
  `SELECT ${times(count, open)}1${times(count, close)}`
const refusal = (sql: string): string => {
  try {
    translate(sql, 'p')
    return 'none'
  } catch (error) {
    return (error as Error).message
  }
}

const TOO_DEEP = 'Out of stack space due to deeply nested query expression during query resolution.'
const TOO_COMPLEX = 'too many subqueries or query is too complex.'

describe('a query is refused', () => {
  it.each([
    ['parentheses', nested(20_000, '(', ')'), TOO_DEEP],
    ['brackets', nested(20_000, '[', ']'), TOO_DEEP],
    ['CASE', nested(20_000, 'CASE WHEN TRUE THEN ', ' END'), TOO_DEEP],
    ['calls', nested(20_000, 'ABS(', ')'), TOO_DEEP],
    ['signs', `SELECT ${times(100_000, '- ')}1`, TOO_DEEP],
    ['intervals', `SELECT ${times(100_000, 'INTERVAL ')}1`, TOO_DEEP],
    ['fields', `SELECT a${times(100_000, '.b')}`, TOO_DEEP],
    ['subqueries in FROM', `${times(5_000, 'SELECT 1 FROM (')}SELECT 1${times(5_000, ')')}`, TOO_DEEP],
    ['subqueries in expressions', nested(17, '(SELECT ', ')'), TOO_COMPLEX],
    ['400 KB of OR', `SELECT 1 FROM d.t WHERE ${times(80_000, '1=1', ' OR ')}`, TOO_COMPLEX],
    ['additions', `SELECT ${times(1_000, '1', '+')}`, TOO_COMPLEX],
    ['divisions, which DuckDB would repeat a million times', `SELECT ${times(13, '1', '/')}`, TOO_COMPLEX],
    ['calls whose arguments are repeated', nested(40, 'GREATEST(', ', 2)'), TOO_COMPLEX],
    [
      'a long alias, used often',
      `SELECT [${times(10_000, '1', ',')}] AS a FROM d.t HAVING ${times(10_000, 'a', ',')}`,
      TOO_COMPLEX,
    ],
    ['an unclosed comment', times(300_000, '/* '), 'Syntax error: Unclosed comment at [1:1]'],
    [
      'an unclosed string',
      `SELECT '''${times(100_000, "\\'''")}`,
      'Syntax error: Unclosed triple-quoted string literal at [1:8]',
    ],
    ['a number of a million digits', `SELECT ${times(1_000_000, '9')}`, 'Invalid integer literal: 999'],
  ])('%s', (_, sql, message) => {
    expect(refusal(sql)).toContain(message)
  })

  it('longer than 1 MB, and the error states the excess', () => {
    const over = 72_092
    expect(refusal(`SELECT 1 -- ${times(limits.queryCharacters + over - 12, 'x')}`)).toBe(
      'The query is too large (1094.40K characters, 72092 characters over the limit). The maximum standard SQL query length is 1024.00K characters, including comments and white space characters.',
    )
  })
})

describe('a query is accepted', () => {
  it.each([
    ['100 parentheses', nested(100, '(', ')')],
    ['100 calls', nested(100, 'ABS(', ')')],
    ['1,000 conditions', `SELECT 1 FROM d.t WHERE ${times(1_000, '1=1', ' OR ')}`],
    ['a list of 100,000 numbers', `SELECT 1 IN (${times(100_000, '1', ',')})`],
    ['200 texts joined', `SELECT ${times(200, "'a'", ' || ')}`],
    ['a difference of ten', `SELECT ${times(10, 'a', ' - ')} FROM d.t`],
    ['a quotient of six', `SELECT ${times(6, 'a', ' / ')} FROM d.t`],
  ])('%s', (_, sql) => {
    expect(refusal(sql)).toBe('none')
  })
})

describe('the number of steps grows in proportion to the text', () => {
  afterEach(() => void vi.restoreAllMocks())
  const shapes: [string, (count: number) => string][] = [
    ['a list', (count) => `SELECT 1 IN (${times(count, '1', ',')})`],
    ['columns', (count) => `SELECT ${times(count, 'a AS b', ', ')} FROM d.t`],
    ['a name in HAVING', (count) => `SELECT 1 AS a FROM d.t HAVING ${times(count, 'a = 1', ', ')}`],
    ['parentheses side by side', (count) => `SELECT 1 AS a FROM d.t HAVING ${times(count, '(a)', ', ')}`],
    ['repeated SELECT', (count) => `${times(count, 'SELECT a')} QUALIFY a`],
    ['unions', (count) => times(count, 'SELECT 1', ' UNION ALL ')],
    ['texts and comments', (count) => `SELECT ${times(count, "'a' /* b */", ', ')}`],
  ]

  it.each(shapes)('in the translator: %s', (_, sql) => {
    const peek = vi.spyOn(Reader.prototype, 'peek')
    const steps = (count: number): number => {
      peek.mockClear()
      refusal(sql(count))
      return peek.mock.calls.length
    }
    expect(steps(2_000) / steps(1_000)).toBeLessThan(2.1)
  })

  it.each(shapes)('in the alias expansion: %s', (_, sql) => {
    const steps = (count: number): number => {
      let reads = 0
      const counted = new Proxy(tokenize(sql(count)), {
        get(target, name, receiver) {
          reads += 1
          return Reflect.get(target, name, receiver) as unknown
        },
      })
      withAliases(counted)
      return reads
    }
    expect(steps(2_000) / steps(1_000)).toBeLessThan(2.1)
  })

  it.each(shapes)('in the tokenizer: %s', (_, sql) => {
    const exec = vi.spyOn(RegExp.prototype, 'exec')
    const steps = (count: number): number => {
      exec.mockClear()
      tokenize(sql(count))
      return exec.mock.calls.length
    }
    expect(steps(2_000) / steps(1_000)).toBeLessThan(2.1)
  })
})
