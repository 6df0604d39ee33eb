/**
 * The limit of WITH RECURSIVE. DuckDB has none, and a recursion without an end would run until the job's timeout. Each row gets the
 * number of the iteration that made it, in a query of another name, and the recursive part sees that query without the number:
 *
 *   `t AS (BASE UNION ALL REST)` → `numbered AS (SELECT *, 0 AS iteration FROM (BASE) UNION ALL
 *     SELECT *, … FROM (WITH t AS (SELECT * EXCEPT (iteration) FROM numbered) SELECT * FROM (REST))),
 *   t AS (SELECT * EXCEPT (iteration) FROM numbered)`
 */
// https://cloud.google.com/bigquery/docs/recursive-ctes#troubleshoot_iteration_limit_errors

import { invalidArgument } from '../../core/status.ts'
import { closingOf } from '../tokens/closing.ts'
import { type Token, tokenize } from '../tokens/tokens.ts'
import { isName, isSymbol, isWord } from '../tokens/words.ts'
import { limits } from '../values/limits.ts'

const ITERATION = '`bq_iteration`'

/** The statement with a count of iterations for each subquery that names itself after a UNION ALL. */
export function withIterations(tokens: readonly Token[]): readonly Token[] {
  if (!tokens.some((token, at) => isWord(token, 'RECURSIVE') && isWord(tokens[at - 1], 'WITH'))) return tokens
  const closing = closingOf(tokens)
  /** For the place of a subquery's name: the tokens in its place, and where they end. */
  const counted = new Map<number, { readonly tokens: readonly Token[]; readonly end: number }>()
  const rewrite = (begin: number, end: number): Token[] => {
    const result: Token[] = []
    for (let at = begin; at < end; at++) {
      const one = counted.get(at)
      if (one) {
        for (const token of one.tokens) result.push(token)
        at = one.end
      } else result.push(tokens[at]!)
    }
    return result
  }
  // From the last to the first, so that an inner one is there when the outer is rewritten.
  for (let at = tokens.length - 1; at > 0; at--) {
    if (!isWord(tokens[at], 'RECURSIVE') || !isWord(tokens[at - 1], 'WITH')) continue
    for (const { name, open } of subqueriesFrom(tokens, at + 1, closing)) {
      const close = closing.get(open)!
      const union = lastUnion(tokens, open + 1, close, closing)
      const isRecursive = tokens
        .slice(open, close)
        .some((token) => isName(token) && token.text.toLowerCase() === tokens[name]!.text.toLowerCase())
      if (!isRecursive) continue
      if (union === undefined) {
        if (tokens.slice(open, close).some((token) => isWord(token, 'DISTINCT')) && readsItself(tokens, name, close))
          throw invalidArgument('WITH RECURSIVE is run by the local cloud with UNION ALL alone.')
        continue
      }
      const [base, rest] = [rewrite(open + 1, union), rewrite(union + 2, close)]
      counted.set(name, { tokens: numbered(tokens[name]!, base, rest), end: close })
    }
  }
  return rewrite(0, tokens.length)
}

const readsItself = (tokens: readonly Token[], name: number, close: number): boolean =>
  tokens
    .slice(name, close)
    .some(
      ({ text }, at, all) => isWord(all[at - 1], 'FROM', 'JOIN') && text.toLowerCase() === all[0]!.text.toLowerCase(),
    )

interface Subquery {
  /** The places of its name and of its parenthesis. */
  readonly name: number
  readonly open: number
}

function subqueriesFrom(tokens: readonly Token[], first: number, closing: ReadonlyMap<number, number>): Subquery[] {
  const found: Subquery[] = []
  for (let name = first; isName(tokens[name]) && isWord(tokens[name + 1], 'AS');) {
    const open = name + 2
    const close = closing.get(open)
    if (!isSymbol(tokens[open], '(') || close === undefined) break
    found.push({ name, open })
    if (!isSymbol(tokens[close + 1], ',')) break
    name = close + 2
  }
  return found
}

/** The place of the last UNION ALL outside of parentheses. */
function lastUnion(
  tokens: readonly Token[],
  begin: number,
  end: number,
  closing: ReadonlyMap<number, number>,
): number | undefined {
  let found: number | undefined
  for (let at = begin; at < end; at++) {
    if (isWord(tokens[at], 'UNION') && isWord(tokens[at + 1], 'ALL')) found = at
    at = closing.get(at) ?? at
  }
  return found
}

function numbered(name: Token, base: readonly Token[], rest: readonly Token[]): Token[] {
  const own: Token = { kind: 'quoted', text: name.text }
  const other: Token = { kind: 'quoted', text: `bq numbered ${name.text}` }
  const words = (text: string): Token[] => tokenize(text).map(({ kind, text: word }) => ({ kind, text: word }))
  const last = [...words('(SELECT MAX(' + ITERATION + ') FROM'), other, ...words(')')]
  const plain = [...words(`AS (SELECT * EXCEPT (${ITERATION}) FROM`), other, ...words(')')]
  const message = `A recursive CTE has reached the maximum number of iterations: ${limits.iterations}.`
  const parts: (Token | readonly Token[])[] = [
    other,
    words(`AS (SELECT *, 0 AS ${ITERATION} FROM (`),
    base,
    words(') UNION ALL SELECT *, CASE WHEN'),
    last,
    words(`>= ${limits.iterations} THEN ERROR('${message}') ELSE 1 +`),
    last,
    words(`END AS ${ITERATION} FROM (WITH`),
    own,
    plain,
    words('SELECT * FROM ('),
    rest,
    words('))),'),
    name,
    plain,
  ]
  return parts.flat()
}
