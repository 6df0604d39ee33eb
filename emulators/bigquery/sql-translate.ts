/** GoogleSQL to DuckDB's SQL, token by token; what is not known to mean the same is refused. */

import { invalidArgument } from '../core/status.ts'
import { keywords, notFunctions, renamed, rewritten, same } from './sql-functions.ts'
import { type Token, tokenize } from './sql-tokens.ts'

const types: Readonly<Record<string, string>> = {
  INT64: 'BIGINT',
  INT: 'BIGINT',
  INTEGER: 'BIGINT',
  BIGINT: 'BIGINT',
  FLOAT64: 'DOUBLE',
  STRING: 'VARCHAR',
  BOOL: 'BOOLEAN',
  BOOLEAN: 'BOOLEAN',
  BYTES: 'BLOB',
  TIMESTAMP: 'TIMESTAMPTZ',
  DATETIME: 'TIMESTAMP',
  DATE: 'DATE',
  TIME: 'TIME',
  NUMERIC: 'DECIMAL(38, 9)',
  BIGNUMERIC: 'DECIMAL(38, 9)',
  JSON: 'JSON',
}

export interface Translation {
  readonly sql: string
  /** Tables and views that it names: `dataset.table`. */
  readonly tables: readonly string[]
  /** The first word, upper case. */
  readonly verb: string
}

/** @throws INVALID_ARGUMENT in BigQuery's words. */
export function translate(googleSql: string, projectId: string): Translation {
  const tokens = tokenize(googleSql)
  while (tokens.at(-1)?.text === ';' && tokens.at(-1)?.kind === 'symbol') tokens.pop()
  if (tokens.length === 0) throw invalidArgument('Syntax error: Unexpected end of statement')
  if (tokens.some(({ kind, text }) => kind === 'symbol' && text === ';'))
    throw invalidArgument('Scripts of several statements are not run by the local cloud: send them one by one.')
  const tables: string[] = []
  const translator = new Translator(tokens, projectId, tables)
  return { sql: translator.all(), tables, verb: tokens[0]!.text.toUpperCase() }
}

class Translator {
  readonly #tokens: readonly Token[]
  readonly #projectId: string
  readonly #tables: string[]
  #at = 0
  #positional = 0

  constructor(tokens: readonly Token[], projectId: string, tables: string[]) {
    this.#tokens = tokens
    this.#projectId = projectId
    this.#tables = tables
  }

  all(): string {
    const sql = this.#until(() => false)
    if (this.#at < this.#tokens.length) throw invalidArgument(`Syntax error: Unexpected "${this.#peek()!.text}"`)
    return sql
  }

  #peek(ahead = 0): Token | undefined {
    return this.#tokens[this.#at + ahead]
  }

