/** INSERT, UPDATE, DELETE, MERGE and TRUNCATE. https://cloud.google.com/bigquery/docs/reference/standard-sql/dml-syntax */

import type { Cursor } from './cursor.ts'
import { from, source, tablePath } from './from.ts'
import type { Expression, Source, Statement } from './tree.ts'
import { isName } from '../../tokens/words.ts'

export function insert(cursor: Cursor): Statement {
  cursor.expect('INSERT')
  cursor.takeIf('INTO')
  tablePath(cursor)
  if (cursor.is('(') && !cursor.beginsQuery()) columnNames(cursor)
  if (cursor.takeIf('VALUES')) return { kind: 'insert', query: undefined, rows: cursor.list(() => row(cursor)) }
  if (!cursor.is('SELECT', 'WITH', '(')) throw cursor.unexpected()
  return { kind: 'insert', query: cursor.query(), rows: [] }
}

const columnNames = (cursor: Cursor): void => void cursor.inParentheses(() => cursor.list(() => cursor.name()))

const row = (cursor: Cursor): Expression[] => cursor.inParentheses(() => cursor.list(() => value(cursor)))

function value(cursor: Cursor): Expression {
  return cursor.is('DEFAULT') ? { kind: 'literal', at: cursor.take() } : cursor.expression()
}

export function update(cursor: Cursor): Statement {
  cursor.expect('UPDATE')
  const target = changed(cursor)
  const expressions = assignments(cursor)
  const sources = cursor.takeIf('FROM') ? from(cursor) : []
  return { kind: 'change', target, from: sources, expressions: [...expressions, ...condition(cursor)] }
}

export function remove(cursor: Cursor): Statement {
  cursor.expect('DELETE')
  cursor.takeIf('FROM')
  const target = changed(cursor)
  return { kind: 'change', target, from: [], expressions: condition(cursor) }
}

/** UPDATE and DELETE without one are refused where the statement's kind is found out. */
const condition = (cursor: Cursor): Expression[] => (cursor.takeIf('WHERE') ? [cursor.expression()] : [])

/** A table with its alias. */
function changed(cursor: Cursor): Source {
  const at = cursor.peek()
  const path = tablePath(cursor)
  const isNamed = cursor.takeIf('AS') !== undefined || isName(cursor.peek())
  return {
    at: at!,
    item: { kind: 'table', path },
    alias: isNamed ? cursor.name() : undefined,
    offset: undefined,
    on: undefined,
    using: [],
  }
}

function assignments(cursor: Cursor): Expression[] {
  cursor.expect('SET')
  return cursor.list(() => {
    cursor.name()
    while (cursor.takeIf('.')) cursor.field()
    cursor.expect('=')
    return value(cursor)
  })
}

export function merge(cursor: Cursor): Statement {
  cursor.expect('MERGE')
  cursor.takeIf('INTO')
  const target = changed(cursor)
  cursor.expect('USING')
  const joined = source(cursor)
  cursor.expect('ON')
  const expressions = [cursor.expression()]
  if (!cursor.is('WHEN')) throw cursor.expected('keyword WHEN')
  while (cursor.takeIf('WHEN')) expressions.push(...when(cursor))
  return { kind: 'change', target, from: [joined], expressions }
}

function when(cursor: Cursor): Expression[] {
  const isNot = cursor.takeIf('NOT') !== undefined
  cursor.expect('MATCHED')
  const isBySource = isNot && cursor.is('BY') && cursor.isAt(1, 'SOURCE')
  if (isNot && cursor.takeIf('BY')) {
    if (!cursor.is('SOURCE', 'TARGET')) throw cursor.unexpected()
    cursor.take()
  }
  const conditions = cursor.takeIf('AND') ? [cursor.expression()] : []
  cursor.expect('THEN')
  return [...conditions, ...(isNot && !isBySource ? insertion(cursor) : alteration(cursor))]
}

function insertion(cursor: Cursor): Expression[] {
  cursor.expect('INSERT')
  if (cursor.is('(')) columnNames(cursor)
  if (cursor.is('ROW')) throw cursor.notServed('INSERT ROW')
  cursor.expect('VALUES')
  return row(cursor)
}

function alteration(cursor: Cursor): Expression[] {
  if (cursor.takeIf('DELETE')) return []
  cursor.expect('UPDATE')
  return assignments(cursor)
}

export function truncate(cursor: Cursor): Statement {
  cursor.expect('TRUNCATE')
  cursor.expect('TABLE')
  tablePath(cursor)
  return { kind: 'truncate' }
}
