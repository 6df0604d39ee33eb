/**
 * In HAVING, QUALIFY and ORDER BY, and as an item of GROUP BY, a name is the SELECT list's before it is a column's; in DuckDB the
 * column comes first. Names of the list are replaced there by their expressions.
 * https://cloud.google.com/bigquery/docs/reference/standard-sql/query-syntax#using_aliases
 */

import { keywords } from './functions.ts'
import { closingOf, opens } from '../tokens/closing.ts'
import type { Token } from '../tokens/tokens.ts'
import { isSymbol, isWord } from '../tokens/words.ts'
import { limits, tooComplex } from '../values/limits.ts'

export type Aliases = ReadonlyMap<string, readonly Token[]>

/** The tokens of a statement, and for each parenthesis or bracket that opens the place of its closing one. */
interface Statement {
  readonly tokens: readonly Token[]
  readonly closing: ReadonlyMap<number, number>
}

/** @throws INVALID_ARGUMENT for parentheses nested too deep, and when the expanded names are too long. */
export function withAliases(tokens: readonly Token[]): readonly Token[] {
  const statement = { tokens, closing: closingOf(tokens) }
  if (!tokens.some((token) => isWord(token, 'HAVING', 'QUALIFY', 'GROUP', 'ORDER'))) return tokens
  return rewritten(statement, 0, tokens.length)
}

/** The tokens from `begin` up to `end`, without `end`. */
function rewritten(statement: Statement, begin: number, end: number): Token[] {
  const { tokens, closing } = statement
  const result: Token[] = []
  let aliases: Aliases = new Map()
  /** Which names of the present clause may be those of the list: all, or the items that are a name alone, or all but these. */
  let named: 'all' | 'items' | 'within' | undefined
  let isInSet = false
  const add = (more: readonly Token[]): void => {
    if (result.length + more.length > limits.queryCharacters) throw tooComplex()
    for (const token of more) result.push(token)
  }
  for (let at = begin; at < end; at++) {
    const token = tokens[at]!
    if (isSymbol(token, '(')) {
      const close = Math.min(closing.get(at) ?? end, end)
      const inside = rewritten(statement, at + 1, close)
      const isQuery = isWord(tokens[at + 1], 'SELECT', 'WITH')
      result.push(token)
      if (named === 'items') add(isWord(tokens[at - 1], 'ROLLUP') ? items(inside, aliases) : inside)
      else add(named && !isQuery ? replaced(inside, aliases, token) : inside)
      at = close - 1
    } else if (isWord(token, 'SELECT')) {
      aliases = aliasesOf(statement, at + 1, end)
      named = undefined
      result.push(token)
    } else {
      if (isWord(token, 'HAVING', 'QUALIFY')) named = 'all'
      else if (isWord(token, 'GROUP')) named = 'items'
      // DuckDB finds the list's name itself where it is an item. After a set operation it looks for no other.
      else if (isWord(token, 'ORDER')) named = isInSet ? undefined : 'within'
      else if (isWord(token, 'WINDOW', 'LIMIT', 'UNION', 'INTERSECT', 'EXCEPT')) named = undefined
      if (isWord(token, 'UNION', 'INTERSECT') || (isWord(token, 'EXCEPT') && !isSymbol(tokens[at - 1], '*')))
        isInSet = true
      const isItem = isItemAlone(tokens, at, end)
      if (named === 'items' && isItem) add(grouped(token, aliases))
      else if (named === 'all' || (named === 'within' && !isItem))
        add(replaced([token], aliases, tokens[at - 1], tokens[at + 1]))
      else result.push(token)
    }
  }
  return result
}

const endsGroups = 'HAVING QUALIFY WINDOW ORDER LIMIT UNION INTERSECT EXCEPT ASC DESC NULLS'.split(' ')

/** Whether a token is all of an item of GROUP BY or ORDER BY. */
function isItemAlone(tokens: readonly Token[], at: number, end: number): boolean {
  const [before, after] = [tokens[at - 1], at + 1 < end ? tokens[at + 1] : undefined]
  const isFirst = before === undefined || isWord(before, 'BY') || isSymbol(before, ',') || isSymbol(before, '(')
  return (
    isFirst && (after === undefined || isSymbol(after, ',') || isSymbol(after, ')') || isWord(after, ...endsGroups))
  )
}

/** The items of ROLLUP. */
const items = (tokens: readonly Token[], aliases: Aliases): Token[] =>
  tokens.flatMap((token, at) => (isItemAlone(tokens, at, tokens.length) ? grouped(token, aliases) : [token]))

/** A number in GROUP BY is the position of an item, and a text is refused: a constant is grouped as TRUE. */
function grouped(token: Token, aliases: Aliases): readonly Token[] {
  const isName = token.kind === 'word' || token.kind === 'quoted'
  const expression = isName ? aliases.get(token.text.toLowerCase()) : undefined
  if (!expression) return [token]
  const [only, more] = expression
  const isConstant = more === undefined && only !== undefined && only.kind !== 'word' && only.kind !== 'quoted'
  return isConstant ? [{ kind: 'word', text: 'TRUE' }] : [symbol('('), ...expression, symbol(')')]
}

/** The items of the list that begins here that are an expression, by name. */
export function aliasesOf({ tokens, closing }: Statement, begin: number, end: number): Aliases {
  const found = new Map<string, readonly Token[]>()
  let item: Token[] = []
  const ended = (): void => {
    const name = item.at(-1)
    const expression = item.slice(0, isWord(item.at(-2), 'AS') ? -2 : -1)
    const isName = name?.kind === 'quoted' || (name?.kind === 'word' && !keywords.has(name.text.toUpperCase()))
    const last = expression.at(-1)
    // Without AS, an alias follows a token that can end an expression.
    const endsThere = last !== undefined && (last.kind !== 'symbol' || [')', ']'].includes(last.text))
    if (isName && endsThere) found.set(name.text.toLowerCase(), expression)
    item = []
  }
  for (let at = begin; at < end; at++) {
    const token = tokens[at]!
    const endsList = isWord(token, 'FROM', 'UNION', 'INTERSECT', 'WHERE', 'QUALIFY', 'HAVING', 'SELECT')
    if (endsList || isSymbol(token, ')')) break
    if (opens(token)) {
      const close = Math.min(closing.get(at) ?? end, end - 1)
      for (let inside = at; inside <= close; inside++) item.push(tokens[inside]!)
      at = close
    } else if (isSymbol(token, ',')) ended()
    else if (item.length > 0 || !isWord(token, 'DISTINCT', 'ALL')) item.push(token)
  }
  ended()
  return found
}

function replaced(tokens: readonly Token[], aliases: Aliases, before?: Token, after?: Token): Token[] {
  const result: Token[] = []
  for (const [at, token] of tokens.entries()) {
    const expression =
      token.kind === 'word' || token.kind === 'quoted' ? aliases.get(token.text.toLowerCase()) : undefined
    const previous = tokens[at - 1] ?? before
    const next = tokens[at + 1] ?? after
    if (!expression || isSymbol(previous, '.') || isSymbol(next, '(') || isWord(previous, 'AS')) result.push(token)
    else {
      if (result.length + expression.length > limits.queryCharacters) throw tooComplex()
      result.push(symbol('('))
      for (const one of expression) result.push(one)
      result.push(symbol(')'))
    }
  }
  return result
}

const symbol = (text: string): Token => ({ kind: 'symbol', text })