  #is(text: string, ahead = 0): boolean {
    const token = this.#peek(ahead)
    return (
      token !== undefined && (token.kind === 'word' || token.kind === 'symbol') && token.text.toUpperCase() === text
    )
  }

  #until(ends: (token: Token) => boolean): string {
    const parts: string[] = []
    for (let token = this.#peek(); token && !ends(token); token = this.#peek()) parts.push(this.#one(token))
    return parts
      .join(' ')
      .replaceAll(/ ?\. ?/g, (dot, offset: number, text: string) => (/\d$/.test(text.slice(0, offset)) ? dot : '.'))
  }

  #one(token: Token): string {
    this.#at += 1
    switch (token.kind) {
      case 'string':
        return `'${token.text.replaceAll("'", "''")}'`
      case 'number':
        return token.text
      case 'parameter':
        return token.text === '' ? `$${(this.#positional += 1)}` : `$${token.text}`
      case 'quoted':
        return this.#name(token.text.split('.'))
      case 'symbol':
        return this.#symbol(token.text)
      case 'word':
        return this.#word(token.text)
    }
  }

  #symbol(text: string): string {
    if (text === '(' || text === '[') {
      const close = text === '(' ? ')' : ']'
      const inner = this.#until((token) => token.kind === 'symbol' && token.text === close)
      this.#expect(close)
      return `${text}${inner}${close}`
    }
    if (text === ')' || text === ']') throw invalidArgument(`Syntax error: Unexpected "${text}"`)
    return text === '<>' ? '!=' : text
  }

  #expect(text: string): void {
    if (!this.#is(text))
      throw invalidArgument(
        `Syntax error: Expected "${text}" but got ${this.#peek() ? `"${this.#peek()!.text}"` : 'end of script'}`,
      )
    this.#at += 1
  }

  #word(text: string): string {
    const word = text.toUpperCase()
    if (
      word === 'FROM' ||
      word === 'JOIN' ||
      word === 'INTO' ||
      word === 'UPDATE' ||
      word === 'TABLE' ||
      word === 'VIEW'
    )
      return `${word} ${this.#source()}`
    if (word === 'EXCEPT' && this.#is('(')) return 'EXCLUDE'
    if (word === 'IN' && this.#is('UNNEST')) return this.#inUnnest()
    if (word === 'ARRAY' && this.#is('[')) return ''
    if (word === 'ARRAY' && this.#is('<'))
      throw invalidArgument('Typed ARRAY<…> constructors are not translated by the local cloud: write [ … ].')
    if (word === 'INTERVAL') return this.#interval()
    if ((word === 'TIMESTAMP' || word === 'DATE' || word === 'JSON') && this.#peek()?.kind === 'string') {
      return `CAST(${this.#one(this.#peek()!)} AS ${types[word]})`
    }
    if (word === 'CURRENT_TIMESTAMP' && !this.#is('(')) return 'now()'
    if (this.#is('(') && !notFunctions.has(word)) return this.#call(text)
    if (this.#is('(') && word === 'STRUCT') return this.#struct()
    return keywords.has(word) ? text : quote(text)
  }

  /** After FROM or JOIN: a table, which a dash may be part of, or UNNEST with its alias. */
  #source(): string {
    if (this.#is('UNNEST')) return this.#unnest()
    if (this.#is('IF') || this.#is('(')) return ''
    const first = this.#peek()
    if (first?.kind === 'quoted') {
      this.#at += 1
      const path = [...first.text.split('.'), ...this.#morePath()]
      return this.#table(path)
    }
    if (first?.kind !== 'word') return ''
    this.#at += 1
    let name = first.text
    while (this.#is('-') && this.#peek(1)?.kind === 'word') {
      name += `-${this.#peek(1)!.text}`
      this.#at += 2
    }
    const path = [name, ...this.#morePath()]
    return path.length === 1 ? quote(path[0]!) : this.#table(path)
  }

  #morePath(): string[] {
    const more: string[] = []
    while (this.#is('.') && ['word', 'quoted'].includes(this.#peek(1)?.kind ?? '')) {
      more.push(...this.#peek(1)!.text.split('.'))
      this.#at += 2
    }
    return more
  }

  #table(path: readonly string[]): string {
    if (path.length === 1) return quote(path[0]!)
    const [table, dataset, project] = path.toReversed()
    if (project !== undefined && project !== this.#projectId)
      throw invalidArgument(`Access Denied: Project ${project}: the local cloud is the project ${this.#projectId}.`)
    if (dataset === 'INFORMATION_SCHEMA')
      throw invalidArgument('INFORMATION_SCHEMA is not served by the local cloud: ask the datasets and tables APIs.')
    this.#tables.push(`${dataset}.${table}`)
    return `${quote(dataset!)}.${quote(table!)}`
  }

  #name(path: readonly string[]): string {
    return path.length === 1 ? quote(path[0]!) : this.#table(path)
  }

  /** Its alias names the element; in DuckDB it would name a table. */
  #unnest(): string {
    this.#at += 1
    this.#expect('(')
    const array = this.#until((token) => token.kind === 'symbol' && token.text === ')')
    this.#expect(')')
    const alias = this.#alias()
    if (this.#is('WITH') && this.#is('OFFSET', 1)) {
      this.#at += 2
      const offset = this.#alias() ?? 'offset'
      return `(SELECT unnest(${array}) AS ${quote(alias ?? '_element')}, generate_subscripts(${array}, 1) - 1 AS ${quote(offset)}) AS ${quote(`_${alias ?? 'unnested'}`)}`
    }
    return `UNNEST(${array}) AS ${quote(`_${alias ?? 'unnested'}`)}(${quote(alias ?? '_element')})`
  }

  #alias(): string | undefined {
    if (this.#is('AS')) this.#at += 1
    else if (this.#peek()?.kind !== 'word' || afterTable.has(this.#peek()!.text.toUpperCase())) return undefined
    const token = this.#peek()!
    this.#at += 1
    return token.text
  }

  #inUnnest(): string {
    this.#at += 1
    this.#expect('(')
    const array = this.#until((token) => token.kind === 'symbol' && token.text === ')')
    this.#expect(')')
    return `IN (SELECT unnest(${array}))`
  }

  #interval(): string {
    const amount = this.#one(this.#peek()!)
    const part = this.#peek()
    this.#at += 1
    return `to_${part?.text.toLowerCase()}s(CAST(${amount} AS ${['SECOND', 'MILLISECOND'].includes(part?.text.toUpperCase() ?? '') ? 'DOUBLE' : 'INTEGER'}))`
  }

  #struct(): string {
    const args = this.#arguments()
    return `struct_pack(${args
      .map((arg, index) => {
        const alias = /^([\s\S]*) AS ("?\w+"?)$/i.exec(arg)
        if (alias) return `${alias[2]} := ${alias[1]}`
        return `${/("?\w+"?)$/.exec(arg)?.[1] ?? `_field_${index + 1}`} := ${arg}`
      })
      .join(', ')})`
  }

  #call(text: string): string {
    const name = text.toUpperCase()
    if (name === 'CAST' || name === 'SAFE_CAST') return this.#cast(name)
    if (name === 'ARRAY_AGG') return this.#arrayAgg()
    if (name === 'EXTRACT') return `EXTRACT(${this.#parenthesised().replace(/^"(\w+)"/, '$1')})`
    if (name === 'COUNT' || name === 'STRING_AGG') return `${name}(${this.#parenthesised()})`
    const rewrite = rewritten[name]
    if (rewrite) return rewrite(this.#arguments(), name)
    const known = renamed[name] ?? (same.has(name) ? text : undefined)
    // A name with a column list, of a common table or an INSERT, looks like a call.
    if (!known && this.#isColumnList()) return quote(text)
    if (!known) throw invalidArgument(`Function not found: ${text}`)
    const args = this.#arguments()
    if (name === 'UNNEST') return `UNNEST(${args.join(', ')})`
    // The path's default is the whole document.
    if (known.startsWith('bq_json_') && args.length === 1) args.push("'$'")
    return `${known}(${args.join(', ')})`
  }

  #isColumnList(): boolean {
    const before = this.#tokens[this.#at - 2]?.text.toUpperCase()
    return before === 'INTO' || before === 'WITH' || before === '.' || before === 'AS'
  }

  #parenthesised(): string {
    this.#expect('(')
    const inner = this.#until((token) => token.kind === 'symbol' && token.text === ')')
    this.#expect(')')
    return inner
  }

  #arguments(): string[] {
    this.#expect('(')
    const args: string[] = []
    const isEnd = (token: Token): boolean => token.kind === 'symbol' && (token.text === ')' || token.text === ',')
    while (!this.#is(')')) {
      args.push(this.#until(isEnd))
      if (this.#is(',')) this.#at += 1
      else if (!this.#is(')')) this.#expect(')')
    }
    this.#expect(')')
    return args
  }

  #cast(name: string): string {
    this.#expect('(')
    const value = this.#until((token) => token.kind === 'word' && token.text.toUpperCase() === 'AS')
    this.#expect('AS')
    const type = this.#peek()!.text.toUpperCase()
    this.#at += 1
    const known = types[type]
    if (!known) throw invalidArgument(`Type not found: ${type}`)
    this.#expect(')')
    // JSON's numbers and texts come through its own text.
    return `${name === 'SAFE_CAST' ? 'TRY_CAST' : 'CAST'}(${value} AS ${known})`
  }

  /** `ARRAY_AGG(x ORDER BY y LIMIT n)`: DuckDB's has no LIMIT, so the list is cut. */
  #arrayAgg(): string {
    const inner = this.#parenthesised()
    const limit = /^([\s\S]*) LIMIT (\S+)$/i.exec(inner)
    const plain = (limit?.[1] ?? inner).replace(/ IGNORE NULLS\b/i, '')
    const filter = / IGNORE NULLS\b/i.test(inner) ? ` FILTER (${plain.split(/ ORDER BY /i)[0]} IS NOT NULL)` : ''
    const list = `array_agg(${plain})${filter}`
    return limit ? `(${list})[1:${limit[2]}]` : list
  }
}

/** What may follow a table without being its alias. */
const afterTable = new Set(
  'CROSS EXCEPT FULL GROUP HAVING INNER INTERSECT JOIN LEFT LIMIT ON ORDER QUALIFY RIGHT SET TABLESAMPLE UNION USING WHEN WHERE WINDOW WITH'.split(
    ' ',
  ),
)

export const quote = (name: string): string => `"${name.replaceAll('"', '""')}"`
