/** Expressions by GoogleSQL's precedence: https://cloud.google.com/bigquery/docs/reference/standard-sql/operators#operator_precedence */

import type { Token } from '../../tokens/tokens.ts'
import { call, cast, extract } from './calls.ts'
import type { Cursor } from './cursor.ts'
import type { Expression, Item } from './tree.ts'
import { isName } from '../../tokens/words.ts'

const operation = (at: Token, operator: string, operands: readonly Expression[]): Expression => ({
  kind: 'operation',
  at,
  operator,
  operands,
})

/** An operator that takes no literal NULL, also not one in parentheses. */
function strict(cursor: Cursor, at: Token, operator: string, operands: readonly Expression[]): Expression {
  const found = operands.map(nullIn).find((one) => one !== undefined)
  if (found) throw cursor.refusal(`Operands of ${operator} cannot be literal NULL`, found)
  const isMoved = operands.length === 2 && (operator === '+' || (operator === '-' && !isInterval(operands[0]!)))
  if (operands.filter(isInterval).length > (isMoved ? 1 : 0)) throw lonely(cursor, operands)
  return operation(at, operator, operands)
}

const isInterval = (one: Expression): boolean => one.kind === 'operation' && one.operator === 'INTERVAL'

/** DuckDB has such a type, whose texts are not those of GoogleSQL, and which it compares otherwise. */
const lonely = (cursor: Cursor, found: readonly Expression[]): Error =>
  cursor.notServed('INTERVAL that is not added to a time, or subtracted from one,', found.find(isInterval)!.at)

function nullIn(one: Expression): Token | undefined {
  if (one.kind === 'operation' && one.operator === '()') return nullIn(one.operands[0]!)
  const isNull = one.kind === 'literal' && one.at.kind === 'word' && one.at.text.toUpperCase() === 'NULL'
  return isNull ? one.at : undefined
}

/** @param takesInterval whether it may be an INTERVAL, as the argument of DATE_ADD. */
export function expression(cursor: Cursor, takesInterval = false): Expression {
  const found = joined(cursor, 'OR', () => joined(cursor, 'AND', () => negation(cursor)))
  if (!takesInterval && isInterval(found)) throw lonely(cursor, [found])
  return found
}

function joined(cursor: Cursor, operator: string, operand: () => Expression): Expression {
  const first = operand()
  const operands = [first]
  while (cursor.takeIf(operator)) operands.push(operand())
  return operands.length === 1 ? first : operation(first.at, operator, operands)
}

function negation(cursor: Cursor): Expression {
  const not = cursor.takeIf('NOT')
  return not ? strict(cursor, not, 'NOT', [cursor.deeper(() => negation(cursor))]) : comparison(cursor)
}

const comparisons = ['=', '!=', '<>', '<', '>', '<=', '>=']

/** Comparisons do not follow each other: `a = b = c` needs parentheses. */
function comparison(cursor: Cursor): Expression {
  const left = calculation(cursor)
  const found = compared(cursor, left)
  if (!found) return left
  if (isInterval(left)) throw lonely(cursor, [left])
  if (cursor.is(...comparisons, 'IS', 'IN', 'LIKE', 'BETWEEN')) throw cursor.unexpected()
  if (cursor.is('NOT') && cursor.isAt(1, 'IN', 'LIKE', 'BETWEEN')) throw cursor.unexpected()
  return found
}

function compared(cursor: Cursor, left: Expression): Expression | undefined {
  const at = cursor.peek()
  if (cursor.is(...comparisons)) {
    const { text } = cursor.take()
    if (cursor.is('ANY', 'SOME', 'ALL')) throw cursor.unexpected()
    return strict(cursor, at!, text, [left, calculation(cursor)])
  }
  if (cursor.takeIf('IS')) return truth(cursor, at!, left)
  const isNot = cursor.is('NOT')
  if (isNot && !cursor.isAt(1, 'IN', 'LIKE', 'BETWEEN')) throw cursor.unexpected()
  if (isNot) cursor.take()
  if (cursor.takeIf('BETWEEN')) {
    const from = calculation(cursor)
    cursor.expect('AND')
    return operation(at!, 'BETWEEN', [left, from, calculation(cursor)])
  }
  if (cursor.takeIf('LIKE')) {
    if (cursor.is('ANY', 'SOME', 'ALL')) throw cursor.notServed(`LIKE ${cursor.peek()!.text.toUpperCase()}`)
    return like(cursor, at!, left, calculation(cursor))
  }
  return cursor.takeIf('IN') ? membership(cursor, at!, left) : undefined
}

