/** Expressions, by GoogleSQL's precedence: https://cloud.google.com/bigquery/docs/reference/standard-sql/operators */

import { invalidArgument } from '../../core/status.ts'
import { call, endsArgument } from './call.ts'
import { tableName } from './from.ts'
import { concatenated, keywords, macroCasts, PLAIN_NUMERIC } from './functions.ts'
import { sortedJson } from '../values/json-text.ts'
import { noBigNumeric } from '../values/scalars.ts'
import { limits, tooComplex, tooDeep } from '../values/limits.ts'
import { isWord } from '../tokens/words.ts'
import { type Clauses, closes, quote, type Reader, text } from './reader.ts'

/** From the loosest to the tightest; every one binds tighter than comparisons. DuckDB ranks them otherwise, hence the parentheses. */
const levels: readonly (readonly string[])[] = [['|'], ['^'], ['&'], ['<<', '>>'], ['+', '-'], ['*', '/', '||']]

/** One operand of a comparison. An intermediate result may be infinite or NaN: only the end of the calculation is refused for it. */
export function arithmetic(reader: Reader, clauses: Clauses): string {
  const { sql, isCalculated } = chain(reader, clauses, 0)
  return isCalculated ? reader.finite(`bq_finite(${sql})`, sql) : sql
}

interface Chain {
  readonly sql: string
  /** Whether one of its operators may overflow. */
  readonly isCalculated: boolean
}

function chain(reader: Reader, clauses: Clauses, level: number): Chain {
  const operators = levels[level]
  if (!operators) return { sql: unary(reader, clauses), isCalculated: false }
  let left = chain(reader, clauses, level + 1)
  let inARow = 0
  for (let token = reader.peek(); token?.kind === 'symbol'; token = reader.peek()) {
    if (!operators.includes(token.text)) break
    reader.take()
    inARow += 1
    if (inARow > limits.operatorsInARow) throw tooComplex()
    const right = chain(reader, clauses, level + 1)
    const isCalculated = '+-*/'.includes(token.text) || left.isCalculated || right.isCalculated
    left = { sql: applied(token.text, left.sql, right.sql, reader), isCalculated }
  }
  return left
}

function applied(operator: string, left: string, right: string, reader: Reader): string {
  const [unchecked, other] = [reader.unchecked(left), reader.unchecked(right)]
  switch (operator) {
    case '/':
      // A number divided by Infinity would be 0.
      return `bq_divide(${unchecked}, ${right})`
    case '-':
      return `bq_minus(${unchecked}, ${other})`
    case '+':
    case '*':
      return `(${unchecked} ${operator} ${other})`
    case '<<':
      return `bq_left_shift(${left}, ${right})`
    case '>>':
      return `bq_right_shift(${left}, ${right})`
    case '||':
      return `(${concatenated(left)} || ${concatenated(right)})`
    case '^':
      return `xor(${left}, ${right})`
    default:
      return `(${left} ${operator} ${right})`
  }
}

function unary(reader: Reader, clauses: Clauses): string {
  const token = reader.peek()
  if (token?.kind === 'symbol' && ['-', '+', '~'].includes(token.text)) {
    reader.take()
    // The least INT64 has no positive counterpart.
    if (token.text === '-' && reader.peek()?.kind === 'number') return `(${number(`-${reader.take().text}`)})`
    return `(${token.text}${reader.within(() => unary(reader, clauses))})`
  }
  return postfixed(primary(reader, clauses), reader, clauses)
}

function primary(reader: Reader, clauses: Clauses): string {
  const token = reader.take()
  switch (token.kind) {
    case 'string':
      return text(token.text)
    case 'bytes':
      return `unhex('${token.text}')`
    case 'number':
      return number(token.text)
    case 'parameter':
      return `$${token.text}`
    case 'quoted': {
      const path = token.text.split('.')
      return path.length === 1 ? quote(token.text) : tableName(path, reader)
    }
    case 'symbol':
      return bracketed(token.text, reader, clauses)
    case 'word':
      return word(token.text, reader, clauses)
  }
}

/** Whole numbers are INT64, all others FLOAT64. @throws INVALID_ARGUMENT beyond these. */
function number(written: string): string {
  if (!/^-?(\d+|0[xX][0-9a-fA-F]+)$/.test(written)) {
    if (!Number.isFinite(Number(written)))
      throw invalidArgument(`Invalid floating point literal: ${written.slice(0, 40)}`)
    return /[eE]/.test(written) ? written : `${written}e0`
  }
  // An INT64 has at most nineteen digits. Converting a very long text would take long.
  if (written.replace(/^-?(0[xX])?0*/, '').length > 19)
    throw invalidArgument(`Invalid integer literal: ${written.slice(0, 40)}`)
  const value = written.startsWith('-') ? -BigInt(written.slice(1)) : BigInt(written)
  if (BigInt.asIntN(64, value) !== value) throw invalidArgument(`Invalid integer literal: ${written}`)
  return value < 0n ? `(${value})::BIGINT` : `${value}::BIGINT`
}

function bracketed(symbol: string, reader: Reader, clauses: Clauses): string {
  if (symbol === '(') {
    const read = (): string => clauses(reader, closes)
    const isQuery = isWord(reader.peek(), 'SELECT', 'WITH')
    const inner = isQuery ? reader.subquery(() => reader.reads.inside(read)) : read()
    reader.expect(')')
    const unchecked = reader.unchecked(inner)
    // Without a check, the parentheses are needed in a calculation as well: they may hold a query.
    return unchecked === inner ? `(${inner})` : reader.finite(`(${inner})`, unchecked)
  }
  if (symbol === '[') {
    const inner = clauses(reader, (token) => !endsArgument(token) && token.kind === 'symbol' && token.text === ']')
    reader.expect(']')
    return `[${inner}]`
  }
  throw invalidArgument(`Syntax error: Unexpected "${symbol}"`)
}

