/** The refusal of STRUCTs that meet with other names of fields: BigQuery takes their fields by position, DuckDB by name. */

import { shown } from '../values/limits.ts'
import { isWord } from '../tokens/words.ts'
import { place, type Token, tokenize } from '../tokens/tokens.ts'

const PREFIX = 'Mixed STRUCT fields: '

/** @throws an error for `mixedStructs`: its place is known only where the statement is. */
export function refuseMixedStructs(names: readonly string[]): never {
  throw new Error(`${PREFIX}${JSON.stringify(names)}`)
}

/** The refusal's text for the message of such an error; undefined for any other message. */
export function mixedStructs(message: string, googleSql?: string): string | undefined {
  if (!message.startsWith(PREFIX)) return undefined
  const names = JSON.parse(message.slice(PREFIX.length)) as string[]
  const places = googleSql === undefined ? [] : placesOfStructs(googleSql, names)
  const where = places.length === 1 ? ` at ${places[0]}` : ''
  return `STRUCT<${shown(names.join(', '))}>${where} meets a STRUCT whose fields have other names or places. BigQuery matches the fields by position, which the local cloud does not: give both the same names in the same order.`
}

/** Where `STRUCT(1 AS a, t.b)` stands, of these names. */
function placesOfStructs(googleSql: string, names: readonly string[]): string[] {
  const tokens = tokenize(googleSql)
  const wanted = names.join(',').toLowerCase()
  return tokens.flatMap((token, at) => {
    if (!isWord(token, 'STRUCT') || token.at === undefined) return []
    const found = fieldNames(tokens.slice(at + 2))
    return found.join(',').toLowerCase() === wanted ? [place(googleSql, token.at)] : []
  })
}

/** Of the items up to the parenthesis that closes them: the last token of each is its alias or the last part of its path. */
function fieldNames(tokens: readonly Token[]): string[] {
  const names: string[] = []
  let depth = 0
  for (const [at, { kind, text }] of tokens.entries()) {
    const isEnd = kind === 'symbol' && depth === 0 && (text === ',' || text === ')')
    if (isEnd) names.push(tokens[at - 1]?.text ?? '')
    if (isEnd && text === ')') break
    if (kind === 'symbol' && (text === '(' || text === '[')) depth += 1
    if (kind === 'symbol' && (text === ')' || text === ']')) depth -= 1
  }
  return names
}