function like(cursor: Cursor, at: Token, left: Expression, pattern: Expression): Expression {
  const text = pattern.kind === 'literal' && pattern.at.kind === 'string' ? pattern.at.text : ''
  if (/(?:^|[^\\])(?:\\\\)*\\$/.test(text)) throw cursor.refusal('LIKE pattern ends with a backslash', pattern.at)
  return strict(cursor, at, 'LIKE', [left, pattern])
}

function truth(cursor: Cursor, at: Token, left: Expression): Expression {
  cursor.takeIf('NOT')
  if (cursor.takeIf('DISTINCT')) {
    cursor.expect('FROM')
    return operation(at, 'IS DISTINCT FROM', [left, calculation(cursor)])
  }
  if (!cursor.is('NULL', 'TRUE', 'FALSE')) throw cursor.unexpected()
  cursor.take()
  return operation(at, 'IS', [left])
}

function membership(cursor: Cursor, at: Token, left: Expression): Expression {
  if (cursor.takeIf('UNNEST')) return operation(at, 'IN', [left, cursor.inParentheses(() => cursor.expression())])
  if (!cursor.is('(')) throw cursor.expected('"(" or keyword UNNEST')
  const isQuery = cursor.beginsQuery()
  return cursor.inParentheses(() =>
    isQuery
      ? { kind: 'subquery', at, query: cursor.query(), operands: [left] }
      : operation(at, 'IN', [left, ...cursor.list(() => cursor.expression())]),
  )
}

/** From the loosest to the tightest. */
const levels: readonly (readonly string[])[] = [['|'], ['^'], ['&'], ['<<', '>>'], ['+', '-'], ['*', '/', '||']]

function calculation(cursor: Cursor, level = 0): Expression {
  const operators = levels[level]
  if (!operators) return signed(cursor)
  let left = calculation(cursor, level + 1)
  while (cursor.is(...operators)) {
    const at = cursor.take()
    left = strict(cursor, at, at.text, [left, calculation(cursor, level + 1)])
  }
  if (cursor.is('%')) throw cursor.refusal('Syntax error: Illegal input character "%": write MOD(a, b)')
  return left
}

function signed(cursor: Cursor): Expression {
  if (!cursor.is('-', '+', '~')) return postfixed(cursor, primary(cursor))
  const at = cursor.take()
  return strict(cursor, at, at.text, [cursor.deeper(() => signed(cursor))])
}

/** `.field` and `[…]`. `.*` is left for the list of a SELECT. */
function postfixed(cursor: Cursor, operand: Expression): Expression {
  if (cursor.is('[') || (cursor.is('.') && !cursor.isAt(1, '*')))
    return cursor.deeper(() => postfixed(cursor, cursor.is('[') ? element(cursor, operand) : fieldOf(cursor, operand)))
  return operand
}

function fieldOf(cursor: Cursor, of: Expression): Expression {
  cursor.expect('.')
  const name = cursor.field()
  if (of.kind === 'path') return { ...of, names: [...of.names, name] }
  return { kind: 'field', at: of.at, of, name }
}

function element(cursor: Cursor, of: Expression): Expression {
  const at = cursor.expect('[')
  const isPosition = cursor.is('OFFSET', 'SAFE_OFFSET', 'ORDINAL', 'SAFE_ORDINAL') && cursor.isAt(1, '(')
  if (isPosition) cursor.take()
  const index = isPosition ? cursor.inParentheses(() => cursor.expression()) : cursor.expression()
  cursor.expect(']')
  return { kind: 'element', at, of, index }
}

function primary(cursor: Cursor): Expression {
  const token = cursor.peek()
  if (!token) throw cursor.unexpected()
  switch (token.kind) {
    case 'string':
    case 'bytes':
    case 'number':
      return { kind: 'literal', at: cursor.take() }
    case 'parameter':
      return { kind: 'parameter', at: cursor.take() }
    case 'quoted':
      return cursor.isAt(1, '(') ? call(cursor, cursor.take()) : { kind: 'path', at: token, names: [cursor.take()] }
    case 'symbol':
      return bracketed(cursor, token)
    case 'word':
      return word(cursor, token)
  }
}

function bracketed(cursor: Cursor, at: Token): Expression {
  if (cursor.is('[')) return array(cursor, at)
  if (!cursor.is('(')) throw cursor.unexpected()
  if (cursor.beginsQuery())
    return { kind: 'subquery', at, query: cursor.inParentheses(() => cursor.query()), operands: [] }
  return cursor.inParentheses(() => {
    const first = cursor.expression()
    if (!cursor.takeIf(',')) return operation(at, '()', [first])
    const values = [first, ...cursor.list(() => cursor.expression())]
    return { kind: 'struct', at, fields: values.map((value) => ({ value, alias: undefined })) }
  })
}

