/** Queries: WITH, set operations, SELECT and its clauses. https://cloud.google.com/bigquery/docs/reference/standard-sql/query-syntax */

import type { Token } from '../../tokens/tokens.ts'
import { count, ordering, windowIn } from './calls.ts'
import type { Cursor } from './cursor.ts'
import { from } from './from.ts'
import type { Body, Clause, Column, Expression, Item, Query, Select } from './tree.ts'
import { isName } from '../../tokens/words.ts'

export function query(cursor: Cursor): Query {
  const at = cursor.peek()
  if (cursor.is('FROM')) throw cursor.notServed('A query that begins with FROM, which is pipe syntax,')
  if (!at) throw cursor.unexpected()
  const isWith = cursor.takeIf('WITH') !== undefined
  const isRecursive = isWith && cursor.takeIf('RECURSIVE') !== undefined
  const subqueries = isWith ? cursor.list(() => subquery(cursor)) : []
  const body = bodyOf(cursor)
  const orderAt = cursor.is('ORDER') ? cursor.peek() : undefined
  const order = orderAt ? ordering(cursor) : []
  if (cursor.takeIf('LIMIT')) {
    count(cursor)
    if (cursor.takeIf('OFFSET')) count(cursor)
  }
  return { at, isRecursive, subqueries, body, order, orderAt }
}

/** `name AS (SELECT …)`. */
function subquery(cursor: Cursor): Query['subqueries'][number] {
  const name = cursor.name()
  cursor.expect('AS')
  return { name, query: cursor.inParentheses(() => cursor.query()) }
}

/** Queries with one set operator between them: different ones need parentheses. */
function bodyOf(cursor: Cursor): Body {
  const first = part(cursor)
  const parts = [first]
  let operator: string | undefined
  for (let at = cursor.peek(); cursor.is('UNION', 'INTERSECT', 'EXCEPT'); at = cursor.peek()) {
    const next = setOperator(cursor)
    if (operator !== undefined && next !== operator)
      throw cursor.refusal(
        'Syntax error: Different set operations cannot be used in the same query without using parentheses for grouping',
        at,
      )
    operator = next
    parts.push(part(cursor))
  }
  if (cursor.is('FULL', 'LEFT', 'OUTER')) throw cursor.notServed('FULL, LEFT or OUTER before a set operator')
  return parts.length === 1 ? first : { kind: 'set', parts }
}

function setOperator(cursor: Cursor): string {
  const word = cursor.take().text.toUpperCase()
  if (!cursor.is('ALL', 'DISTINCT')) throw cursor.expected('keyword ALL or keyword DISTINCT')
  const how = cursor.take()
  if (word !== 'UNION' && how.text.toUpperCase() === 'ALL') throw cursor.refusal(`${word} ALL is not supported`, how)
  if (cursor.is('BY', 'STRICT', 'CORRESPONDING'))
    throw cursor.notServed(`${cursor.peek()!.text.toUpperCase()} after ${word}`)
  return `${word} ${how.text.toUpperCase()}`
}

function part(cursor: Cursor): Body {
  if (cursor.is('(')) return { kind: 'query', query: cursor.inParentheses(() => cursor.query()) }
  return { kind: 'select', select: select(cursor) }
}

function select(cursor: Cursor): Select {
  const at = cursor.is('SELECT') ? cursor.take() : undefined
  if (!at) throw cursor.unexpected()
  if (cursor.is('WITH')) throw cursor.notServed('SELECT WITH')
  const isDistinct = cursor.takeIf('DISTINCT') !== undefined
  if (!isDistinct) cursor.takeIf('ALL')
  if (cursor.is('AS')) throw cursor.notServed('SELECT AS STRUCT or AS VALUE')
  const clauses = new Map<Clause, Token>()
  const clause = <T>(word: Clause, read: () => T): T | undefined => {
    const begin = cursor.takeIf(word)
    if (!begin) return undefined
    clauses.set(word, begin)
    return read()
  }
  return {
    at,
    isDistinct,
    columns: columns(cursor),
    from: clause('FROM', () => from(cursor)) ?? [],
    where: clause('WHERE', () => cursor.expression()),
    groups: clause('GROUP', () => groups(cursor)) ?? [],
    having: clause('HAVING', () => cursor.expression()),
    qualify: clause('QUALIFY', () => cursor.expression()),
    windows: clause('WINDOW', () => cursor.list(() => namedWindow(cursor))) ?? [],
    clauses,
  }
}

/** A comma may follow the last one. */
function columns(cursor: Cursor): Column[] {
  if (cursor.is('FROM')) throw cursor.refusal('Syntax error: SELECT list must not be empty')
  const found = [column(cursor)]
  while (cursor.takeIf(',') && cursor.peek() && !cursor.is('FROM', ')', 'UNION', 'INTERSECT', 'EXCEPT'))
    found.push(column(cursor))
  return found
}

function column(cursor: Cursor): Column {
  if (cursor.is('*')) return star(cursor, undefined)
  const value = cursor.expression()
  if (cursor.is('.') && value.kind === 'operation' && !isWhole.has(value.operator))
    throw cursor.unexpected(cursor.peek(1))
  if (cursor.takeIf('.')) return star(cursor, value)
  if (cursor.takeIf('AS')) return { kind: 'value', value, alias: cursor.name() }
  return { kind: 'value', value, alias: isName(cursor.peek()) ? cursor.take() : undefined }
}

/** Operations that end with a bracket or a keyword: the star of `a + b.*` would be that of `b`. */
const isWhole = new Set(['()', 'ARRAY', 'CASE', 'CAST', 'EXTRACT'])

/** `* EXCEPT (a, b) REPLACE (a + 1 AS a)`. */
function star(cursor: Cursor, of: Expression | undefined): Column {
  const at = cursor.expect('*')
  let excepted: readonly Token[] = []
  if (cursor.is('EXCEPT') && !cursor.isAt(1, 'DISTINCT', 'ALL')) {
    cursor.take()
    excepted = cursor.inParentheses(() => cursor.list(() => cursor.name()))
  }
  const replacement = (): Item => {
    const value = cursor.expression()
    cursor.expect('AS')
    return { value, alias: cursor.name() }
  }
  const replaced = cursor.takeIf('REPLACE') ? cursor.inParentheses(() => cursor.list(replacement)) : []
  return { kind: 'star', at, of, excepted, replaced }
}

function groups(cursor: Cursor): Expression[] {
  cursor.expect('BY')
  if (cursor.takeIf('ALL')) return []
  const isSet = cursor.is('GROUPING') && cursor.isAt(1, 'SETS')
  if (isSet || cursor.is('CUBE')) throw cursor.notServed(`GROUP BY ${isSet ? 'GROUPING SETS' : 'CUBE'}`)
  if (cursor.is('(') && cursor.isAt(1, ')')) throw cursor.notServed('GROUP BY ()')
  if (cursor.takeIf('ROLLUP')) return cursor.inParentheses(() => cursor.list(() => rolledUp(cursor)))
  return cursor.list(() => cursor.expression())
}

/** In the list, GoogleSQL computes such an expression anew from the columns that are grouped. */
function rolledUp(cursor: Cursor): Expression {
  const group = cursor.expression()
  if (group.kind !== 'path' && group.kind !== 'literal') throw cursor.notServed('ROLLUP of an expression', group.at)
  return group
}

function namedWindow(cursor: Cursor): Select['windows'][number] {
  const name = cursor.name()
  const at = cursor.expect('AS')
  if (isName(cursor.peek())) throw cursor.notServed('A window that is another one')
  return { name, over: windowIn(cursor, at) }
}
