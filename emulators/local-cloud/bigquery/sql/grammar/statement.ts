/**
 * Parses a statement of GoogleSQL by the productions that the local cloud serves. Anything else is refused with its place,
 * whatever the engine would make of it.
 */

import type { Token } from '../../tokens/tokens.ts'
import { insert, merge, remove, truncate, update } from './changes.ts'
import { Cursor } from './cursor.ts'
import { expression } from './expressions.ts'
import { query } from './queries.ts'
import type { Statement } from './tree.ts'

const changes: Readonly<Record<string, (cursor: Cursor) => Statement>> = {
  INSERT: insert,
  UPDATE: update,
  DELETE: remove,
  MERGE: merge,
  TRUNCATE: truncate,
}

/** @param text the statement, by which places are counted. @throws INVALID_ARGUMENT in BigQuery's words. */
export function parseStatement(tokens: readonly Token[], text: string): Statement {
  const cursor = new Cursor(tokens, text, { expression, query })
  const first = cursor.peek()
  const change = first?.kind === 'word' ? changes[first.text.toUpperCase()] : undefined
  const statement: Statement = change ? change(cursor) : { kind: 'query', query: cursor.query() }
  if (cursor.peek()) throw cursor.expected('end of input')
  return statement
}
