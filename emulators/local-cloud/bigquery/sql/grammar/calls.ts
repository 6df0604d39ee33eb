/** Calls with the clauses that a function takes, CAST, EXTRACT and windows. */
// https://cloud.google.com/bigquery/docs/reference/standard-sql/function-rules

import type { Token } from '../../tokens/tokens.ts'
import { expressionsIn } from './children.ts'
import { type Cursor, isInteger } from './cursor.ts'
import { functions, type FunctionRules, nearest } from './functions.ts'
import type { Call, Expression, Modifier, Ordered, Over } from './tree.ts'
import { isName, isWord } from '../../tokens/words.ts'

/** The name is read; the next token is the parenthesis. */
export function call(cursor: Cursor, written: Token): Expression {
  if (written.kind === 'quoted') throw cursor.notServed('A name of a function in backticks', written)
  const name = written.text.toUpperCase()
  const rules = functions.get(name)
  if (!rules) throw cursor.refusal(notFound(written.text, name), written)
  const inside = cursor.inParentheses(() => content(cursor, name, rules.part))
  const over = cursor.is('OVER') ? window(cursor) : undefined
  const found: Call = { ...inside, over }
  check(cursor, written, rules, found)
  return { kind: 'call', at: written, name, call: found }
}

function notFound(written: string, name: string): string {
  const other = nearest(name)
  return `Function not found in the local BigQuery: ${written}${other === undefined ? '' : `; Did you mean ${other.toLowerCase()}?`}`
}

function content(cursor: Cursor, name: string, part: number | undefined): Omit<Call, 'over'> {
  const modifiers = new Map<Modifier, Token>()
  const distinct = cursor.takeIf('DISTINCT')
  if (distinct) modifiers.set('DISTINCT', distinct)
  let index = 0
  const next = (): Expression => (index++ === part ? datePart(cursor, name) : argument(cursor, name))
  const args = cursor.is(')') ? [] : cursor.list(next)
  if (cursor.is('IGNORE', 'RESPECT')) {
    modifiers.set('NULLS', cursor.take())
    cursor.expect('NULLS')
  }
  if (cursor.is('HAVING') && cursor.isAt(1, 'MAX', 'MIN')) throw cursor.notServed('HAVING in a call')
  if (cursor.is('ORDER')) modifiers.set('ORDER', cursor.peek()!)
  const order = cursor.is('ORDER') ? ordering(cursor) : []
  if (cursor.is('LIMIT')) {
    modifiers.set('LIMIT', cursor.take())
    count(cursor)
  }
  return { args, isDistinct: distinct !== undefined, modifiers, order }
}

function argument(cursor: Cursor, name: string): Expression {
  if (cursor.is('*') && name === 'COUNT') return { kind: 'literal', at: cursor.take() }
  if (isName(cursor.peek()) && cursor.isAt(1, '=>')) throw cursor.notServed(`A named argument of ${name}`)
  return cursor.expression(/^(DATE|TIMESTAMP)_(ADD|SUB)$|^GENERATE_DATE_ARRAY$/.test(name))
}

/** `MONTH`, `WEEK(MONDAY)`: which of them a function takes, the translator knows. */
function datePart(cursor: Cursor, name: string): Expression {
  const at = cursor.peek()
  if (at?.kind !== 'word') throw cursor.refusal(`A valid date part name is required in ${name}`)
  cursor.name()
  if (cursor.is('(')) {
    if (at.text.toUpperCase() !== 'WEEK') throw cursor.refusal(`A valid date part name is required in ${name}`, at)
    cursor.inParentheses(() => cursor.name())
  }
  return { kind: 'literal', at }
}

