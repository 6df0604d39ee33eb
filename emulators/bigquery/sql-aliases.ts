/**
 * In HAVING and QUALIFY a name is the SELECT list's before it is a column's; DuckDB has it the other way round. Names of
 * the list are put there as what they stand for. https://cloud.google.com/bigquery/docs/reference/standard-sql/query-syntax#using_aliases
 */

import { keywords } from './sql-functions.ts'
import { isWord } from './sql-reader.ts'
import type { Token } from './sql-tokens.ts'

export function withAliases(tokens: readonly Token[]): Token[] {
  const result: Token[] = []
  let aliases = new Map<string, readonly Token[]>()
  /** Of the clause that we are in. */
  let named = false
  for (let at = 0; at < tokens.length; at++) {
    const token = tokens[at]!
    if (isSymbol(token, '(')) {
      const end = closing(tokens, at)
      const inner = tokens.slice(at + 1, end)
      const isQuery = isWord(inner[0], 'SELECT', 'WITH')
      const inside = withAliases(inner)
      result.push(token, ...(named && !isQuery ? replaced(inside, aliases, token) : inside))
      at = end - 1
    } else if (isWord(token, 'SELECT')) {
      aliases = aliasesOf(tokens.slice(at + 1))
      named = false
      result.push(token)
    } else {
      if (isWord(token, 'HAVING', 'QUALIFY')) named = true
      else if (isWord(token, 'WINDOW', 'ORDER', 'LIMIT', 'UNION', 'INTERSECT', 'EXCEPT')) named = false
      result.push(...(named ? replaced([token], aliases, tokens[at - 1], tokens[at + 1]) : [token]))
    }
  }
  return result
}

/** Up to the end of the list: those that are an expression, by name. */
function aliasesOf(tokens: readonly Token[]): Map<string, readonly Token[]> {
  const found = new Map<string, readonly Token[]>()
  let item: Token[] = []
  const ended = (): void => {
    const name = item.at(-1)
    const expression = item.slice(0, isWord(item.at(-2), 'AS') ? -2 : -1)
    const isName = name?.kind === 'quoted' || (name?.kind === 'word' && !keywords.has(name.text.toUpperCase()))
    const last = expression.at(-1)
    // Without AS a name follows what could be an expression's end.
    const endsThere = last !== undefined && (last.kind !== 'symbol' || [')', ']'].includes(last.text))
    if (isName && endsThere && !hasPosition(expression)) found.set(name.text.toLowerCase(), expression)
    item = []
  }
  for (let at = 0; at < tokens.length; at++) {
    const token = tokens[at]!
    if (isWord(token, 'FROM', 'UNION', 'INTERSECT', 'WHERE', 'QUALIFY', 'HAVING') || isSymbol(token, ')')) break
    if (isSymbol(token, '(')) {
      const end = closing(tokens, at)
      item.push(...tokens.slice(at, end + 1))
      at = end
    } else if (isSymbol(token, ',')) ended()
    else if (item.length > 0 || !isWord(token, 'DISTINCT', 'ALL')) item.push(token)
  }
  ended()
  return found
}

function replaced(
  tokens: readonly Token[],
  aliases: ReadonlyMap<string, readonly Token[]>,
  before?: Token,
  after?: Token,
): Token[] {
  return tokens.flatMap((token, at) => {
    const expression =
      token.kind === 'word' || token.kind === 'quoted' ? aliases.get(token.text.toLowerCase()) : undefined
    const previous = tokens[at - 1] ?? before
    const next = tokens[at + 1] ?? after
    if (!expression || isSymbol(previous, '.') || isSymbol(next, '(') || isWord(previous, 'AS')) return [token]
    return [symbol('('), ...expression, symbol(')')]
  })
}

/** The place of the parenthesis that closes this one; the end when none does, which the translator refuses. */
function closing(tokens: readonly Token[], open: number): number {
  let depth = 0
  for (let at = open; at < tokens.length; at++) {
    if (isSymbol(tokens[at], '(')) depth += 1
    else if (isSymbol(tokens[at], ')')) depth -= 1
    if (depth === 0) return at
  }
  return tokens.length
}

const symbol = (text: string): Token => ({ kind: 'symbol', text })
const isSymbol = (token: Token | undefined, text: string): boolean => token?.kind === 'symbol' && token.text === text
/** A `?` is counted where it stands: it can't stand in two places. */
const hasPosition = (tokens: readonly Token[]): boolean =>
  tokens.some(({ kind, text }) => kind === 'parameter' && text === '')
