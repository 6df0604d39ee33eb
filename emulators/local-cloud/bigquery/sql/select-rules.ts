/** Finds what BigQuery refuses in a SELECT and DuckDB accepts: clauses without FROM, and ORDER BY what DISTINCT has left out. */
// https://cloud.google.com/bigquery/docs/reference/standard-sql/query-syntax

import { closingOf } from './aliases.ts'
import { keywords } from './functions.ts'
import { isWord } from './reader.ts'
import { aggregates, isDatePart } from './selects.ts'
import type { Token } from './tokens.ts'

interface Refusal {
  readonly message: string
  readonly at: Token
}

type Clause = 'FROM' | 'WHERE' | 'GROUP' | 'HAVING' | 'QUALIFY' | 'WINDOW' | 'ORDER' | 'LIMIT'
const clauses = ['FROM', 'WHERE', 'GROUP', 'HAVING', 'QUALIFY', 'WINDOW', 'ORDER', 'LIMIT'] as const

interface Select {
  readonly begin: number
  /** The places of the words that begin its clauses. */
  readonly clauses: Map<Clause, number>
  end: number
  /** Whether it is one of several queries between which UNION, INTERSECT or EXCEPT stands. */
  isInSet: boolean
  /** The places of aggregate functions and of OVER. */
  aggregate: number | undefined
  over: number | undefined
}

/** The first refusal in a statement. Linear in its length. */
export function refusalIn(tokens: readonly Token[]): Refusal | undefined {
  const closing = closingOf(tokens)
  const { selects, mixed } = selectsOf(tokens, closing)
  if (mixed)
    return {
      message:
        'Syntax error: Different set operations cannot be used in the same query without using parentheses for grouping',
      at: mixed,
    }
  for (const select of selects) {
    const refusal = select.clauses.has('FROM')
      ? hiddenByDistinct(tokens, closing, select)
      : clauseWithoutFrom(tokens, select)
    if (refusal) return refusal
  }
  return undefined
}

interface Found {
  readonly selects: Select[]
  /** A set operator that is not that between the queries before it. */
  mixed: Token | undefined
}

function selectsOf(tokens: readonly Token[], closing: ReadonlyMap<number, number>): Found {
  const all: Select[] = []
  let mixed: Token | undefined
  /** For each parenthesis that is open: the SELECT that is in it, that around it, and the set operator between its queries. */
  const open: { own?: Select; around?: Select; operator?: string }[] = [{}]
  const ended = (at: number): void => {
    const { own } = open.at(-1)!
    if (own) own.end = Math.min(own.end, at)
  }
  for (const [at, token] of tokens.entries()) {
    const level = open.at(-1)!
    const isName = isSymbol(tokens[at - 1], '.')
    const around = level.own ?? level.around
    if (isSymbol(token, '(', '[')) open.push(around ? { around } : {})
    else if (isSymbol(token, ')', ']')) {
      ended(at)
      if (open.length > 1) open.pop()
    } else if (isName) continue
    else if (isWord(token, 'SELECT')) {
      ended(at)
      const select: Select = {
        begin: at,
        clauses: new Map(),
        end: tokens.length,
        isInSet: level.operator !== undefined,
        aggregate: undefined,
        over: undefined,
      }
      all.push(select)
      level.own = select
    } else if (isSetOperator(tokens, at)) {
      ended(at)
      const operator = `${token.text} ${tokens[at + 1]?.text}`.toUpperCase()
      if (level.operator !== undefined && level.operator !== operator) mixed ??= token
      level.operator = operator
      if (level.own) level.own.isInSet = true
    } else if (around) {
      const clause = clauses.find((word) => isWord(token, word))
      // `IS DISTINCT FROM` begins no clause.
      if (clause && level.own && !(clause === 'FROM' && isWord(tokens[at - 1], 'DISTINCT')))
        if (!level.own.clauses.has(clause)) level.own.clauses.set(clause, at)
      if (isWord(token, 'OVER')) around.over ??= at
      if (aggregates.has(token.text.toUpperCase()) && isSymbol(tokens[at + 1], '(')) {
        const isAnalytic = isWord(tokens[(closing.get(at + 1) ?? at) + 1], 'OVER')
        if (!isAnalytic) around.aggregate ??= at
      }
    }
  }
  return { selects: all, mixed }
}

const isSetOperator = (tokens: readonly Token[], at: number): boolean =>
  isWord(tokens[at], 'UNION', 'INTERSECT') ||
  (isWord(tokens[at], 'EXCEPT') && isWord(tokens[at + 1], 'DISTINCT', 'ALL'))

const needFrom: readonly Clause[] = ['WHERE', 'GROUP', 'HAVING', 'QUALIFY', 'WINDOW', 'ORDER']