function check(cursor: Cursor, at: Token, rules: FunctionRules, { args, modifiers, over }: Call): void {
  const name = at.text.toUpperCase()
  if (args.length < rules.least || args.length > rules.most)
    throw cursor.refusal(
      `Number of arguments does not match for function ${name}: the local cloud takes ${counts(rules)}, not ${args.length}${/DATE|TIME/.test(name) ? ', and no time zone but UTC' : ''}`,
      at,
    )
  checkCount(cursor, name, args)
  checkSeparator(cursor, name, args)
  checkDefault(cursor, name, args)
  for (const [modifier, token] of modifiers)
    if (!rules.modifiers.has(modifier))
      throw cursor.refusal(`${clauseNames[modifier]} in arguments is not supported for function ${name}`, token)
  if (!over) {
    if (rules.kind === 'analytic')
      throw cursor.refusal(`Analytic function ${name} cannot be called without an OVER clause`, at)
    return
  }
  if (!rules.hasWindow) throw cursor.refusal(`Function ${name} does not support an OVER clause`, over.at)
  const isCollected =
    modifiers.has('ORDER') || modifiers.has('LIMIT') || (rules.kind === 'aggregate' && modifiers.has('NULLS'))
  if (isCollected) throw cursor.refusal(`Clauses in the arguments of ${name} cannot be used with an OVER clause`, at)
  if (modifiers.has('DISTINCT') && over.order.length > 0)
    throw cursor.refusal('Window ORDER BY is not allowed if DISTINCT is specified', over.at)
  if (over.name) return
  if (rules.needsOrder && over.order.length === 0)
    throw cursor.refusal(`Window ORDER BY is required for analytic function ${name}`, at)
  if (rules.hasNoFrame && over.frame)
    throw cursor.refusal(`Window framing clause is not allowed for analytic function ${name}`, over.frame)
}

/** The arguments that are the same number for all rows, and the least of them. */
const counted: Readonly<Record<string, { readonly index: number; readonly least: number; readonly says: string }>> = {
  LAG: { index: 1, least: 0, says: 'The offset of LAG must not be negative' },
  LEAD: { index: 1, least: 0, says: 'The offset of LEAD must not be negative' },
  NTH_VALUE: { index: 1, least: 1, says: 'The N value of NTH_VALUE must be positive' },
  NTILE: { index: 0, least: 1, says: 'The N value (number of buckets) for the NTILE function must be positive' },
  APPROX_QUANTILES: { index: 1, least: 1, says: 'The second argument of APPROX_QUANTILES must be positive' },
}

function checkCount(cursor: Cursor, name: string, args: readonly Expression[]): void {
  const rule = counted[name]
  const argument = rule && args[rule.index]
  if (!argument || argument.kind === 'parameter') return
  if (argument.kind !== 'literal' || !isInteger(argument.at) || Number(argument.at.text) < rule.least)
    throw cursor.refusal(`${rule.says}: the local cloud takes a whole number or a parameter`, argument.at)
}

function checkSeparator(cursor: Cursor, name: string, [, separator]: readonly Expression[]): void {
  if (name !== 'STRING_AGG' || !separator || separator.kind === 'parameter') return
  if (separator.kind !== 'literal')
    throw cursor.refusal('Argument 2 to STRING_AGG must be a literal or query parameter', separator.at)
  if (isWord(separator.at, 'NULL')) throw cursor.notServed('STRING_AGG with a separator that is NULL', separator.at)
}

/** Of LAG and LEAD. */
function checkDefault(cursor: Cursor, name: string, [, , byDefault]: readonly Expression[]): void {
  if ((name === 'LAG' || name === 'LEAD') && byDefault && !isConstant(byDefault))
    throw cursor.refusal(
      `The third argument (the default expression) to the function ${name} must be a literal or query parameter`,
      byDefault.at,
    )
}

const isConstant = (one: Expression): boolean =>
  one.kind !== 'path' && one.kind !== 'subquery' && expressionsIn(one).every(isConstant)

const clauseNames: Readonly<Record<Modifier, string>> = {
  DISTINCT: 'DISTINCT',
  NULLS: 'IGNORE NULLS or RESPECT NULLS',
  ORDER: 'ORDER BY',
  LIMIT: 'LIMIT',
}

function counts({ least, most }: FunctionRules): string {
  if (most === Infinity) return `${least} or more`
  return least === most ? String(least) : `${least} to ${most}`
}

