/** Finds what BigQuery refuses in a SELECT and DuckDB accepts: an alias that its list or WHERE uses. */
// https://cloud.google.com/bigquery/docs/reference/standard-sql/query-syntax#visibility

import { closingOf } from '../tokens/closing.ts'
import { type Aliases, aliasesOf } from './aliases.ts'
import { keywords } from './functions.ts'
import { limits } from '../values/limits.ts'
import { isSymbol, isWord } from '../tokens/words.ts'
import type { Token } from '../tokens/tokens.ts'

/** An alias that the list or WHERE uses. It is refused if no table has such a column, which only the engine knows. */
export interface ListedName {
  readonly name: Token
  /** The same statement, in which the FROM has this column as well: then the name is ambiguous if a table has it. */
  readonly tokens: readonly Token[]
}

interface Select {
  /** Among the SELECTs of the statement, from 0. */
  readonly number: number
  readonly aliases: Aliases
  part: 'list' | 'from' | 'where' | 'after'
  hasFrom: boolean
  /** The end of its FROM, where WHERE or what follows begins. */
  fromEnd: number | undefined
}

const endsFrom = 'WHERE GROUP HAVING QUALIFY WINDOW ORDER LIMIT UNION INTERSECT EXCEPT'.split(' ')

export function listedNamesIn(tokens: readonly Token[]): ListedName[] {
  const found = new Map<string, { readonly name: Token; readonly select: Select }>()
  const all = walk(tokens, (at, select) => {
    const token = tokens[at]!
    const isUse = select.part === 'where' || (select.part === 'list' && !isGiven(tokens, at) && !isDatePart(token))
    const expression = isUse && isFreeName(tokens, at) ? select.aliases.get(token.text.toLowerCase()) : undefined
    if (!expression || isColumn(expression, token)) return
    if (found.size < limits.listedNames)
      found.set(`${select.number} ${token.text.toLowerCase()}`, { name: token, select })
  })
  const end = isSymbol(tokens.at(-1), ';') ? tokens.length - 1 : tokens.length
  for (const select of all) select.fromEnd ??= end
  return [...found.values()].map(({ name, select: { hasFrom, fromEnd } }) => {
    const column: Token = { kind: 'quoted', text: name.text }
    const table = [symbol('('), word('SELECT'), word('NULL'), word('AS'), column, symbol(')'), word('AS')]
    const added: Token[] = [hasFrom ? symbol(',') : word('FROM'), ...table, { kind: 'quoted', text: '?' }]
    return { name, tokens: [...tokens.slice(0, fromEnd), ...added, ...tokens.slice(fromEnd)] }
  })
}

/** A name that an item of the list gives to its expression, with AS or without, or that of a window. */
function isGiven(tokens: readonly Token[], at: number): boolean {
  const [before, after] = [tokens[at - 1], tokens[at + 1]]
  if (before === undefined || isWord(before, 'AS', 'OVER')) return true
  const endsItem = after === undefined || isSymbol(after, ',', ')', ';') || isWord(after, 'FROM', ...endsFrom)
  const isWordAlone = before.kind === 'word' && keywords.has(before.text.toUpperCase())
  const endsExpression = isWordAlone
    ? isWord(before, 'END', 'NULL', 'TRUE', 'FALSE')
    : before.kind !== 'symbol' || isSymbol(before, ')', ']')
  return endsItem && endsExpression
}

/** `DATE_TRUNC(day, MONTH)`: a part of a date may be the name of a column too. */
const isDatePart = ({ text }: Token): boolean =>
  /^(microsecond|millisecond|second|minute|hour|day|dayofweek|dayofyear|week|isoweek|month|quarter|year|isoyear|date|time)$/i.test(
    text,
  )

/** Calls `visit` for each word and quoted name in a SELECT, with the innermost one. @returns all of them */
function walk(tokens: readonly Token[], visit: (at: number, select: Select) => void): Select[] {
  const statement = { tokens, closing: closingOf(tokens) }
  const all: Select[] = []
  /** For each parenthesis that is open: the SELECT in it, else the one around it. */
  const open: (Select | undefined)[] = [undefined]
  for (const [at, token] of tokens.entries()) {
    const now = open.at(-1)
    // The names in `* EXCEPT (…)` are columns.
    if (isSymbol(token, '(', '[')) open.push(isWord(tokens[at - 1], 'EXCEPT') ? undefined : now)
    else if (isSymbol(token, ')', ']')) {
      const inside = open.pop()
      if (inside && inside !== open.at(-1)) inside.fromEnd ??= at
    } else if (isWord(token, 'SELECT') && !isSymbol(tokens[at - 1], '.')) {
      const aliases = aliasesOf(statement, at + 1, tokens.length)
      const select: Select = {
        number: all.length,
        aliases,
        part: 'list',
        hasFrom: false,
        fromEnd: undefined,
      }
      all.push(select)
      open[Math.max(open.length - 1, 0)] = select
    } else if (now && (token.kind === 'word' || token.kind === 'quoted')) {
      // In parentheses, ORDER BY belongs to a window, and FROM to a function.
      const isOwn = open.at(-2) !== now
      if (isOwn && isWord(token, 'FROM')) Object.assign(now, { part: 'from', hasFrom: true })
      else if (isOwn && isWord(token, ...endsFrom)) {
        now.fromEnd ??= at
        now.part = isWord(token, 'WHERE') ? 'where' : 'after'
      }
      visit(at, now)
    }
  }
  return all
}

/** A name that is no keyword, function, type or part of a path. */
function isFreeName(tokens: readonly Token[], at: number): boolean {
  const { kind, text } = tokens[at]!
  const [before, after] = [tokens[at - 1], tokens[at + 1]]
  if (kind === 'word' && keywords.has(text.toUpperCase())) return false
  return !isSymbol(before, '.') && !isWord(before, 'AS') && !isSymbol(after, '(', '.')
}

/** `id AS id`, `t.id AS id`. */
const isColumn = (expression: readonly Token[], name: Token): boolean =>
  expression.at(-1)?.text.toLowerCase() === name.text.toLowerCase() &&
  (expression.length === 1 || isSymbol(expression.at(-2), '.'))

const symbol = (text: string): Token => ({ kind: 'symbol', text })
const word = (text: string): Token => ({ kind: 'word', text })
