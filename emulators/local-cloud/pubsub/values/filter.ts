/** Subscription filters: parses an expression over attributes once, into a predicate. */
// Grammar: https://cloud.google.com/pubsub/docs/subscription-message-filter#filtering_syntax

import { invalidArgument } from '../../core/status.ts'
import { limits } from './limits.ts'

export type Attributes = Readonly<Record<string, string>>
export type Filter = (attributes: Attributes) => boolean

/** The predicate of an expression; the empty one lets everything through. Throws INVALID_ARGUMENT with the place. */
export function parseFilter(source: string): Filter {
  if (source.trim() === '') return () => true
  if (Buffer.byteLength(source) > limits.filterBytes) {
    throw invalidArgument(
      `The value for filter is too large. You passed ${Buffer.byteLength(source)} in the request, ` +
        `but the maximum value is ${limits.filterBytes}.`,
    )
  }
  const reader = new Reader(source)
  const filter = condition(reader)
  if (!reader.atEnd) throw reader.error('the end of the filter')
  return filter
}

/** One kind of joiner per level: AND and OR together want parentheses. */
function condition(reader: Reader): Filter {
  const terms = [term(reader)]
  let joiner: string | undefined
  for (;;) {
    const word = reader.peekWord()
    if (word !== 'AND' && word !== 'OR') break
    if (joiner !== undefined && joiner !== word) {
      throw reader.error(`parentheses, because AND and OR are combined; found ${word}`)
    }
    joiner = word
    reader.word()
    terms.push(term(reader))
  }
  if (terms.length === 1) return terms[0]!
  if (joiner === 'AND') return (attributes) => terms.every((one) => one(attributes))
  return (attributes) => terms.some((one) => one(attributes))
}

function term(reader: Reader): Filter {
  if (reader.take('-')) return negated(term(reader))
  if (reader.take('(')) {
    const inner = condition(reader)
    reader.expect(')')
    return inner
  }
  const word = reader.word()
  if (word === 'NOT') return negated(term(reader))
  if (word === 'hasPrefix') return prefix(reader)
  if (word === 'attributes') return comparison(reader)
  throw reader.error(`attributes, hasPrefix, NOT or "(", but found "${word}"`)
}

const negated =
  (inner: Filter): Filter =>
  (attributes) =>
    !inner(attributes)

function prefix(reader: Reader): Filter {
  reader.expect('(')
  if (reader.word() !== 'attributes') throw reader.error('attributes.<key> as first argument of hasPrefix')
  reader.expect('.')
  const key = reader.key()
  reader.expect(',')
  const start = reader.text()
  reader.expect(')')
  return (attributes) => value(attributes, key)?.startsWith(start) ?? false
}

function comparison(reader: Reader): Filter {
  if (reader.take(':')) {
    const key = reader.key()
    return (attributes) => value(attributes, key) !== undefined
  }
  reader.expect('.')
  const key = reader.key()
  if (reader.take('!=')) {
    const other = reader.text()
    return (attributes) => value(attributes, key) !== other
  }
  reader.expect('=')
  const wanted = reader.text()
  return (attributes) => value(attributes, key) === wanted
}

const value = (attributes: Attributes, key: string): string | undefined =>
  Object.hasOwn(attributes, key) ? attributes[key] : undefined

const escapes: Readonly<Record<string, string>> = {
  n: '\n',
  r: '\r',
  t: '\t',
  a: '\x07',
  b: '\b',
  f: '\f',
  v: '\v',
  '\\': '\\',
  '"': '"',
  "'": "'",
  '`': '`',
  '?': '?',
}

class Reader {
  readonly #source: string
  #at = 0

  constructor(source: string) {
    this.#source = source
  }

  get atEnd(): boolean {
    this.#skipSpace()
    return this.#at >= this.#source.length
  }

  take(symbol: string): boolean {
    this.#skipSpace()
    if (!this.#source.startsWith(symbol, this.#at)) return false
    this.#at += symbol.length
    return true
  }

  expect(symbol: string): void {
    if (!this.take(symbol)) throw this.error(`"${symbol}"`)
  }

  peekWord(): string {
    this.#skipSpace()
    return /^[A-Za-z0-9_-]*/.exec(this.#source.slice(this.#at))![0]
  }

  word(): string {
    const word = this.peekWord()
    this.#at += word.length
    return word
  }

  /** Letters, digits, `-` and `_`; anything else must be quoted. */
  key(): string {
    this.#skipSpace()
    if (this.#source[this.#at] === '"') return this.text()
    const word = this.word()
    if (word === '') throw this.error('an attribute key')
    return word
  }

  /** A string literal with its escapes. */
  text(): string {
    this.expect('"')
    let text = ''
    for (;;) {
      const char = this.#source[this.#at++]
      if (char === undefined) throw this.error('a closing quotation mark')
      if (char === '"') return text
      text += char === '\\' ? this.#escape() : char
    }
  }

  error(expected: string): Error {
    return invalidArgument(
      `Invalid filter string: at position ${this.#at + 1} expected ${expected} (filter=${this.#source}).`,
    )
  }

  #escape(): string {
    const rest = this.#source.slice(this.#at)
    const number = /^(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|[xX]([0-9A-Fa-f]{2})|([0-7]{3}))/.exec(rest)
    if (number) {
      const hex = number[1] ?? number[2] ?? number[3]
      const point = hex === undefined ? Number.parseInt(number[4]!, 8) : Number.parseInt(hex, 16)
      if (point > 0x10_ff_ff) throw this.error('a Unicode code point')
      this.#at += number[0].length
      return String.fromCodePoint(point)
    }
    const plain = escapes[rest[0] ?? '']
    if (plain === undefined) throw this.error('an escape sequence')
    this.#at++
    return plain
  }

  #skipSpace(): void {
    while (/\s/.test(this.#source[this.#at] ?? '')) this.#at++
  }
}
