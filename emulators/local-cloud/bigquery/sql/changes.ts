/** The queries that belong to a statement which changes rows: the inserted rows, and the target rows that are matched twice. */

import { type Constant, constantOf } from './constants.ts'
import { isSymbol, isWord } from '../tokens/words.ts'
import type { Token } from '../tokens/tokens.ts'

/** Values that a statement writes, and the query for them in GoogleSQL's tokens. */
export interface Written {
  /** Undefined for all columns of the table. */
  readonly columns: readonly string[] | undefined
  readonly source: readonly Token[]
  readonly by: 'query' | 'values' | 'assignments'
  /** For each column of `values` and `assignments`. */
  readonly constants?: readonly Constant[]
}

const symbol = (text: string): Token => ({ kind: 'symbol', text })
const word = (text: string): Token => ({ kind: 'word', text })

/** Whether a statement has a WHERE of its own, not one of a subquery. */
export const hasWhere = (tokens: readonly Token[]): boolean => find(tokens, 1, 'WHERE') !== undefined

/** The columns and values that a statement writes; empty if it writes a DEFAULT, which has no type. */
export function writtenBy(tokens: readonly Token[]): Written[] {
  if (tokens.some((token) => isWord(token, 'DEFAULT'))) return []
  if (isWord(tokens[0], 'INSERT')) return [insertedBy(tokens)].filter((one) => one !== undefined)
  if (isWord(tokens[0], 'UPDATE')) return updatedBy(tokens)
  return isWord(tokens[0], 'MERGE') ? mergedBy(tokens) : []
}

function updatedBy(tokens: readonly Token[]): Written[] {
  const set = find(tokens, 1, 'SET')
  const end = set === undefined ? undefined : find(tokens, set, 'FROM', 'WHERE')
  if (set === undefined || end === undefined) return []
  const more = isWord(tokens[end], 'FROM') ? [symbol(','), ...tokens.slice(end + 1)] : tokens.slice(end)
  return assigned(tokens.slice(set + 1, end), [...tokens.slice(1, set), ...more])
}

/** Of each clause of a MERGE, over all pairs of rows. */
function mergedBy(tokens: readonly Token[]): Written[] {
  const parts = partsOf(tokens)
  if (!parts) return []
  const { target, source, on, when } = parts
  const found: Written[] = []
  for (let at: number | undefined = when; at !== undefined;) {
    const next = find(tokens, at + 1, 'WHEN')
    const then = find(tokens, at, 'THEN') ?? at
    const action = tokens.slice(then + 1, next)
    if (isWord(action[0], 'UPDATE'))
      found.push(...assigned(action.slice(2), [...target, word('JOIN'), ...source, ...on]))
    const values = action.findIndex((token) => isWord(token, 'VALUES'))
    if (isWord(action[0], 'INSERT') && values > 0) {
      const columns = action.slice(1, values).flatMap(({ kind, text }) => (kind === 'symbol' ? [] : [text]))
      const row = action.slice(values + 2, -1)
      const query = [word('SELECT'), ...withTypedLiterals(row), word('FROM'), ...source]
      found.push({
        columns: columns.length > 0 ? columns : undefined,
        source: query,
        by: 'values',
        constants: splitAtCommas(row).map((value) => constantOf([value])),
      })
    }
    at = next
  }
  return found
}

/** `a = 1, b = c + 2`. A field of a record is not looked at. */
function assigned(items: readonly Token[], from: readonly Token[]): Written[] {
  const columns: string[] = []
  const values: Token[] = []
  const constants: Constant[] = []
  for (const item of splitAtCommas(items)) {
    const equals = item.findIndex((token) => isSymbol(token, '='))
    // `a` and `t.a` are columns; the engine refuses the longer paths.
    const name = item[equals - 1]
    if (!name || (equals !== 1 && equals !== 3)) continue
    const value = item.slice(equals + 1)
    columns.push(name.text)
    constants.push(constantOf([value]))
    values.push(...(values.length > 0 ? [symbol(',')] : []), symbol('('), ...withTypedLiterals(value), symbol(')'))
  }
  if (columns.length === 0) return []
  return [{ columns, source: [word('SELECT'), ...values, word('FROM'), ...from], by: 'assignments', constants }]
}