function clauseWithoutFrom(tokens: readonly Token[], select: Select): Refusal | undefined {
  for (const clause of needFrom) {
    const at = select.clauses.get(clause)
    // After a set operation, ORDER BY is that of all its queries.
    if (at === undefined || (clause === 'ORDER' && select.isInSet)) continue
    const [article, by] = [clause === 'ORDER' ? 'an' : 'a', clause === 'ORDER' || clause === 'GROUP' ? ' BY' : '']
    return { message: `Query without FROM clause cannot have ${article} ${clause}${by} clause`, at: tokens[at]! }
  }
  const star = itemsOf(tokens, select).find(([first]) => isSymbol(first, '*'))
  if (star) return { message: 'SELECT * must have a FROM clause', at: star[0]! }
  const at = tokens[select.begin]!
  if (select.aggregate !== undefined) return { message: 'SELECT without FROM clause cannot use aggregation', at }
  if (select.over !== undefined) return { message: 'SELECT without FROM clause cannot use analytic functions', at }
  return undefined
}

/** The items of the list of a SELECT. */
function itemsOf(tokens: readonly Token[], { begin, clauses: words, end }: Select): Token[][] {
  const first = isWord(tokens[begin + 1], 'DISTINCT', 'ALL') ? begin + 2 : begin + 1
  const items: Token[][] = [[]]
  let depth = 0
  const endOfList = Math.min(end, ...words.values())
  for (let at = first; at < endOfList; at++) {
    const token = tokens[at]!
    if (isSymbol(token, '(', '[')) depth += 1
    if (isSymbol(token, ')', ']')) depth -= 1
    if (depth === 0 && isSymbol(token, ',')) items.push([])
    else items.at(-1)!.push(token)
  }
  return items
}

function hiddenByDistinct(
  tokens: readonly Token[],
  closing: ReadonlyMap<number, number>,
  select: Select,
): Refusal | undefined {
  const sorting = select.clauses.get('ORDER')
  if (sorting === undefined || select.isInSet || !isWord(tokens[select.begin + 1], 'DISTINCT')) return undefined
  const names = new Set<string>()
  /** Of `t.*`. */
  const tables = new Set<string>()
  for (const item of itemsOf(tokens, select)) {
    const star = item.findIndex((token, at) => isSymbol(token, '*') && (at === 0 || isSymbol(item[at - 1], '.')))
    if (star === 0) return undefined
    if (star > 0) tables.add(item[star - 2]!.text.toLowerCase())
    else if (isNameToken(item.at(-1))) names.add(item.at(-1)!.text.toLowerCase())
  }
  const end = select.clauses.get('LIMIT') ?? select.end
  for (let at = sorting + 2; at < end; at++) {
    if (isSymbol(tokens[at], '(') && isWord(tokens[at + 1], 'SELECT', 'WITH')) at = closing.get(at) ?? end
    if (!isReference(tokens, at)) continue
    const path = pathAt(tokens, at)
    const [first, last] = [path[0]!.toLowerCase(), path.at(-1)!.toLowerCase()]
    const isLeft =
      names.has(first) ||
      tables.has(first) ||
      (path.length > 1 && names.has(last)) ||
      (path.length === 1 && tables.size > 0)
    if (!isLeft)
      return {
        message: `ORDER BY clause expression references ${path.join('.')} which is not visible after SELECT DISTINCT`,
        at: tokens[at]!,
      }
    at += 2 * (path.length - 1)
  }
  return undefined
}

/** Whether a path of names begins here: no function, type, part of a date or keyword. */
function isReference(tokens: readonly Token[], at: number): boolean {
  const [before, token, after] = [tokens[at - 1], tokens[at]!, tokens[at + 1]]
  if (!isNameToken(token) || isSymbol(before, '.') || isSymbol(after, '(')) return false
  if (isWord(before, 'AS', 'NULLS', 'INTERVAL')) return false
  return !(isDatePart(token) && (isSymbol(after, ')') || before?.kind === 'number' || isWord(after, 'FROM')))
}

function pathAt(tokens: readonly Token[], begin: number): string[] {
  const path = [tokens[begin]!.text]
  for (let at = begin + 1; isSymbol(tokens[at], '.') && tokens[at + 1]; at += 2) path.push(tokens[at + 1]!.text)
  return path
}

const isNameToken = (token: Token | undefined): boolean =>
  token?.kind === 'quoted' || (token?.kind === 'word' && !keywords.has(token.text.toUpperCase()))
const isSymbol = (token: Token | undefined, ...texts: string[]): boolean =>
  token?.kind === 'symbol' && texts.includes(token.text)
