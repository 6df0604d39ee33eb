/** GoogleSQL as tokens: https://cloud.google.com/bigquery/docs/reference/standard-sql/lexical */

import { invalidArgument } from '../core/status.ts'

export interface Token {
  readonly kind: 'word' | 'quoted' | 'string' | 'number' | 'parameter' | 'symbol'
  /** As written; of a string its value, of a quoted name what stands between the backticks, of a parameter its name. */
  readonly text: string
}

const patterns: readonly [RegExp, Token['kind'] | 'space'][] = [
  [/\s+|--[^\n]*|#[^\n]*|\/\*[\s\S]*?\*\//y, 'space'],
  [/(?:[rR]|[bB])?(?:'''[\s\S]*?'''|"""[\s\S]*?""")/y, 'string'],
  [/[rRbB]?'(?:\\[\s\S]|[^'\\\n])*'|[rRbB]?"(?:\\[\s\S]|[^"\\\n])*"/y, 'string'],
  [/`(?:\\.|[^`\\])*`/y, 'quoted'],
  [/@[A-Za-z_]\w*/y, 'parameter'],
  [/\?/y, 'parameter'],
  [/0[xX][0-9a-fA-F]+|\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?/y, 'number'],
  [/[A-Za-z_]\w*/y, 'word'],
  [/<=|>=|<>|!=|\|\||<<|>>|=>|[-+*/%<>=(),.;[\]{}~&|^:]/y, 'symbol'],
]

/** @throws INVALID_ARGUMENT with the place of what can't be read. */
export function tokenize(sql: string): Token[] {
  const tokens: Token[] = []
  for (let at = 0; at < sql.length;) {
    const found = matchAt(sql, at)
    if (!found) throw invalidArgument(`Syntax error: Unexpected character "${sql[at]}" at ${place(sql, at)}`)
    const [text, kind] = found
    at += text.length
    if (kind === 'space') continue
    tokens.push({ kind, text: contentOf(text, kind) })
  }
  return tokens
}

function matchAt(sql: string, at: number): [string, Token['kind'] | 'space'] | undefined {
  for (const [pattern, kind] of patterns) {
    pattern.lastIndex = at
    const match = pattern.exec(sql)
    if (match) return [match[0], kind]
  }
  return undefined
}

function contentOf(text: string, kind: Token['kind']): string {
  if (kind === 'quoted') return text.slice(1, -1)
  if (kind === 'parameter') return text.slice(1)
  if (kind !== 'string') return text
  const raw = /^[rR]/.test(text)
  const body = text.replace(/^[rRbB]/, '')
  const width = body.startsWith("'''") || body.startsWith('"""') ? 3 : 1
  const inner = body.slice(width, -width)
  return raw ? inner : unescaped(inner)
}

const escapes: Readonly<Record<string, string>> = {
  n: '\n',
  t: '\t',
  r: '\r',
  b: '\b',
  f: '\f',
  a: '\u0007',
  v: '\v',
  '0': '\0',
}

function unescaped(text: string): string {
  return text.replaceAll(
    /\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|([\s\S]))/g,
    (_, hex: string, unicode: string, one: string) =>
      hex || unicode ? String.fromCharCode(Number.parseInt(hex || unicode, 16)) : (escapes[one] ?? one),
  )
}

const place = (sql: string, at: number): string => {
  const before = sql.slice(0, at).split('\n')
  return `[${before.length}:${before.at(-1)!.length + 1}]`
}
