/** Translates function calls by the lists in functions.ts. A function that is not listed is refused. */

import { invalidArgument } from '../../core/status.ts'
import { extract } from './dates.ts'
import {
  countOf,
  macroCasts,
  mayOverflow,
  PLAIN_NUMERIC,
  renamed,
  rewritten,
  sameInBoth,
  takesPath,
  types,
} from './functions.ts'
import { noBigNumeric } from '../values/scalars.ts'
import { isWord } from '../tokens/words.ts'
import { aliasText, closes, type EndTest, quote, type Reader, type Clauses } from './reader.ts'

export const endsArgument: EndTest = (token) => token.kind === 'symbol' && (token.text === ')' || token.text === ',')

/** Translates a call. The reader's next token is the opening parenthesis. */
export function call(written: string, reader: Reader, clauses: Clauses): string {
  const name = written.toUpperCase()
  const result = `${called(name, written, reader, clauses)}${window(reader, clauses)}`
  return mayOverflow.has(name) ? reader.finite(`bq_finite(${result})`, result) : result
}

function called(name: string, written: string, reader: Reader, clauses: Clauses): string {
  switch (name) {
    case 'CAST':
    case 'SAFE_CAST':
      return cast(name, reader, clauses)
    case 'STRUCT':
      return struct(reader, clauses)
    case 'EXTRACT':
      return extract(reader, clauses)
    case 'ARRAY_AGG':
    case 'STRING_AGG':
      return collected(name, reader, clauses)
    default: {
      const rewrite = rewritten[name]
      const known = renamed[name] ?? (sameInBoth.has(name) ? name : undefined)
      if (!rewrite && !known) throw invalidArgument(`Function not found in the local BigQuery: ${written}`)
      const from = reader.place
      const args = callArguments(reader, clauses)
      if (name === 'ERROR') checkCalculated(reader, from - 1)
      if (!keepsErrors.has(name) && args.some((one) => beginsWithError.test(one))) throw untypedError(name)
      if (takesPath.has(name)) checkPath(args, name)
      if (rewrite) return rewrite(args, name)
      return `${known}(${args.join(', ')})`
    }
  }
}

