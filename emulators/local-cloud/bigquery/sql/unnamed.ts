/**
 * Columns without a name. BigQuery calls those of a result `f0_`, `f1_` and so on; here each gets a mark as its alias,
 * which is numbered when the result's columns are known, because `*` may bring more of them from a subquery.
 */

import { keywords } from './functions.ts'
import { isWord } from '../tokens/words.ts'
import type { Token } from '../tokens/tokens.ts'
import { columnMark } from './unnamed-marks.ts'

const opening = new Set(['(', '['])
const closing = new Set([')', ']'])
const endsList = 'FROM WHERE GROUP HAVING QUALIFY WINDOW ORDER LIMIT UNION INTERSECT EXCEPT'.split(' ')

/** The statement with an alias for each column of a SELECT list that has no name. */
export function withMarks(tokens: readonly Token[]): readonly Token[] {
  const result: Token[] = []
  /** For each list that we are in: how deep it is, and its last column so far. */
  const lists: { readonly depth: number; readonly isRelation: boolean; item: Token[]; begin: number }[] = []
  let depth = 0
  let marks = 0
  const bare = bareNames(tokens)
  /** For each parenthesis that is open: whether a query in it is one of FROM or WITH. That of an expression needs no names. */
  const relations = [true]
  const endItem = (end: number): void => {
    const list = lists.at(-1)!
    const field = fieldOf(list.item)
    const inside = pathInParentheses(tokens.slice(list.begin, end))
    const path = inside ?? list.item
    const isNamed = inside !== undefined || hasName(list.item)
    if (field === undefined && !isNamed) marks += 1
    const mark = isNamed || list.item.length === 0 ? undefined : columnMark(marks)
    const name = field ?? mark ?? (list.isRelation && isPath(path) ? writtenName(path, bare) : undefined)
    if (name !== undefined) result.push({ kind: 'word', text: 'AS' }, { kind: 'quoted', text: name })
    list.item = []
    list.begin = end + 1
  }
  for (const [at, token] of tokens.entries()) {
    const isSymbol = token.kind === 'symbol'
    const list = lists.at(-1)
    const isHere = list?.depth === depth
    if (isHere && isSymbol && token.text === ',') endItem(at)
    else if (isHere && ((isSymbol && closing.has(token.text)) || endsHere(token, tokens, at))) {
      endItem(at)
      lists.pop()
    } else if (isHere && !(list.item.length === 0 && isWord(token, 'DISTINCT', 'ALL'))) list.item.push(token)
    if (isSymbol && opening.has(token.text)) {
      depth += 1
      relations.push(relations.at(-1)! && token.text === '(' && isBeforeRelation(tokens[at - 1]))
    }
    if (isSymbol && closing.has(token.text)) {
      depth -= 1
      if (relations.length > 1) relations.pop()
      const outer = lists.at(-1)
      if (outer?.depth === depth) outer.item.push(token)
    }
    result.push(token)
    if (isWord(token, 'SELECT') && !isWord(tokens[at + 1], 'AS'))
      lists.push({ depth, isRelation: relations.at(-1)!, item: [], begin: at + 1 })
  }
  if (lists.at(-1)?.depth === depth) endItem(tokens.length)
  return result
}

const isBeforeRelation = (token: Token | undefined): boolean =>
  token === undefined || isWord(token, 'AS', 'FROM', 'JOIN') || (token.kind === 'symbol' && token.text === '(')

const isPath = (item: readonly Token[]): boolean =>
  item.length > 0 &&
  item.every((token, index) => (index % 2 === 0 ? isName(token) : isDot(token))) &&
  isName(item.at(-1))

/** A column has the name by which the query calls it: DuckDB would write it as the table does. */
function writtenName(path: readonly Token[], bare: ReadonlySet<string>): string | undefined {
  const name = path.at(-1)!.text.split('.').at(-1)!
  // An alias that the statement also uses as a name could stand for it.
  return path.length > 1 && bare.has(name.toLowerCase()) ? undefined : name
}

/** The names without a dot before them. */
const bareNames = (tokens: readonly Token[]): ReadonlySet<string> =>
  new Set(tokens.filter((token, at) => isName(token) && !isDot(tokens[at - 1])).map(({ text }) => text.toLowerCase()))

/** `EXCEPT` after a star belongs to it, as does the FROM of `IS DISTINCT FROM`. */
function endsHere(token: Token, tokens: readonly Token[], at: number): boolean {
  if (!isWord(token, ...endsList)) return false
  const before = tokens[at - 1]
  if (isWord(token, 'EXCEPT') && before?.kind === 'symbol' && before.text === '*') return false
  return !isDot(before) && !(isWord(token, 'FROM') && isWord(before, 'DISTINCT'))
}

const isName = (token: Token | undefined): boolean =>
  token?.kind === 'quoted' || (token?.kind === 'word' && !keywords.has(token.text.toUpperCase()))
const isDot = (token: Token | undefined): boolean => token?.kind === 'symbol' && token.text === '.'

/** Of one column's tokens, without what stands in parentheses or brackets. */
function hasName(item: readonly Token[]): boolean {
  const last = item.at(-1)
  const before = item.at(-2)
  if (item.some((token) => token.kind === 'symbol' && token.text === '*' && isStar(token, item))) return true
  if (isWord(before, 'AS') || isDot(before)) return true
  if (!isName(last)) return false
  // These are calls without parentheses.
  if (before === undefined)
    return !isWord(last, 'CURRENT_DATE', 'CURRENT_TIMESTAMP', 'CURRENT_TIME', 'CURRENT_DATETIME')
  if (isWord(item.at(-3), 'INTERVAL')) return false
  // A name after the end of an expression is its alias.
  if (before.kind === 'symbol') return closing.has(before.text)
  return before.kind !== 'word' || isName(before) || isWord(before, 'END', 'NULL', 'TRUE', 'FALSE')
}

/** The field's name of `a[0].b` and `(SELECT r).b`, for which the engine has another one. */
function fieldOf(item: readonly Token[]): string | undefined {
  const last = item.at(-1)
  const isPath = item.every((token, index) => (index % 2 === 0 ? isName(token) : isDot(token)))
  return !isPath && isDot(item.at(-2)) && (last?.kind === 'word' || last?.kind === 'quoted') ? last.text : undefined
}

/** Of `(id)` and `((t.id))`: the last name is the column's. */
function pathInParentheses(column: readonly Token[]): readonly Token[] | undefined {
  const [first, last] = [column[0], column.at(-1)]
  if (first?.kind !== 'symbol' || first.text !== '(' || last?.kind !== 'symbol' || last.text !== ')') return undefined
  const inside = column.slice(1, -1)
  return isPath(inside) ? inside : pathInParentheses(inside)
}

/** A star at the beginning or after a dot; any other multiplies. */
function isStar(star: Token, item: readonly Token[]): boolean {
  const at = item.indexOf(star)
  return at === 0 || isDot(item[at - 1])
}