function splitAtCommas(tokens: readonly Token[]): Token[][] {
  const parts: Token[][] = [[]]
  let depth = 0
  for (const token of tokens) {
    if (isSymbol(token, '(') || isSymbol(token, '[')) depth += 1
    if (isSymbol(token, ')') || isSymbol(token, ']')) depth -= 1
    if (depth === 0 && isSymbol(token, ',')) parts.push([])
    else parts.at(-1)!.push(token)
  }
  return parts
}

/** Items that are a whole number alone, as casts: for the engine, such a literal has the type that NULL has, too. */
const withTypedLiterals = (items: readonly Token[]): Token[] =>
  splitAtCommas(items).flatMap((item, index) => {
    const [only, more] = item
    const isInteger = only?.kind === 'number' && more === undefined && /^(\d+|0x[\da-f]+)$/i.test(only.text)
    const typed = isInteger ? [word('CAST'), symbol('('), only, word('AS'), word('INT64'), symbol(')')] : item
    return index === 0 ? typed : [symbol(','), ...typed]
  })

/** The rows of a query, or of `VALUES (1, 'a'), (2, 'b')`, which gets typed literals. */
function rowsOf(source: readonly Token[]): Omit<Written, 'columns'> {
  if (!isWord(source[0], 'VALUES')) return { source, by: 'query' }
  const rows = splitAtCommas(source.slice(1)).map((row) => row.slice(1, -1))
  const typed = rows.map((row) => [symbol('('), ...withTypedLiterals(row), symbol(')')])
  const values = rows.map(splitAtCommas)
  return {
    source: [source[0]!, ...typed.flatMap((row, index) => (index === 0 ? row : [symbol(','), ...row]))],
    by: 'values',
    constants: values[0]!.map((_, column) => constantOf(values.map((row) => row[column] ?? []))),
  }
}

function insertedBy(tokens: readonly Token[]): Written | undefined {
  const begin = tokens.findIndex(
    (token, at) => at > 1 && (isSymbol(token, '(') || isWord(token, 'VALUES', 'SELECT', 'WITH')),
  )
  if (begin < 0) return undefined
  if (!isSymbol(tokens[begin], '(') || isWord(tokens[begin + 1], 'SELECT', 'WITH'))
    return { columns: undefined, ...rowsOf(tokens.slice(begin)) }
  const end = tokens.findIndex((token, at) => at > begin && isSymbol(token, ')'))
  const columns = tokens.slice(begin + 1, end).flatMap(({ kind, text }) => (kind === 'symbol' ? [] : [text]))
  return { columns, ...rowsOf(tokens.slice(end + 1)) }
}

/** A query with the conditions of a DELETE or MERGE, by which they are checked. */
export function conditionsOf(tokens: readonly Token[]): Token[] | undefined {
  const select = [word('SELECT'), { kind: 'number', text: '1' } as const, word('FROM')]
  if (isWord(tokens[0], 'DELETE')) return [...select, ...tokens.slice(isWord(tokens[1], 'FROM') ? 2 : 1)]
  const parts = isWord(tokens[0], 'MERGE') ? partsOf(tokens) : undefined
  if (!parts) return undefined
  const { target, source, on, when } = parts
  const conditions: Token[] = []
  for (let at: number | undefined = when; at !== undefined; at = find(tokens, at + 1, 'WHEN')) {
    const then = find(tokens, at, 'THEN')
    const and = find(tokens, at, 'AND')
    if (then === undefined || and === undefined || and > then) continue
    conditions.push(word('AND'), symbol('('), ...tokens.slice(and + 1, then), symbol(')'))
  }
  return [...select, ...target, word('JOIN'), ...source, ...on, word('WHERE'), word('TRUE'), ...conditions]
}

