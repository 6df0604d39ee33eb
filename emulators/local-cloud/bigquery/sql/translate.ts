/** GoogleSQL to DuckDB's SQL: clauses here, expressions in `expression.ts`. Syntax without a known equivalent is refused. */

import { invalidArgument, StatusError } from '../../core/status.ts'
import { withAliases } from './aliases.ts'
import { conditionsOf, hasWhere, matchedTwice, type Written, writtenBy } from './changes.ts'
import { type Ddl, ddlOf } from './ddl.ts'
import { repeatedParts } from './expansion.ts'
import { arithmetic } from './expression.ts'
import { changedTable, fromItem } from './from.ts'
import { countOf, keywords } from './functions.ts'
import { withIterations } from './iterations.ts'
import { type DistinctColumns, namesIn, type NeededColumn } from './grammar/names.ts'
import { checkSelects } from './grammar/select-rules.ts'
import { parseStatement } from './grammar/statement.ts'
import { checkLength, limits, shown, tooComplex } from '../values/limits.ts'
import { isWord } from '../tokens/words.ts'
import { aliasText, type EndTest, quote, Reader } from './reader.ts'
import type { Read } from './reads.ts'
import { listedNamesIn } from './selects.ts'
import { place, type Token, tokenize } from '../tokens/tokens.ts'
import { withMarks } from './unnamed.ts'

export interface Translation {
  readonly sql: string
  /** Tables and views that it names: `dataset.table`. */
  readonly tables: readonly string[]
  /** Of these, those whose rows it reads, once for each place where it does. */
  readonly reads: readonly Read[]
  /** The first word, upper case. */
  readonly verb: string
  /** Of an UPDATE or DELETE. */
  readonly hasWhere?: boolean
  /** The columns that a statement writes, all if undefined, and the query for their values. */
  readonly written?: readonly (Omit<Written, 'source'> & { readonly sql: string })[]
  /** Of a MERGE or UPDATE: the query for a message, when two source rows change one row. */
  readonly matchedTwice?: string
  /** Of a DELETE or MERGE: a query with its conditions. */
  readonly conditions?: string
  /** Names in WHERE that may be names of the list alone: each is one if the engine can describe this statement. */
  readonly listedNames?: readonly { readonly name: string; readonly message: string; readonly sql: string }[]
  /** Names that are found if a table has such a column, which the translator does not know. */
  readonly needed?: readonly NeededColumn[]
  /** Columns of several tables, of which no two may have one name. */
  readonly distinct?: readonly DistinctColumns[]
  /** Of a statement that makes or drops; `sql` and `tables` are those of its query. */
  readonly ddl?: Ddl
}

/** @throws INVALID_ARGUMENT in BigQuery's words. */
export function translate(googleSql: string, projectId: string, defaultDataset?: string): Translation {
  checkLength(googleSql)
  const tokens = tokenize(googleSql)
  while (tokens.at(-1)?.text === ';' && tokens.at(-1)?.kind === 'symbol') tokens.pop()
  if (tokens.length === 0) throw invalidArgument('Syntax error: Unexpected end of statement')
  if (tokens.some(({ kind, text }) => kind === 'symbol' && text === ';'))
    throw invalidArgument('Scripts of several statements are not run by the local cloud: send them one by one.')
  const counted = withIterations(numbered(tokens))
  const names = { projectId, defaultDataset, subqueries: subqueryNames(counted) }
  const statement = withAliases(counted)
  const translated = (part: readonly Token[]): Pick<Translation, 'sql' | 'tables' | 'reads'> => {
    const reader = new Reader(withMarks(part), names)
    const sql = placed(reader, googleSql, () => clauses(reader, () => false))
    if (repeatedParts(sql) > limits.repeatedParts) throw tooComplex()
    return { sql, tables: reader.tables, reads: reader.reads.all }
  }
  const head = new Reader(statement, names)
  let ddl: Ddl | undefined
  placed(head, googleSql, () => {
    ddl = ddlOf(head, googleSql)
    return ''
  })
  if (ddl) {
    const query =
      'query' in ddl && ddl.query !== undefined ? translate(ddl.query, projectId, defaultDataset) : undefined
    const { sql = '', tables = [], reads = [], listedNames = [], needed = [], distinct = [] } = query ?? {}
    return { sql, tables, reads, listedNames, needed, distinct, verb: tokens[0]!.text.toUpperCase(), ddl }
  }
  const tree = parseStatement(tokens, googleSql)
  checkSelects(tree, googleSql)
  const { needed, distinct } = namesIn(tree, googleSql, defaultDataset)
  const written = writtenBy(statement)
  const twice = matchedTwice(statement)
  const conditions = conditionsOf(statement)
  return {
    ...translated(statement),
    verb: (tokens.find(({ text }) => text !== '(') ?? tokens[0]!).text.toUpperCase(),
    hasWhere: hasWhere(statement),
    needed,
    distinct,
    listedNames: listedNamesIn(statement).map(({ name, tokens: part }) => ({
      name: name.text,
      message: `Unrecognized name: ${shown(name.text)}${placeOf(name, googleSql)}`,
      sql: translated(part).sql,
    })),
    written: written.map(({ source, ...one }) => ({ ...one, sql: translated(source).sql })),
    ...(twice ? { matchedTwice: translated(twice).sql } : {}),
    ...(conditions ? { conditions: translated(conditions).sql } : {}),
  }
}