function window(cursor: Cursor): Over {
  const at = cursor.expect('OVER')
  if (isName(cursor.peek())) return { at, name: cursor.take(), partition: [], order: [], frame: undefined }
  return windowIn(cursor, at)
}

/** `(base PARTITION BY … ORDER BY … ROWS …)`. */
export function windowIn(cursor: Cursor, at: Token): Over {
  return cursor.inParentheses(() => {
    const name = isName(cursor.peek()) ? cursor.take() : undefined
    if (name && !cursor.is(')')) throw cursor.notServed('A window that extends another one', name)
    const isPartitioned = cursor.takeIf('PARTITION') && cursor.expect('BY')
    const partition = isPartitioned ? cursor.list(() => cursor.expression()) : []
    const order = cursor.is('ORDER') ? ordering(cursor) : []
    return { at, name, partition, order, frame: frame(cursor) }
  })
}

function frame(cursor: Cursor): Token | undefined {
  const at = cursor.takeIf('ROWS') ?? cursor.takeIf('RANGE')
  if (!at) return undefined
  if (!cursor.takeIf('BETWEEN')) {
    bound(cursor)
    return at
  }
  bound(cursor)
  cursor.expect('AND')
  bound(cursor)
  return at
}

function bound(cursor: Cursor): void {
  if (cursor.takeIf('CURRENT')) {
    cursor.expect('ROW')
    return
  }
  if (!cursor.takeIf('UNBOUNDED')) {
    const token = cursor.peek()
    if (token?.kind !== 'number' && token?.kind !== 'parameter') throw cursor.unexpected()
    cursor.take()
  }
  if (!cursor.is('PRECEDING', 'FOLLOWING')) throw cursor.unexpected()
  cursor.take()
}

/** `ORDER BY a DESC NULLS LAST, …`. */
export function ordering(cursor: Cursor): Ordered[] {
  cursor.expect('ORDER')
  cursor.expect('BY')
  return cursor.list(() => {
    const value = cursor.expression()
    if (cursor.is('COLLATE')) throw cursor.notServed('COLLATE')
    if (cursor.is('ASC', 'DESC')) cursor.take()
    if (cursor.takeIf('NULLS')) {
      if (!cursor.is('FIRST', 'LAST')) throw cursor.unexpected()
      cursor.take()
    }
    return { value }
  })
}

/** A count of rows: a whole number or a parameter. */
export function count(cursor: Cursor): void {
  const token = cursor.peek()
  if (!token || (token.kind !== 'parameter' && !isInteger(token))) throw cursor.unexpected()
  cursor.take()
}

export function cast(cursor: Cursor, at: Token): Expression {
  cursor.take()
  return cursor.inParentheses(() => {
    const value = cursor.expression()
    cursor.expect('AS')
    type(cursor)
    if (cursor.is('FORMAT')) throw cursor.notServed('CAST with FORMAT')
    return { kind: 'operation', at, operator: 'CAST', operands: [value] }
  })
}

function type(cursor: Cursor): void {
  if (cursor.is('ARRAY', 'STRUCT', 'RANGE')) throw cursor.notServed(`CAST to ${cursor.peek()!.text.toUpperCase()}`)
  const name = cursor.name()
  if (cursor.is('(', '.')) throw cursor.notServed(`CAST to ${name.text.toUpperCase()} with parameters`, name)
}

/** The part is checked by the translator, which has the list of those that it translates. */
export function extract(cursor: Cursor, at: Token): Expression {
  cursor.take()
  return cursor.inParentheses(() => {
    const part = cursor.name()
    if (isWord(part, 'WEEK') && cursor.is('(')) cursor.inParentheses(() => cursor.name())
    cursor.expect('FROM')
    const value = cursor.expression()
    if (cursor.is('AT')) throw cursor.notServed('EXTRACT … AT TIME ZONE')
    return { kind: 'operation', at, operator: 'EXTRACT', operands: [value] }
  })
}