/** A query for a target row that a MERGE, or an UPDATE with FROM, would change by two source rows. Undefined for other statements. */
export function matchedTwice(tokens: readonly Token[]): Token[] | undefined {
  if (isWord(tokens[0], 'MERGE')) return mergedTwice(tokens)
  if (isWord(tokens[0], 'UPDATE')) return updatedTwice(tokens)
  return undefined
}

/** The place of the first of these words from `begin` on that is in no parentheses. */
function find(tokens: readonly Token[], begin: number, ...words: string[]): number | undefined {
  let depth = 0
  for (let at = begin; at < tokens.length; at++) {
    const token = tokens[at]!
    if (isSymbol(token, '(') || isSymbol(token, '[') || isWord(token, 'CASE')) depth += 1
    else if (isSymbol(token, ')') || isSymbol(token, ']') || isWord(token, 'END')) depth -= 1
    // A keyword after a dot is a name.
    else if (depth === 0 && isWord(token, ...words) && !isSymbol(tokens[at - 1], '.')) return at
  }
  return undefined
}

function mergedTwice(tokens: readonly Token[]): Token[] | undefined {
  const parts = partsOf(tokens)
  if (!parts) return undefined
  const { target, source, on, when } = parts
  // The first clause that applies to a pair of rows changes it.
  const conditions: Token[][] = []
  for (let at: number | undefined = when; at !== undefined; at = find(tokens, at + 1, 'WHEN')) {
    if (!isWord(tokens[at + 1], 'MATCHED')) continue
    const then = find(tokens, at, 'THEN')
    if (then === undefined) return undefined
    const condition = tokens.slice(at + 3, then)
    conditions.push(isWord(tokens[at + 2], 'AND') ? condition : [word('TRUE')])
  }
  if (conditions.length === 0) return undefined
  const any = conditions.flatMap((condition, index) => [
    ...(index === 0 ? [] : [word('OR')]),
    symbol('('),
    ...condition,
    symbol(')'),
  ])
  return twice(target, [...target, word('JOIN'), ...source, ...on, word('WHERE'), ...any])
}

/** Of a MERGE: its tables, its condition with ON, and where its clauses begin. */
function partsOf(tokens: readonly Token[]) {
  const using = find(tokens, 1, 'USING')
  const on = using === undefined ? undefined : find(tokens, using, 'ON')
  const when = on === undefined ? undefined : find(tokens, on, 'WHEN')
  if (using === undefined || on === undefined || when === undefined) return undefined
  const target = tokens.slice(isWord(tokens[1], 'INTO') ? 2 : 1, using)
  return { target, source: tokens.slice(using + 1, on), on: tokens.slice(on, when), when }
}

function updatedTwice(tokens: readonly Token[]): Token[] | undefined {
  const set = find(tokens, 1, 'SET')
  const from = set === undefined ? undefined : find(tokens, set, 'FROM')
  const where = from === undefined ? undefined : find(tokens, from, 'WHERE')
  if (set === undefined || from === undefined || where === undefined) return undefined
  const target = tokens.slice(1, set)
  const source = [...target, symbol(','), ...tokens.slice(from + 1, where)]
  return twice(target, [...source, ...tokens.slice(where)])
}

const MESSAGE = 'UPDATE/MERGE must match at most one source row for each target row'

/** Selects the message when a target row comes twice. `rowid` is the engine's number of a row. */
function twice(target: readonly Token[], from: readonly Token[]): Token[] {
  const row = [target.at(-1)!, symbol('.'), word('rowid')]
  // A quoted name may be a whole path, of which the last part is the table.
  const [name, ...rest] = row
  const last = { ...name!, text: name!.text.split('.').at(-1)! }
  return [
    word('SELECT'),
    { kind: 'string', text: MESSAGE },
    word('FROM'),
    ...from,
    word('GROUP'),
    word('BY'),
    last,
    ...rest,
    word('HAVING'),
    word('COUNT'),
    symbol('('),
    symbol('*'),
    symbol(')'),
    symbol('>'),
    { kind: 'number', text: '1' },
    word('LIMIT'),
    { kind: 'number', text: '1' },
  ]
}