const placeOf = ({ at }: Token, googleSql: string): string => (at === undefined ? '' : ` at ${place(googleSql, at)}`)

/** Adds the place to a refusal that has none: of the token that was read last, or of the token that was not expected. */
function placed(reader: Reader, googleSql: string, read: () => string): string {
  try {
    return read()
  } catch (error) {
    const isPlaced =
      error instanceof StatusError && /^(Syntax error|Function not found|Type not found|Table)/.test(error.message)
    if (!isPlaced || / at \[\d/.test(error.message)) throw error
    const isExpected = error.message.startsWith('Syntax error: Expected')
    const { at } = reader.peek(isExpected ? 0 : -1) ?? { at: isExpected ? googleSql.length : undefined }
    throw at === undefined ? error : invalidArgument(`${error.message} at ${place(googleSql, at)}`)
  }
}

/** The tokens with the number of each `?` as its name, so that a part of the statement has the same parameters. */
function numbered(tokens: readonly Token[]): readonly Token[] {
  let count = 0
  return tokens.map((token) => {
    if (token.kind !== 'parameter' || token.text !== '') return token
    count += 1
    return { ...token, text: String(count) }
  })
}

/** The names that WITH gives to subqueries, in lower case: `name AS (SELECT`. */
function subqueryNames(tokens: readonly Token[]): ReadonlySet<string> {
  const names = tokens.flatMap(({ kind, text }, at) => {
    const isNamed =
      (kind === 'word' || kind === 'quoted') && isWord(tokens[at + 1], 'AS') && tokens[at + 2]?.text === '('
    return isNamed ? [text.toLowerCase()] : []
  })
  return new Set(names)
}

/** Everything up to a token that ends it, which is left. */
export const clauses = (reader: Reader, ends: EndTest): string => reader.within(() => clausesOf(reader, ends))

function clausesOf(reader: Reader, ends: EndTest): string {
  const parts: string[] = []
  const names = { aliases: new Set<string>(), elements: new Set<string>() }
  /** The parts that are `*`, of the SELECT that is being read. */
  let stars: number[] = []
  // The last keyword at this level: it decides the meaning of a comma or a lone number.
  let clause = ''
  for (let token = reader.peek(); token && !ends(token); token = reader.peek()) {
    const word = token.kind === 'word' ? token.text.toUpperCase() : ''
    if (token.kind === 'symbol' && token.text === ',') {
      reader.take()
      parts.push(clause === 'FROM' ? `, ${fromItem(reader, names, clauses)}` : ',')
    } else if (word === 'FROM' || word === 'JOIN') {
      reader.take()
      reader.reads.keyword(word)
      if (word === 'FROM') {
        clause = word
        names.aliases.clear()
      }
      const isOuter = ['LEFT', 'RIGHT', 'FULL', 'OUTER'].includes(parts.at(-1) ?? '')
      const source = fromItem(reader, names, clauses, word === 'JOIN' && isOuter)
      const hasCondition = word === 'FROM' || parts.at(-1) === 'CROSS' || isWord(reader.peek(), 'ON', 'USING')
      parts.push(word, hasCondition ? source : `${source} ON TRUE`)
    } else if (isStatement(word, reader)) {
      reader.take()
      reader.reads.keyword(word)
      parts.push(statement(word, reader))
      clause = word
    } else if (token.kind === 'symbol' && token.text === '*') {
      reader.take()
      stars.push(parts.push(`*${starChanges(reader)}`) - 1)
    } else if (isKeyword(word, clause, reader)) {
      if (word === 'SELECT') {
        checkElements(parts, stars, names.elements)
        stars = []
      }
      parts.push(keyword(word, reader))
      if (!within.has(word)) clause = word
    } else if (isComparison.has(token.text) && token.kind === 'symbol') {
      reader.take()
      parts.push(token.text === '<>' ? '!=' : token.text)
    } else if (isOrdinal(clause, reader)) parts.push(ordinal(reader.take().text))
    else if (token.kind === 'parameter' && isCount(clause, reader)) parts.push(countOf(`$${reader.take().text}`))
    else {
      const part = arithmetic(reader, clauses)
      parts.push(part.endsWith('.*') ? `${part}${starChanges(reader)}` : part)
    }
  }
  checkElements(parts, stars, names.elements)
  return parts.join(' ')
}

/** Lets `*` refuse STRUCTs that are one column here, as it does those without an alias. */
function checkElements(parts: string[], stars: readonly number[], elements: Set<string>): void {
  for (const at of stars) {
    const [star, excluded = ''] = /^\*(?: EXCLUDE \(([^)]*)\))?$/.exec(parts[at]!) ?? []
    const left = [...elements].filter((name) => !excluded.toLowerCase().split(', ').includes(name.toLowerCase()))
    if (star !== undefined && left.length > 0)
      parts[at] = `${star} REPLACE (${left.map((name) => `bq_element(${name}) AS ${name}`).join(', ')})`
  }
  elements.clear()
}

