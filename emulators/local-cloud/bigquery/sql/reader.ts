/** The translator's position in the tokens, and its state. */

import { invalidArgument } from '../../core/status.ts'
import { limits, tooComplex, tooDeep } from '../values/limits.ts'
import { isReserved } from '../tokens/words.ts'
import { Reads } from './reads.ts'
import type { Token } from '../tokens/tokens.ts'
import { elementMark } from './unnamed-marks.ts'

export type EndTest = (token: Token) => boolean

/** By which a table's name is completed. */
export interface Names {
  readonly projectId: string
  /** The dataset of names without one. */
  readonly defaultDataset: string | undefined
  /** The names of subqueries, in lower case, which are in no dataset. */
  readonly subqueries: ReadonlySet<string>
}

export class Reader {
  readonly #tokens: readonly Token[]
  readonly names: Names
  /** Tables and views named so far: `dataset.table`. */
  readonly tables: string[] = []
  readonly reads = new Reads()
  #at = 0
  #nesting = 0
  #subqueries = 0
  #conditions = 0
  #elements = 0
  /** Of a translated calculation whose result is checked: the same without the check. */
  readonly #unchecked = new Map<string, string>()

  constructor(tokens: readonly Token[], names: Names) {
    this.#tokens = tokens
    this.names = names
  }

  peek(ahead = 0): Token | undefined {
    return this.#tokens[this.#at + ahead]
  }

  /** Of the next token, counted from the first. */
  get place(): number {
    return this.#at
  }

  at(place: number): Token | undefined {
    return this.#tokens[place]
  }

  is(text: string, ahead = 0): boolean {
    const token = this.peek(ahead)
    return (
      token !== undefined && (token.kind === 'word' || token.kind === 'symbol') && token.text.toUpperCase() === text
    )
  }

  /** @throws INVALID_ARGUMENT at the end. */
  take(): Token {
    const token = this.peek()
    if (!token) throw invalidArgument('Syntax error: Unexpected end of statement')
    this.#at += 1
    const isCalled = this.is('(')
    if (!isCalled && (token.kind === 'word' || token.kind === 'quoted')) this.reads.name(token.text.split('.').at(-1)!)
    return token
  }

  takeIf(text: string): boolean {
    const found = this.is(text)
    if (found) this.#at += 1
    return found
  }

  /** @throws INVALID_ARGUMENT for any other token. */
  expect(text: string): void {
    if (this.takeIf(text)) return
    const token = this.peek()
    throw invalidArgument(`Syntax error: Expected "${text}" but got ${token ? `"${token.text}"` : 'end of script'}`)
  }

  /** Runs `read` one level deeper. @throws INVALID_ARGUMENT beyond the limits of depth and length. */
  within(read: () => string): string {
    this.#nesting += 1
    if (this.#nesting > limits.nesting) throw tooDeep()
    const sql = read()
    // Some rewritings repeat an argument, so that a short query may become a long one.
    if (sql.length > limits.resolvedCharacters) throw tooComplex()
    this.#nesting -= 1
    return sql
  }

  /** The same for a subquery in an expression. */
  subquery(read: () => string): string {
    this.#subqueries += 1
    if (this.#subqueries > limits.subqueryNesting) throw tooComplex()
    const sql = read()
    this.#subqueries -= 1
    return sql
  }

  /** @returns `checked`, an expression that refuses what is no finite number in `bare`. */
  finite(checked: string, bare: string): string {
    if (bare !== checked) this.#unchecked.set(checked, bare)
    return checked
  }

  /** An operand of a calculation that is checked as a whole. */
  unchecked(operand: string): string {
    return this.#unchecked.get(operand) ?? operand
  }

  /** A column's name for the elements of an UNNEST without an alias. */
  elementName(): string {
    this.#elements += 1
    return elementMark(this.#elements)
  }

  /** Counts an AND or OR. @throws INVALID_ARGUMENT for too many. */
  condition(): void {
    this.#conditions += 1
    if (this.#conditions > limits.conditions) throw tooComplex()
  }
}

export const closes: EndTest = ({ kind, text }) => kind === 'symbol' && text === ')'
export const quote = (name: string): string => `"${name.replaceAll('"', '""')}"`
/** @param names of a dataset and of its table or view. */
export const qualified = (...names: readonly string[]): string => names.map(quote).join('.')

/** @throws INVALID_ARGUMENT for a token that names nothing: a reserved word is quoted. */
export function aliasText({ kind, text: written }: Token): string {
  if (kind === 'quoted' || (kind === 'word' && !isReserved(written))) return written
  throw invalidArgument(`Syntax error: Unexpected ${kind === 'word' ? 'keyword ' : ''}"${written}"`)
}

export const text = (value: string): string => `'${value.replaceAll("'", "''")}'`

/** Translates the tokens before the token that ends the expression. */
export type Clauses = (reader: Reader, ends: EndTest) => string
