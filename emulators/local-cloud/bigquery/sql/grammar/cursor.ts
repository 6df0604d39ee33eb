/** The parser's place in the tokens, and its refusals in BigQuery's words: `Syntax error: Expected ")" but got keyword FROM at [1:9]`. */

import { invalidArgument, type StatusError } from '../../../core/status.ts'
import { limits, shown, tooDeep } from '../../values/limits.ts'
import { closingOf } from '../../tokens/closing.ts'
import { isSymbol, isWord } from '../../tokens/words.ts'
import { place, type Token } from '../../tokens/tokens.ts'
import type { Expression, Query } from './tree.ts'
import { isName, isReserved } from '../../tokens/words.ts'

/** The productions that contain each other: expressions have queries, and queries expressions. */
export interface Productions {
  readonly expression: (cursor: Cursor, takesInterval?: boolean) => Expression
  readonly query: (cursor: Cursor) => Query
}

export class Cursor {
  readonly #tokens: readonly Token[]
  readonly #text: string
  readonly #productions: Productions
  readonly #closing: ReadonlyMap<number, number>
  #at = 0
  #depth = 0

  /** @param text the statement, by which places are counted. */
  constructor(tokens: readonly Token[], text: string, productions: Productions) {
    this.#tokens = tokens
    this.#text = text
    this.#productions = productions
    this.#closing = closingOf(tokens)
  }

  peek(ahead = 0): Token | undefined {
    return this.#tokens[this.#at + ahead]
  }

  /** Whether one of these keywords or symbols is next. */
  is(...texts: string[]): boolean {
    return this.isAt(0, ...texts)
  }

  isAt(ahead: number, ...texts: string[]): boolean {
    const token = this.peek(ahead)
    return (token?.kind === 'word' || token?.kind === 'symbol') && texts.includes(token.text.toUpperCase())
  }

  /** The next token. @throws INVALID_ARGUMENT at the end. */
  take(): Token {
    const token = this.peek()
    if (!token) throw this.unexpected()
    this.#at += 1
    return token
  }

  takeIf(text: string): Token | undefined {
    return this.is(text) ? this.take() : undefined
  }

  /** @throws INVALID_ARGUMENT for any other token. */
  expect(text: string): Token {
    if (!this.is(text)) throw this.expected(/^\w+$/.test(text) ? `keyword ${text}` : `"${text}"`)
    return this.take()
  }

  /** A name that is not reserved, or is quoted. */
  name(): Token {
    if (!isName(this.peek())) throw this.unexpected()
    return this.take()
  }

  /** A name after a dot, where reserved words are names. */
  field(): Token {
    const { kind } = this.peek() ?? {}
    if (kind !== 'word' && kind !== 'quoted') throw this.unexpected()
    return this.take()
  }

  /** Whether the parenthesis that is next has a query in it, perhaps in further parentheses, unlike `((SELECT 1) + 1)`. */
  beginsQuery(at = this.#at): boolean {
    if (!isSymbol(this.#tokens[at], '(')) return false
    if (isWord(this.#tokens[at + 1], 'SELECT', 'WITH')) return true
    const after = this.#tokens[(this.#closing.get(at + 1) ?? at) + 1]
    const goesOn = isSymbol(after, ')') || isWord(after, 'UNION', 'INTERSECT', 'EXCEPT', 'ORDER', 'LIMIT')
    return goesOn && this.beginsQuery(at + 1)
  }

  /** One or more, with commas between them. */
  list<T>(read: () => T): T[] {
    const items = [read()]
    while (this.takeIf(',')) items.push(read())
    return items
  }

  inParentheses<T>(read: () => T): T {
    this.expect('(')
    const inside = read()
    this.expect(')')
    return inside
  }

  expression(takesInterval = false): Expression {
    return this.deeper(() => this.#productions.expression(this, takesInterval))
  }

  query(): Query {
    return this.deeper(() => this.#productions.query(this))
  }

  /** @throws RESOURCE_EXHAUSTED beyond the depth that the parser's stack has room for. */
  deeper<T>(read: () => T): T {
    this.#depth += 1
    if (this.#depth > limits.nesting) throw tooDeep()
    const inside = read()
    this.#depth -= 1
    return inside
  }

  expected(what: string): StatusError {
    return this.refusal(`Syntax error: Expected ${what} but got ${described(this.peek())}`)
  }

  unexpected(token: Token | undefined = this.peek()): StatusError {
    return this.refusal(`Syntax error: Unexpected ${described(token)}`, token)
  }

  /** Of syntax that BigQuery has and the local cloud does not. */
  notServed(what: string, token: Token | undefined = this.peek()): StatusError {
    return this.refusal(`${what} is not translated by the local cloud`, token)
  }

  refusal(message: string, token: Token | undefined = this.peek()): StatusError {
    return invalidArgument(`${message} at ${place(this.#text, token?.at ?? this.#text.length)}`)
  }
}

/** A token in BigQuery's words. */
function described(token: Token | undefined): string {
  if (!token) return 'end of script'
  const text = shown(token.text)
  switch (token.kind) {
    case 'word':
      return isReserved(text) ? `keyword ${text.toUpperCase()}` : `identifier "${text}"`
    case 'quoted':
      return `identifier \`${text}\``
    case 'string':
      return `string literal "${text}"`
    case 'bytes':
      return 'bytes literal'
    case 'number':
      return `${isInteger(token) ? 'integer' : 'floating point'} literal "${text}"`
    case 'parameter':
      return text === '' ? '"?"' : `"@${text}"`
    case 'symbol':
      return `"${text}"`
  }
}

export const isInteger = ({ kind, text }: Token): boolean =>
  kind === 'number' && /^(?:0[xX][0-9a-fA-F]+|\d+)$/.test(text)
