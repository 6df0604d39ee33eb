/** Refuses what BigQuery refuses in a SELECT and DuckDB accepts: clauses without FROM, HAVING without groups, and ORDER BY what DISTINCT has left out. */
// https://cloud.google.com/bigquery/docs/reference/standard-sql/query-syntax

import { invalidArgument } from '../../../core/status.ts'
import { place, type Token } from '../../tokens/tokens.ts'
import { expressionsIn } from './children.ts'
import { isInteger } from './cursor.ts'
import { functions } from './functions.ts'
import { lastName } from './names.ts'
import { queriesIn } from './queries-in.ts'
import type { Expression, Query, Select, Statement } from './tree.ts'

/** @param text the statement, by which places are counted. @throws INVALID_ARGUMENT in BigQuery's words. */
export function checkSelects(statement: Statement, text: string): void {
  for (const query of queriesIn(statement)) {
    const refused = refusalIn(query)
    if (refused) throw invalidArgument(`${refused.message} at ${place(text, refused.at.at ?? text.length)}`)
  }
}

interface Refusal {
  readonly message: string
  readonly at: Token
}

function refusalIn({ body, order, orderAt }: Query): Refusal | undefined {
  const selects = body.kind === 'set' ? body.parts : [body]
  for (const part of selects) {
    if (part.kind !== 'select') continue
    // After a set operation, ORDER BY is that of all its queries.
    const own = body.kind === 'set' ? undefined : orderAt
    const refused = part.select.clauses.has('FROM')
      ? (ungrouped(part.select) ?? literalGroup(part.select) ?? allConstant(part.select) ?? misusedWindow(part.select))
      : withoutFrom(part.select, own)
    if (refused) return refused
  }
  const isSorted = body.kind === 'select' && body.select.isDistinct && body.select.clauses.has('FROM')
  return isSorted
    ? hiddenByDistinct(
        body.select,
        order.map(({ value }) => value),
      )
    : undefined
}

const noClause = (name: string): string =>
  `Query without FROM clause cannot have ${name.startsWith('O') ? 'an' : 'a'} ${name} clause`

function withoutFrom(select: Select, orderAt: Token | undefined): Refusal | undefined {
  const [clause] = select.clauses
  if (clause) return { message: noClause(clause[0] === 'GROUP' ? 'GROUP BY' : clause[0]), at: clause[1] }
  if (orderAt) return { message: noClause('ORDER BY'), at: orderAt }
  const star = select.columns.find((column) => column.kind === 'star' && column.of === undefined)
  if (star?.kind === 'star') return { message: 'SELECT * must have a FROM clause', at: star.at }
  const values = select.columns.flatMap((column) => (column.kind === 'value' ? [column.value] : []))
  if (values.some(hasAggregate)) return { message: 'SELECT without FROM clause cannot use aggregation', at: select.at }
  if (values.some(hasWindow))
    return { message: 'SELECT without FROM clause cannot use analytic functions', at: select.at }
  return undefined
}

function ungrouped({ having, clauses, columns }: Select): Refusal | undefined {
  if (!having || clauses.has('GROUP') || hasAggregate(having)) return undefined
  if (columns.some((column) => column.kind === 'value' && hasAggregate(column.value))) return undefined
  return { message: 'The HAVING clause requires GROUP BY or aggregation to be present', at: firstToken(having) }
}

function literalGroup({ groups }: Select): Refusal | undefined {
  const literal = groups.find((one) => one.kind === 'literal' && !isInteger(one.at))
  return literal && { message: 'Cannot GROUP BY literal values', at: literal.at }
}

/** GROUP BY ALL leaves out constants, so it is one group here; DuckDB groups by them. */
function allConstant({ clauses, groups, columns }: Select): Refusal | undefined {
  const group = clauses.get('GROUP')
  if (!group || groups.length > 0) return undefined
  const plain = columns.filter((column) => column.kind === 'star' || !hasAggregate(column.value))
  const isConstant = plain.every((column) => column.kind === 'value' && pathsIn(column.value).length === 0)
  return isConstant && plain.length > 0
    ? { message: 'GROUP BY ALL without a column is not translated by the local cloud', at: group }
    : undefined
}

/** Of the WINDOW clause: whose function has no frame, or is one of sorted rows. */
function misusedWindow({ windows, columns, qualify }: Select): Refusal | undefined {
  const values = columns.flatMap((column) => (column.kind === 'value' ? [column.value] : []))
  for (const { name, call, at } of [...values, qualify].flatMap((one) => (one ? windowCallsIn(one) : []))) {
    const used = windows.find((one) => one.name.text.toLowerCase() === call.over!.name?.text.toLowerCase())?.over
    const rules = functions.get(name)!
    if (used?.frame && rules.hasNoFrame)
      return { message: `Window framing clause is not allowed for analytic function ${name}`, at }
    if (used?.order.length === 0 && rules.needsOrder)
      return { message: `Window ORDER BY is required for analytic function ${name}`, at }
  }
  return undefined
}

const windowCallsIn = (one: Expression): (Expression & { readonly kind: 'call' })[] => [
  ...(one.kind === 'call' && one.call.over ? [one] : []),
  ...expressionsIn(one).flatMap(windowCallsIn),
]

/** The operator of an operation is where it is computed, and not where it begins. */
const firstToken = (one: Expression): Token =>
  [one.at, ...expressionsIn(one).map(firstToken)].toSorted((a, b) => (a.at ?? 0) - (b.at ?? 0))[0]!

const hasAggregate = (one: Expression): boolean =>
  (one.kind === 'call' && !one.call.over && functions.get(one.name)?.kind === 'aggregate') ||
  expressionsIn(one).some(hasAggregate)

const hasWindow = (one: Expression): boolean =>
  (one.kind === 'call' && one.call.over !== undefined) || expressionsIn(one).some(hasWindow)

function hiddenByDistinct({ columns }: Select, order: readonly Expression[]): Refusal | undefined {
  const names = new Set<string>()
  /** Of `t.*`. */
  const tables = new Set<string>()
  for (const column of columns) {
    if (column.kind === 'star' && !column.of) return undefined
    const name = column.kind === 'star' ? column.of && lastName(column.of) : (column.alias ?? lastName(column.value))
    if (name) (column.kind === 'star' ? tables : names).add(name.text.toLowerCase())
  }
  const hidden = order.flatMap(pathsIn).find((path) => {
    const [first, last] = [path[0]!.text.toLowerCase(), path.at(-1)!.text.toLowerCase()]
    if (names.has(first) || tables.has(first)) return false
    return path.length > 1 ? !names.has(last) : tables.size === 0
  })
  if (!hidden) return undefined
  const path = hidden.map(({ text }) => text).join('.')
  return {
    message: `ORDER BY clause expression references ${path} which is not visible after SELECT DISTINCT`,
    at: hidden[0]!,
  }
}

const pathsIn = (one: Expression): (readonly Token[])[] => [
  ...(one.kind === 'path' ? [one.names] : []),
  ...expressionsIn(one).flatMap(pathsIn),
]
