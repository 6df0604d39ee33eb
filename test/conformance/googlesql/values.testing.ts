/** Values as GoogleSQL prints them, such as `ARRAY<STRUCT<a INT64>>[unknown order:{1}, {2}]`, and rows of BigQuery's REST API, in one form. */

/** A type: `element` of an ARRAY, `fields` of a STRUCT. `ARRAY<>` has its type with each value. */
export interface Type {
  readonly kind: string
  readonly element?: Type
  readonly fields?: readonly { readonly name: string; readonly type: Type }[]
}

/** Scalars of equal values are equal texts; FLOAT64 is a number. */
export type Value =
  | null
  | string
  | number
  | readonly Value[]
  | { readonly items: readonly Value[]; readonly isOrdered: boolean }

/** A field of a schema of BigQuery's REST API. */
export interface Field {
  readonly name: string
  readonly type: string
  readonly mode?: string
  readonly fields?: readonly Field[]
}

/** A type or a form that BigQuery does not have, such as PROTO. */
export class NotOfBigQuery extends Error {}

export interface Printed {
  readonly type: Type
  readonly value: Value
}

/**
 * @param isPart whether values of types that BigQuery does not have are left out, as NULL.
 * @throws NotOfBigQuery
 */
export function readPrinted(text: string, isPart = false): Printed {
  const reader = new PrintedReader(text, isPart)
  const type = reader.type()
  const value = reader.value(type)
  reader.end()
  return { type, value }
}

class PrintedReader {
  #at = 0
  readonly #text: string
  readonly #isPart: boolean
  constructor(text: string, isPart: boolean) {
    this.#text = text
    this.#isPart = isPart
  }