function array(cursor: Cursor, at: Token): Expression {
  cursor.expect('[')
  const items = cursor.is(']') ? [] : cursor.list(() => cursor.expression())
  cursor.expect(']')
  return operation(at, 'ARRAY', items)
}

/** Types before a literal: `DATE '2026-01-01'`. */
const literalTypes = new Set(
  'DATE DATETIME TIME TIMESTAMP JSON NUMERIC BIGNUMERIC DECIMAL BIGDECIMAL RANGE INTERVAL'.split(' '),
)

function word(cursor: Cursor, at: Token): Expression {
  const upper = at.text.toUpperCase()
  if (literalTypes.has(upper) && cursor.peek(1)?.kind === 'string' && upper !== 'INTERVAL') {
    if (upper === 'DECIMAL' || upper === 'BIGDECIMAL') throw cursor.notServed(`${upper} literal`)
    cursor.take()
    return { kind: 'literal', at: cursor.take() }
  }
  const construct = upper === 'SAFE_CAST' && !cursor.isAt(1, '(') ? undefined : constructs[upper]
  if (construct) return construct(cursor, at)
  const isCallable = cursor.isAt(1, '(') && (isName(at) || callableWords.has(upper))
  if (isCallable) return call(cursor, cursor.take())
  const path: Expression = { kind: 'path', at, names: [cursor.name()] }
  return calledPath(cursor, path)
}

/** Reserved words that are functions, too. */
const callableWords = new Set(['IF', 'LEFT', 'RIGHT', 'GROUPING'])

/** `SAFE.LN(0)`, `NET.HOST(x)`, `d.f(x)`. */
function calledPath(cursor: Cursor, path: Expression & { readonly kind: 'path' }): Expression {
  if (!cursor.is('.') || !cursor.isAt(2, '(')) return path
  const [first] = path.names
  const called = `${first!.text}.${cursor.peek(1)!.text}`
  if (first!.text.toUpperCase() === 'SAFE') throw cursor.notServed(`The prefix SAFE of ${called}`, first)
  throw cursor.refusal(`Function not found in the local BigQuery: ${called}`, first)
}

/** Expressions that a keyword begins. */
const constructs: Readonly<Record<string, (cursor: Cursor, at: Token) => Expression>> = {
  NULL: (cursor) => ({ kind: 'literal', at: cursor.take() }),
  TRUE: (cursor) => ({ kind: 'literal', at: cursor.take() }),
  FALSE: (cursor) => ({ kind: 'literal', at: cursor.take() }),
  CASE: cases,
  CAST: cast,
  SAFE_CAST: cast,
  EXTRACT: extract,
  INTERVAL: interval,
  STRUCT: struct,
  EXISTS: queryOf,
  ARRAY(cursor, at) {
    if (cursor.isAt(1, '<')) throw cursor.notServed('A constructor ARRAY<…>')
    if (cursor.isAt(1, '(')) return queryOf(cursor, at)
    cursor.take()
    return array(cursor, at)
  },
}

function queryOf(cursor: Cursor, at: Token): Expression {
  cursor.take()
  if (!cursor.is('(')) throw cursor.expected('"("')
  if (!cursor.beginsQuery()) {
    cursor.take()
    throw cursor.expected('keyword SELECT')
  }
  return { kind: 'subquery', at, query: cursor.inParentheses(() => cursor.query()), operands: [] }
}

function cases(cursor: Cursor, at: Token): Expression {
  cursor.expect('CASE')
  const operands = cursor.is('WHEN') ? [] : [cursor.expression()]
  do {
    cursor.expect('WHEN')
    operands.push(cursor.expression())
    cursor.expect('THEN')
    operands.push(cursor.expression())
  } while (cursor.is('WHEN'))
  if (cursor.takeIf('ELSE')) operands.push(cursor.expression())
  cursor.expect('END')
  return operation(at, 'CASE', operands)
}

function interval(cursor: Cursor, at: Token): Expression {
  cursor.expect('INTERVAL')
  const amount = cursor.expression()
  cursor.name()
  if (cursor.is('TO')) throw cursor.notServed('INTERVAL with two parts')
  return operation(at, 'INTERVAL', [amount])
}

function struct(cursor: Cursor, at: Token): Expression {
  cursor.expect('STRUCT')
  if (cursor.is('<')) throw cursor.notServed('A constructor STRUCT<…>', at)
  const field = (): Item => {
    const value = cursor.expression()
    return { value, alias: cursor.takeIf('AS') && cursor.name() }
  }
  const fields = cursor.inParentheses(() => (cursor.is(')') ? [] : cursor.list(field)))
  return { kind: 'struct', at, fields }
}
