/** GoogleSQL as tokens: https://cloud.google.com/bigquery/docs/reference/standard-sql/lexical */

import { invalidArgument, type StatusError } from '../../core/status.ts'

export interface Token {
  readonly kind: 'word' | 'quoted' | 'string' | 'bytes' | 'number' | 'parameter' | 'symbol'
  /** As written; of a string its value, of bytes their hex digits, of a quoted name the text between the backticks, of a parameter its name. */
  readonly text: string
  /** Where it begins in the statement; undefined for a token that the translation adds. */
  readonly at?: number
}

/** @param offset in the token. */
type Refuse = (message: string, offset: number) => StatusError

const patterns: readonly [RegExp, Token['kind'] | 'space'][] = [
  [/\s+|--[^\n]*|#[^\n]*|\/\*[\s\S]*?\*\//y, 'space'],
  [/(?:[rR][bB]?|[bB][rR]?)?(?:'''(?:\\[\s\S]|[^\\])*?'''|"""(?:\\[\s\S]|[^\\])*?""")/y, 'string'],
  [/(?:[rR][bB]?|[bB][rR]?)?(?:'(?:\\[\s\S]|[^'\\\n])*'|"(?:\\[\s\S]|[^"\\\n])*")/y, 'string'],
  [/`(?:\\.|[^`\\\n])*`/y, 'quoted'],
  [/@[A-Za-z_]\w*/y, 'parameter'],
  [/\?/y, 'parameter'],
  [/0[xX][0-9a-fA-F]+|\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?/y, 'number'],
  [/[A-Za-z_]\w*/y, 'word'],
  [/<=|>=|<>|!=|\|\||<<|>>|=>|[-+*/%<>=(),.;[\]{}~&|^:]/y, 'symbol'],
]

/** @throws INVALID_ARGUMENT with the position of the unreadable text. */
export function tokenize(sql: string): Token[] {
  const tokens: Token[] = []
  for (let at = 0; at < sql.length;) {
    const found = matchAt(sql, at)
    if (!found) throw invalidArgument(`Syntax error: ${tokenError(sql, at)} at ${place(sql, at)}`)
    const [text, kind] = found
    at += text.length
    if (kind === 'number' && /[A-Za-z_]/.test(sql[at] ?? ''))
      throw invalidArgument(`Syntax error: Missing whitespace between literal and alias at ${place(sql, at)}`)
    if (kind === 'space') continue
    const begin = at - text.length
    const refuse: Refuse = (message, offset) =>
      invalidArgument(`Syntax error: ${message} at ${place(sql, begin + offset)}`)
    if (text === '``') throw refuse('Invalid empty identifier', 0)
    if (kind === 'quoted') tokens.push({ kind, text: unescaped(contentOf(text, kind), 1, false, refuse), at: begin })
    else
      tokens.push({ ...(kind === 'string' ? literal(text, refuse) : { kind, text: contentOf(text, kind) }), at: begin })
  }
  return tokens
}

/** Where a name or symbol stands in a statement. */
export function placesOf(sql: string, name: string): string[] {
  const places: string[] = []
  for (let at = 0; at < sql.length;) {
    const [text, kind] = matchAt(sql, at) ?? [sql[at]!, 'space']
    const isName = (kind === 'word' || kind === 'symbol' || kind === 'quoted') && contentOf(text, kind) === name
    if (isName) places.push(place(sql, at))
    at += text.length
  }
  return places
}

/** Refuses unclosed text at once, since continuing after its start would scan the rest again. */
function matchAt(sql: string, at: number): [string, Token['kind'] | 'space'] | undefined {
  for (const [pattern, kind] of patterns) {
    pattern.lastIndex = at
    const match = pattern.exec(sql)
    if (match) return [match[0], kind]
    if (kind === 'space' && sql.startsWith('/*', at)) return undefined
    if (kind === 'string' && /^[rRbB]{0,2}('''|""")/.test(sql.slice(at, at + 5))) return undefined
  }
  return undefined
}

function tokenError(sql: string, at: number): string {
  const here = sql.slice(at, at + 5)
  if (here.startsWith('/*')) return 'Unclosed comment'
  if (/^[rRbB]{0,2}('''|""")/.test(here)) return 'Unclosed triple-quoted string literal'
  if (/^[rRbB]{0,2}['"]/.test(here)) return 'Unclosed string literal'
  if (here.startsWith('`')) return 'Unclosed identifier literal'
  return `Unexpected character "${sql[at]}"`
}

function contentOf(text: string, kind: Token['kind']): string {
  if (kind === 'quoted') return text.slice(1, -1)
  return kind === 'parameter' ? text.slice(1) : text
}

/** `'…'`, `r'…'`, `b'…'`, `rb'…'`, each in double and in threefold quotes too. */
function literal(text: string, refuse: Refuse): Token {
  const prefix = /^[rRbB]*/.exec(text)![0].toLowerCase()
  const body = text.slice(prefix.length)
  const width = body.startsWith("'''") || body.startsWith('"""') ? 3 : 1
  const inner = body.slice(width, -width)
  const isBytes = prefix.includes('b')
  const isRaw = prefix.includes('r')
  const value = isRaw ? inner : unescaped(inner, prefix.length + width, isBytes, refuse)
  if (!isBytes) return { kind: 'string', text: value }
  const bytes = isRaw ? Buffer.from(value, 'utf8') : Buffer.from(value, 'latin1')
  return { kind: 'bytes', text: bytes.toString('hex') }
}

const escapes: Readonly<Record<string, string>> = {
  '\\': '\\',
  "'": "'",
  '"': '"',
  '`': '`',
  '?': '?',
  n: '\n',
  t: '\t',
  r: '\r',
  b: '\b',
  f: '\f',
  a: '\u0007',
  v: '\v',
}

/** Bytes hold the characters of their literal as UTF-8. `\\xAA` is a character in a text and a byte in bytes. @param begin of the text in its token. */
function unescaped(text: string, begin: number, isBytes: boolean, refuse: Refuse): string {
  const plain = isBytes ? Buffer.from(text, 'utf8').toString('latin1') : text
  return plain.replaceAll(
    /\\(?:[xX]([0-9a-fA-F]{2})|([0-3][0-7]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([\s\S]))/g,
    (all: string, ...[hex, octal, short, long, one, offset]: [...(string | undefined)[], number]) => {
      const illegal = (): Error => refuse(`Illegal escape sequence: ${all}`, begin + (offset as number))
      if (isBytes && (short ?? long) !== undefined) throw illegal()
      const known = one === undefined ? undefined : escapes[one as string]
      if (known !== undefined) return known
      if (octal !== undefined) return String.fromCharCode(Number.parseInt(octal as string, 8))
      const code = Number.parseInt((hex ?? short ?? long ?? '') as string, 16)
      const isCharacter = code <= 0x10_ff_ff && !(code >= 0xd8_00 && code <= 0xdf_ff)
      if (!isCharacter) throw illegal()
      return String.fromCodePoint(code)
    },
  )
}

const TAB = 8

/** `[line:column]`, counted from 1, in characters. As at Google, a tab reaches to the next eighth column. */
export const place = (sql: string, at: number): string => {
  const before = sql.slice(0, at).split(/\r\n|\r|\n/)
  let column = 0
  for (const one of before.at(-1)!) column = one === '\t' ? (Math.floor(column / TAB) + 1) * TAB : column + 1
  return `[${before.length}:${column + 1}]`
}