const literals: Readonly<Record<string, string>> = {
  DATE: 'DATE',
  TIMESTAMP: 'TIMESTAMPTZ',
  DATETIME: 'TIMESTAMP',
  TIME: 'TIME',
  NUMERIC: 'DECIMAL(38, 9)',
}

/** Literals that DuckDB reads as BigQuery does: a constant may be compared within a STRUCT, since it is not NULL. */
const plainLiterals: Readonly<Record<string, RegExp>> = {
  DATE: /^\d{4}-\d\d-\d\d$/,
  TIMESTAMP: /^\d{4}-\d\d-\d\d(?:[ T](?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,6})?)?$/,
  TIMESTAMPTZ: /^\d{4}-\d\d-\d\d(?:[ T](?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,6})?(?:Z|\+00)?)?$/,
  'DECIMAL(38, 9)': PLAIN_NUMERIC,
}

/** Whether a text begins with a day of the years 1 to 9999. */
function isDay(value: string): boolean {
  const day = value.slice(0, 10)
  const time = Date.parse(`${day}T00:00:00Z`)
  return day >= '0001-01-01' && !Number.isNaN(time) && new Date(time).toISOString().startsWith(day)
}

/** The engine words what is no JSON. */
function sortedLiteral(written: string): string {
  try {
    JSON.parse(written)
    return sortedJson(written)
  } catch {
    return written
  }
}

function word(written: string, reader: Reader, clauses: Clauses): string {
  const name = written.toUpperCase()
  if (name === 'BIGNUMERIC' && reader.peek()?.kind === 'string') throw noBigNumeric()
  if (name === 'JSON' && reader.peek()?.kind === 'string')
    return `bq_parse_json(${text(sortedLiteral(reader.take().text))})`
  const literal = literals[name]
  if (literal && reader.peek()?.kind === 'string') {
    const value = reader.take().text
    const written = text(value)
    const isPlain = plainLiterals[literal]?.test(value) === true && (name === 'NUMERIC' || isDay(value))
    if (isPlain) return `(${written})::${literal}`
    const macro = macroCasts[literal]
    return macro ? `${macro}(${written})` : `(${written})::${literal}`
  }
  if (name === 'CASE') {
    const inner = clauses(reader, (token) => isWord(token, 'END'))
    reader.expect('END')
    return `CASE ${inner} END`
  }
  if (name === 'INTERVAL') return interval(reader, clauses)
  if (name === 'NULL' || name === 'TRUE' || name === 'FALSE') return name
  if ((name === 'CURRENT_TIMESTAMP' || name === 'CURRENT_DATE') && !reader.is('('))
    return name === 'CURRENT_DATE' ? 'now()::DATE' : 'now()'
  if (name === 'ARRAY' && reader.takeIf('[')) return bracketed('[', reader, clauses)
  if ((name === 'ARRAY' || name === 'EXISTS') && reader.takeIf('(')) return `${name}${bracketed('(', reader, clauses)}`
  if (reader.is('(')) return call(written, reader, clauses)
  if (keywords.has(name)) throw invalidArgument(`Syntax error: Unexpected keyword ${name}`)
  return quote(written)
}

const intervalUnits = 'MICROSECOND MILLISECOND SECOND MINUTE HOUR DAY WEEK MONTH QUARTER YEAR'.split(' ')

function interval(reader: Reader, clauses: Clauses): string {
  const amount = reader.within(() => arithmetic(reader, clauses))
  const unit = reader.take().text.toUpperCase()
  if (!intervalUnits.includes(unit) || amount.startsWith("'"))
    throw invalidArgument(`INTERVAL takes a number and one of ${intervalUnits.join(', ')}: ${unit}`)
  return `bq_${unit.toLowerCase()}s(bq_whole(${amount}))`
}

/** `.field`, `.*`, `[OFFSET(1)]`, `OVER (…)`. */
function postfixed(operand: string, reader: Reader, clauses: Clauses): string {
  let result = operand
  /** Whether all of it are names with dots between them. */
  let isPath = /^"[^"]*"(\."[^"]*")?$/.test(operand)
  for (let steps = 0; ; steps++) {
    if (steps > limits.nesting) throw tooDeep()
    if (reader.is('.')) {
      reader.take()
      if (reader.takeIf('*')) return `${result}.*`
      const { kind, text: name } = reader.take()
      if (kind !== 'word' && kind !== 'quoted') throw invalidArgument(`Syntax error: Unexpected "${name}"`)
      // A field of a call or of a parenthesis needs parentheses around its record.
      result = `${isPath ? result : `(${result})`}.${quote(name)}`
    } else if (reader.is('[')) {
      result = element(result, reader, clauses)
      isPath = false
    } else return result
  }
}

const positions: Readonly<Record<string, string>> = {
  OFFSET: 'bq_offset',
  SAFE_OFFSET: 'bq_safe_offset',
  ORDINAL: 'bq_ordinal',
  SAFE_ORDINAL: 'bq_safe_ordinal',
}

function element(of: string, reader: Reader, clauses: Clauses): string {
  reader.expect('[')
  const given = reader.is('(', 1) ? positions[reader.peek()!.text.toUpperCase()] : undefined
  if (given) {
    reader.take()
    reader.take()
  }
  const index = clauses(reader, given ? closes : (token) => token.kind === 'symbol' && token.text === ']')
  if (given) reader.expect(')')
  reader.expect(']')
  if (index.startsWith("'"))
    throw invalidArgument('JSON subscripts are not translated by the local cloud: use JSON_QUERY.')
  return `${given ?? 'bq_offset'}(${of}, ${index})`
}