const isComparison = new Set(['=', '!=', '<>', '<', '>', '<=', '>='])
/** Keywords inside a clause: they end no list of tables. */
const within = new Set(
  'ALL AND AS ASC BETWEEN CROSS DESC DISTINCT FALSE FULL IN INNER IS LEFT LIKE NOT NULL NULLS OUTER ON OR RIGHT TRUE USING'.split(
    ' ',
  ),
)

/** True at the beginning of a statement, and for the action of a MERGE; elsewhere such a word is a name. */
function isStatement(word: string, reader: Reader): boolean {
  if (!['INSERT', 'DELETE', 'MERGE', 'UPDATE', 'TRUNCATE'].includes(word)) return false
  return reader.peek(-1) === undefined || isWord(reader.peek(-1), 'THEN')
}

/** The word that begins a statement with the table that it changes; inside MERGE it stands alone. */
function statement(word: string, reader: Reader): string {
  if (word === 'UPDATE' && reader.is('SET')) return word
  if (word === 'INSERT' && (reader.is('(') || reader.is('ROW') || reader.is('VALUES'))) return word
  if (word === 'DELETE' && (!reader.peek() || reader.is('WHEN'))) return word
  const preposition = { INSERT: 'INTO', DELETE: 'FROM', MERGE: 'INTO', TRUNCATE: 'TABLE', UPDATE: '' }[word]!
  if (word === 'TRUNCATE') reader.expect('TABLE')
  else if (preposition) reader.takeIf(preposition)
  return `${word} ${preposition} ${changedTable(reader, word !== 'INSERT' && word !== 'TRUNCATE')}`
}

const values = new Set('ARRAY CASE EXISTS FALSE IF INTERVAL NULL STRUCT TRUE'.split(' '))

/** Not reserved: a keyword after these words only, else a name. */
const keywordsAfter: Readonly<Record<string, readonly string[]>> = {
  FIRST: ['NULLS'],
  LAST: ['NULLS'],
  MATCHED: ['WHEN', 'NOT'],
  SOURCE: ['BY'],
  TARGET: ['BY'],
  ROW: ['CURRENT', 'INSERT'],
}
/** Not reserved: a keyword before these words only. */
const keywordsBefore: Readonly<Record<string, readonly string[]>> = {
  IGNORE: ['NULLS'],
  RESPECT: ['NULLS'],
  CURRENT: ['ROW'],
  SETS: ['('],
  VALUES: ['('],
  PIVOT: ['('],
  UNPIVOT: ['('],
}