/** Functions whose arguments have one type, so that ERROR has it too. */
const keepsErrors = new Set(['IF', 'IFNULL', 'COALESCE'])
/** In parentheses, too. */
const beginsWithError = /^\(*bq_error\(/
const operators = /^(?:[-+*/|&^~[]|\|\||<<|>>|LIKE)$/i

/** @param at the place of the word ERROR. @throws INVALID_ARGUMENT where it is an operand: DuckDB computes NULL from a value without a type. */
function checkCalculated(reader: Reader, at: number): void {
  let [before, after] = [at - 1, reader.place]
  while (reader.at(before)?.text === '(' && reader.at(after)?.text === ')') [before, after] = [before - 1, after + 1]
  for (const token of [reader.at(before), reader.at(after)])
    if (token && operators.test(token.text)) throw untypedError(token.text.toUpperCase())
}

const untypedError = (where: string): Error =>
  invalidArgument(
    `ERROR as an operand of ${where} is not translated by the local cloud: CAST it to the operand's type, as in CAST(ERROR('…') AS STRING).`,
  )

function window(reader: Reader, clauses: Clauses): string {
  if (!reader.takeIf('OVER')) return ''
  if (!reader.takeIf('(')) return ` OVER ${quote(reader.take().text)}`
  const inner = isNamedWindow(reader) ? quote(reader.take().text) : clauses(reader, closes)
  reader.expect(')')
  return ` OVER (${inner})`
}

const isNamedWindow = (reader: Reader): boolean => reader.peek()?.kind === 'word' && reader.is(')', 1)

export function callArguments(reader: Reader, clauses: Clauses): string[] {
  reader.expect('(')
  const args: string[] = []
  while (!reader.is(')')) {
    args.push(clauses(reader, endsArgument))
    if (reader.is(')')) break
    reader.expect(',')
  }
  reader.expect(')')
  return args
}

/** Accepts a JSONPath literal in the forms that mean the same in GoogleSQL and DuckDB. */
function checkPath(args: string[], name: string): void {
  const path = args[1]
  // Without a path the function reads the whole document.
  if (path === undefined) args.push("'$'")
  else if (!path.startsWith('$') && !/^'\$(?:\.(?:[A-Za-z_]\w*|"[^"']+")|\[\d+\])*'$/.test(path))
    throw invalidArgument(`Invalid JSONPath ${path}: the local cloud takes $, .name, ."name" and [0] in ${name}.`)
}

function cast(name: string, reader: Reader, clauses: Clauses): string {
  reader.expect('(')
  let value = clauses(reader, (token) => isWord(token, 'AS'))
  reader.expect('AS')
  const type = reader.take().text.toUpperCase()
  if (type === 'BIGNUMERIC' || type === 'BIGDECIMAL') throw noBigNumeric()
  const known = types[type]
  if (!known) throw invalidArgument(`Type not found: ${type}`)
  reader.expect(')')
  const safe = name === 'SAFE_CAST'
  // A literal is read from its text, and not from the FLOAT64 that it would be.
  const literal = type === 'NUMERIC' ? /^\(?(-?[\d.]+(?:[eE][+-]?\d+)?)\)?$/.exec(value)?.[1] : undefined
  if (literal !== undefined) value = `'${literal.replace(/e0$/, '')}'`
  const plain = /^'(.*)'$/.exec(value)?.[1]
  if (type === 'NUMERIC' && plain !== undefined && PLAIN_NUMERIC.test(plain)) return `CAST(${value} AS ${known})`
  if (beginsWithError.test(value)) return `CAST(${value} AS ${known})`
  const macro = macroCasts[known]
  if (macro) return `${safe ? macro.replace('bq_', 'bq_safe_') : macro}(${value})`
  return safe ? `TRY_CAST(${value} AS ${known})` : `(${value})::${known}`
}

/** Names each field by its alias, or by the last part of its path (`a.b` → `b`). Fields without names take those of a STRUCT that they meet. */
function struct(reader: Reader, clauses: Clauses): string {
  reader.expect('(')
  const fields: string[] = []
  const values: string[] = []
  let named = false
  while (!reader.is(')')) {
    const value = clauses(reader, (token) => endsArgument(token) || isWord(token, 'AS'))
    values.push(value)
    const name = reader.takeIf('AS') ? quote(aliasText(reader.take())) : /^(?:"[^"]*"\.)*("[^"]*")$/.exec(value)?.[1]
    if (name) named = true
    fields.push(`${name ?? `_field_${fields.length + 1}`} := ${value}`)
    if (!reader.takeIf(',')) break
  }
  reader.expect(')')
  return named ? `struct_pack(${fields.join(', ')})` : `row(${values.join(', ')})`
}

/** `ARRAY_AGG(DISTINCT x IGNORE NULLS ORDER BY y LIMIT n)`: DuckDB's has no LIMIT, so the list is cut. */
function collected(name: string, reader: Reader, clauses: Clauses): string {
  reader.expect('(')
  const distinct = reader.takeIf('DISTINCT') ? 'DISTINCT ' : ''
  const ends: EndTest = (token) => closes(token) || isWord(token, 'IGNORE', 'RESPECT', 'ORDER', 'LIMIT', 'HAVING')
  const value = clauses(reader, (token) => ends(token) || (token.kind === 'symbol' && token.text === ','))
  const separator = name === 'STRING_AGG' && reader.takeIf(',') ? clauses(reader, ends) : undefined
  const ignores = reader.is('IGNORE')
  if (ignores || reader.is('RESPECT')) {
    reader.take()
    reader.expect('NULLS')
  }
  const order = reader.is('ORDER') ? ` ${clauses(reader, (token) => closes(token) || isWord(token, 'LIMIT'))}` : ''
  const limit = reader.takeIf('LIMIT') ? clauses(reader, closes) : undefined
  reader.expect(')')
  const filter = ignores ? ` FILTER (${value} IS NOT NULL)` : ''
  if (name === 'STRING_AGG') {
    if (limit !== undefined) throw invalidArgument('STRING_AGG with LIMIT is not translated by the local cloud.')
    if (!separator?.startsWith('$')) return `string_agg(${distinct}${value}, ${separator ?? "','"}${order})${filter}`
    if (reader.is('OVER'))
      throw invalidArgument('STRING_AGG with a parameter and OVER is not translated by the local cloud.')
    // DuckDB's own takes a constant.
    return `bq_text_agg(array_agg(${distinct}${value}${order}) FILTER (${value} IS NOT NULL), ${separator})`
  }
  const list = `array_agg(${distinct}${value}${order})${filter}`
  if (limit === undefined) return list
  if (reader.is('OVER')) throw invalidArgument('ARRAY_AGG with LIMIT and OVER is not translated by the local cloud.')
  return `(${list})[1:${countOf(limit)}]`
}