  type(): Type {
    const kind = this.#take(/[A-Z_]\w*/y)
    if (!this.#is('<')) return { kind }
    if (kind === 'ARRAY') {
      this.#expect('<')
      const element = this.#is('>') ? undefined : this.type()
      this.#expect('>')
      return element ? { kind, element } : { kind }
    }
    if (kind === 'STRUCT') return { kind, fields: this.#list('<', '>', () => this.#field()) }
    // `PROTO<a.Message>`.
    this.#take(/<[^<>]*>/y)
    return { kind }
  }

  #field(): { name: string; type: Type } {
    const isNamed = this.#matches(/\s*[^\s<>,]+\s+[A-Z]/y)
    const name = isNamed ? this.#take(/[^\s<>,]+/y) : ''
    return { name, type: this.type() }
  }

  value(type: Type): Value {
    if (this.#matches(/\s*(?:ARRAY|STRUCT|PROTO|ENUM)</y)) type = this.type()
    if (this.#matches(/\s*\(NULL\)/y)) {
      this.#take(/\(NULL\)/y)
      return null
    }
    if (this.#matches(/\s*NULL\b/y)) {
      this.#take(/NULL/y)
      return null
    }
    if (type.kind === 'ARRAY') return this.#array(type)
    if (type.kind === 'STRUCT') {
      const types = type.fields![Symbol.iterator]()
      return this.#list('{', '}', () => this.value((types.next().value ?? this.#fail()).type))
    }
    return this.#scalar(type.kind)
  }

  #array({ element }: Type): Value {
    let isOrdered = false
    const items = this.#list('[', ']', () => {
      if (this.#matches(/\s*(?:un)?known order:/y)) isOrdered = this.#take(/(?:un)?known order:/y) === 'known order:'
      return this.value(element ?? this.#fail())
    })
    return { items, isOrdered }
  }

  #scalar(kind: string): Value {
    switch (kind) {
      case 'BOOL':
        return this.#take(/true|false/y)
      case 'INT64':
      case 'INT32':
      case 'UINT32':
      case 'UINT64':
        return this.#take(/-?\d+/y)
      case 'NUMERIC':
        return this.#take(/-?\d+(?:\.\d+)?/y)
      case 'DOUBLE':
        return asNumber(this.#take(/-?(?:inf|nan|[\d.]+(?:e[+-]?\d+)?)/y))
      case 'STRING':
        return unescaped(this.#take(/"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'/sy))
      case 'BYTES':
        return Buffer.from(
          unescaped(this.#take(/b"(?:\\.|[^"\\])*"|b'(?:\\.|[^'\\])*'/sy).slice(1)),
          'latin1',
        ).toString('base64')
      case 'DATE':
        return this.#take(/\d{4}-\d\d-\d\d/y)
      case 'TIME':
        return withoutZeros(this.#take(/\d\d:\d\d:\d\d(?:\.\d+)?/y))
      case 'DATETIME':
        return withoutZeros(this.#take(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?/y))
      case 'TIMESTAMP':
        return withoutZeros(this.#take(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?\+00/y).slice(0, -3))
      case 'JSON':
        return sortedJson(this.#whole())
      default:
        if (!this.#isPart) throw new NotOfBigQuery(kind)
        this.#whole()
        return null
    }
  }

  /** The text up to the comma or bracket that follows the value. */
  #whole(): string {
    let depth = 0
    this.#take(/(?=\S)/y)
    const from = this.#at
    for (const { 0: token, index } of this.#text.slice(from).matchAll(/"(?:\\.|[^"\\])*"|[[\]{},]/gs)) {
      if (token === '[' || token === '{') depth += 1
      if (depth === 0 && (token === ',' || token === ']' || token === '}')) {
        this.#at = from + index
        return this.#text.slice(from, this.#at)
      }
      if (token === ']' || token === '}') depth -= 1
    }
    return this.#fail()
  }

  #list<T>(open: string, close: string, item: () => T): T[] {
    const items: T[] = []
    this.#expect(open)
    while (!this.#is(close)) {
      items.push(item())
      if (!this.#is(close)) this.#expect(',')
    }
    this.#expect(close)
    return items
  }

  #matches(pattern: RegExp): boolean {
    pattern.lastIndex = this.#at
    return pattern.test(this.#text)
  }

  #is(symbol: string): boolean {
    return this.#text.slice(this.#at).trimStart().startsWith(symbol)
  }

  #expect(symbol: string): void {
    if (!this.#is(symbol)) this.#fail()
    this.#at = this.#text.indexOf(symbol, this.#at) + symbol.length
  }

  #take(pattern: RegExp): string {
    while (/\s/.test(this.#text[this.#at] ?? '')) this.#at += 1
    pattern.lastIndex = this.#at
    const found = pattern.exec(this.#text)
    if (!found) return this.#fail()
    this.#at += found[0].length
    return found[0]
  }

  end(): void {
    if (this.#text.slice(this.#at).trim() !== '') this.#fail()
  }

  #fail(): never {
    throw new NotOfBigQuery(`value at ${this.#text.slice(this.#at, this.#at + 40)}`)
  }
}

const asNumber = (text: string): number => Number(text.replace('inf', 'Infinity').replace('nan', 'NaN'))

const escapes: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', a: '\u0007', b: '\b', f: '\f', v: '\v' }

/** The text of a literal with its quotes and C's escapes. */
function unescaped(literal: string): string {
  return literal
    .slice(1, -1)
    .replaceAll(
      /\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})|(.))/gs,
      (_, hex, short, long, octal, one) => {
        const code = hex ?? short ?? long
        if (code !== undefined) return String.fromCodePoint(Number.parseInt(code, 16))
        if (octal !== undefined) return String.fromCodePoint(Number.parseInt(octal, 8))
        return escapes[one] ?? one
      },
    )
}

const withoutZeros = (time: string): string => time.replace(/(\.\d*?)0+$/, '$1').replace(/\.$/, '')

/** `1767261600.5` → `2026-01-01 10:00:00.5`. */
function timeOf(seconds: string): string {
  const [, sign, whole, fraction = ''] = /^(-?)(\d+)(?:\.(\d+))?$/.exec(seconds)!
  const micros = (BigInt(whole!) * MICROS + BigInt(fraction.padEnd(6, '0'))) * (sign ? -1n : 1n)
  const rest = ((micros % MICROS) + MICROS) % MICROS
  const second = new Date(Number((micros - rest) / 1000n)).toISOString().slice(0, 19).replace('T', ' ')
  return withoutZeros(`${second}.${String(rest).padStart(6, '0')}`)
}

const MICROS = 1_000_000n

function sortedJson(text: string): string {
  const sorted = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(sorted)
    if (value === null || typeof value !== 'object') return value
    return Object.fromEntries(
      Object.entries(value)
        .toSorted(([a], [b]) => (a < b ? -1 : 1))
        .map(([key, one]) => [key, sorted(one)]),
    )
  }
  return JSON.stringify(sorted(JSON.parse(text)))
}

interface Cell {
  readonly v: unknown
}

/** A value of a row in BigQuery's REST API, and the rows of an answer: `{ f: [{ v }] }`. */
export function ofRest(field: Field, value: unknown): Value {
  if (value === null) return null
  if (field.mode === 'REPEATED')
    return { items: (value as Cell[]).map(({ v }) => ofRest({ ...field, mode: 'NULLABLE' }, v)), isOrdered: true }
  if (field.fields) return (value as { f: Cell[] }).f.map(({ v }, index) => ofRest(field.fields![index]!, v))
  const text = value as string
  switch (field.type) {
    case 'FLOAT':
      return asNumber(text)
    case 'TIMESTAMP':
      return timeOf(text)
    case 'DATETIME':
    case 'TIME':
      return withoutZeros(text.replace('T', ' '))
    case 'JSON':
      return sortedJson(text)
    default:
      return text
  }
}

/** The greatest relative difference between sums of FLOAT64s that are taken in another order. */
const TOLERANCE = 1e-12

export function areEqual(expected: Value, found: Value): boolean {
  // BigQuery returns an array without elements for one that is NULL.
  if (expected === null && found !== null && typeof found === 'object' && 'items' in found)
    return found.items.length === 0
  if (expected === null || found === null) return expected === found
  if (typeof expected === 'number')
    return (
      typeof found === 'number' &&
      (Object.is(expected, found) ||
        Math.abs(expected - found) <= TOLERANCE * Math.max(Math.abs(expected), Math.abs(found)))
    )
  if (typeof expected === 'string' || typeof found !== 'object') return expected === found
  const [before, after] = [itemsOf(expected), itemsOf(found)]
  if (before.length !== after.length || Array.isArray(expected) !== Array.isArray(found)) return false
  const isOrdered = 'items' in expected ? expected.isOrdered : true
  if (isOrdered) return before.every((one, index) => areEqual(one, after[index]!))
  const left = [...after]
  return before.every((one) => {
    const at = left.findIndex((other) => areEqual(one, other))
    if (at >= 0) left.splice(at, 1)
    return at >= 0
  })
}

export const itemsOf = (value: Value): readonly Value[] =>
  value !== null && typeof value === 'object' ? ('items' in value ? value.items : value) : []