function isKeyword(word: string, clause: string, reader: Reader): boolean {
  const next = reader.peek(1)?.text.toUpperCase() ?? ''
  const before = reader.peek(-1)?.text.toUpperCase() ?? ''
  if (word === 'PRECEDING' || word === 'FOLLOWING')
    return ['number', 'parameter'].includes(reader.peek(-1)?.kind ?? '') || before === 'UNBOUNDED'
  if (word === 'OFFSET') return clause === 'LIMIT'
  if (keywordsAfter[word]) return keywordsAfter[word].includes(before)
  if (keywordsBefore[word]) return keywordsBefore[word].includes(next)
  if ((word === 'LEFT' || word === 'RIGHT') && next === '(') return false
  return keywords.has(word) && !values.has(word)
}

/** A keyword with its clause. @throws INVALID_ARGUMENT for a keyword without a proven counterpart. */
function keyword(word: string, reader: Reader): string {
  reader.take()
  reader.reads.keyword(word)
  switch (word) {
    case 'AND':
    case 'OR':
      reader.condition()
      return word
    case 'UNION':
      return reader.take().text.toUpperCase() === 'ALL' ? 'UNION ALL' : 'UNION'
    case 'EXCEPT':
    case 'INTERSECT':
      reader.take()
      return word
    case 'IN':
      if (!reader.is('UNNEST')) return word
      reader.take()
      return `IN (SELECT unnest(${reader.subquery(() => parenthesised(reader))}))`
    case 'LIKE':
      return `LIKE ${pattern(arithmetic(reader, clauses))} ESCAPE '\\'`
    case 'DISTINCT':
      return isWord(reader.peek(), 'FROM') && reader.take() ? 'DISTINCT FROM' : word
    case 'USING':
      // Of a MERGE; a join's is followed by column names.
      return reader.is('(') && !isWord(reader.peek(1), 'SELECT', 'WITH')
        ? word
        : `${word} ${fromItem(reader, { aliases: new Set(), elements: new Set() }, clauses)}`
    case 'AS': {
      if (reader.is('(')) return word
      const token = reader.take()
      return `AS ${quote(aliasText(token))}`
    }
    default:
      return word
  }
}

/** The grammar has read a literal. */
const pattern = (written: string): string => (written.startsWith("'") ? written : `bq_pattern(${written})`)

function parenthesised(reader: Reader): string {
  reader.expect('(')
  const inner = clauses(reader, ({ kind, text }) => kind === 'symbol' && text === ')')
  reader.expect(')')
  return inner
}

/** `* EXCEPT (a, b) REPLACE (a + 1 AS a)`. */
export function starChanges(reader: Reader): string {
  let changes = ''
  if (reader.is('EXCEPT') && reader.is('(', 1)) {
    reader.take()
    changes += ` EXCLUDE (${parenthesised(reader)})`
  }
  if (reader.is('REPLACE') && reader.is('(', 1)) {
    reader.take()
    changes += ` REPLACE (${parenthesised(reader)})`
  }
  return changes
}

/** `LIMIT 10`, `3 PRECEDING`, also of a parameter. */
const isCount = (clause: string, reader: Reader): boolean =>
  clause === 'LIMIT' || clause === 'OFFSET' || isWord(reader.peek(1), 'PRECEDING', 'FOLLOWING')

/** Without zeros in front; a whole number keeps all its digits. */
const ordinal = (written: string): string => (/^\d+$/.test(written) ? String(BigInt(written)) : String(Number(written)))

/** `ORDER BY 2`, `LIMIT 10`, `3 PRECEDING`: a number that is not a value. */
function isOrdinal(clause: string, reader: Reader): boolean {
  if (reader.peek()?.kind !== 'number') return false
  if (isCount(clause, reader)) return true
  const next = reader.peek(1)
  if (clause !== 'BY') return false
  return !next || (next.kind === 'word' && keywords.has(next.text.toUpperCase())) || [',', ')'].includes(next.text)
}
