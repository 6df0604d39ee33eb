/** FROM: tables, arrays, subqueries, and joins. https://cloud.google.com/bigquery/docs/reference/standard-sql/query-syntax#from_clause */

import type { Token } from '../../tokens/tokens.ts'
import type { Cursor } from './cursor.ts'
import type { Source } from './tree.ts'
import { isName } from '../../tokens/words.ts'

type Item = Source['item']

/** All items, of joins too, in the order in which they are written. */
export function from(cursor: Cursor): Source[] {
  const sources = [source(cursor)]
  let hasComma = false
  for (;;) {
    // DuckDB joins before it reads the comma.
    if (hasComma && cursor.is('RIGHT', 'FULL'))
      throw cursor.refusal(
        `Syntax error: ${cursor.peek()!.text.toUpperCase()} JOIN must be parenthesized when following a comma join: write CROSS JOIN in place of the comma`,
      )
    const comma = cursor.takeIf(',')
    if (comma) sources.push(source(cursor))
    else if (cursor.is('JOIN', 'INNER', 'CROSS', 'LEFT', 'RIGHT', 'FULL')) sources.push(joined(cursor, sources))
    else return sources
    hasComma ||= comma !== undefined
  }
}

function joined(cursor: Cursor, before: readonly Source[]): Source {
  const kind = cursor.is('JOIN') ? 'INNER' : cursor.take().text.toUpperCase()
  if (kind === 'LEFT' || kind === 'RIGHT' || kind === 'FULL') cursor.takeIf('OUTER')
  if (!cursor.is('JOIN')) throw cursor.expected('keyword JOIN')
  cursor.take()
  const right = source(cursor)
  if (kind === 'CROSS') return right
  if (cursor.takeIf('ON')) return { ...right, on: cursor.expression() }
  if (cursor.takeIf('USING')) return { ...right, using: cursor.inParentheses(() => cursor.list(() => cursor.name())) }
  // The elements of an array are joined to the row that has it.
  if (!isArray(right.item, before) || kind === 'RIGHT' || kind === 'FULL')
    throw cursor.refusal(`Syntax error: ${kind} JOIN must have an immediately following ON or USING clause`)
  return right
}

function isArray(item: Item, before: readonly Source[]): boolean {
  if (item.kind === 'array') return true
  if (item.kind !== 'table' || item.path.length < 2) return false
  return before.some((one) => nameOf(one)?.toLowerCase() === item.path[0]!.text.toLowerCase())
}

/** The name under which its columns are known. */
export function nameOf({ item, alias }: Source): string | undefined {
  if (alias) return alias.text
  return item.kind === 'table' ? item.path.at(-1)!.text.split('.').at(-1) : undefined
}

export function source(cursor: Cursor): Source {
  const at = cursor.peek()
  if (!at) throw cursor.unexpected()
  const item = itemOf(cursor)
  for (const word of ['PIVOT', 'UNPIVOT']) if (cursor.is(word) && cursor.isAt(1, '(')) throw cursor.notServed(word)
  const alias = aliasOf(cursor)
  const isArray = item.kind === 'array' || (item.kind === 'table' && item.path.length > 1)
  const hasOffset = isArray && cursor.is('WITH') && cursor.isAt(1, 'OFFSET')
  if (hasOffset) {
    cursor.take()
    cursor.take()
  }
  const offset = hasOffset ? aliasOf(cursor) : undefined
  if (cursor.is('FOR')) throw cursor.notServed('FOR SYSTEM_TIME AS OF')
  if (cursor.is('TABLESAMPLE')) throw cursor.notServed('TABLESAMPLE')
  for (const word of ['PIVOT', 'UNPIVOT', 'MATCH_RECOGNIZE'])
    if (cursor.is(word) && cursor.isAt(1, '(')) throw cursor.notServed(word)
  return { at, item, alias, offset, on: undefined, using: [] }
}

function aliasOf(cursor: Cursor): Token | undefined {
  const isWritten = cursor.takeIf('AS') !== undefined
  return isWritten || isName(cursor.peek()) ? cursor.name() : undefined
}

function itemOf(cursor: Cursor): Item {
  if (cursor.takeIf('UNNEST')) return { kind: 'array', array: cursor.inParentheses(() => cursor.expression()) }
  if (cursor.is('(')) {
    const isQuery = cursor.beginsQuery()
    if (!isQuery && cursor.isAt(1, 'VALUES') && cursor.isAt(2, '(')) throw cursor.unexpected(cursor.peek(1))
    if (!isQuery && cursor.isAt(1, 'FROM')) throw cursor.unexpected(cursor.peek(1))
    if (!isQuery) throw cursor.notServed('A join in parentheses')
    return { kind: 'query', query: cursor.inParentheses(() => cursor.query()) }
  }
  const path = tablePath(cursor)
  if (cursor.is('('))
    throw cursor.refusal(`Table-valued function not found: ${path.map(({ text }) => text).join('.')}`, path[0])
  return { kind: 'table', path }
}

/** A project's name may contain dashes without backticks: `my-project.d.t`. */
export function tablePath(cursor: Cursor): Token[] {
  const path = [cursor.name()]
  while (cursor.is('-') && isPart(cursor.peek(1))) {
    cursor.take()
    const first = path.pop()!
    path.push({ ...first, text: `${first.text}-${cursor.take().text}` })
  }
  while (cursor.takeIf('.')) path.push(cursor.field())
  const wildcard = path.find(({ text }) => text.endsWith('*'))
  if (wildcard) throw cursor.notServed('A wildcard table', wildcard)
  return path
}

const isPart = (token: Token | undefined): boolean => token?.kind === 'word' || token?.kind === 'number'
