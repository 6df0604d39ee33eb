/** All queries of a statement, those around others first. */

import { expressionsIn, expressionsOver, subqueryIn } from './children.ts'
import type { Body, Expression, Query, Select, Source, Statement } from './tree.ts'

export function queriesIn(statement: Statement): Query[] {
  switch (statement.kind) {
    case 'query':
      return within(statement.query)
    case 'insert':
      return [...(statement.query ? within(statement.query) : []), ...statement.rows.flat().flatMap(ofExpression)]
    case 'change':
      return [...statement.from.flatMap(ofSource), ...statement.expressions.flatMap(ofExpression)]
    case 'truncate':
      return []
  }
}

const within = (query: Query): Query[] => [
  query,
  ...query.subqueries.flatMap((one) => within(one.query)),
  ...ofBody(query.body),
  ...query.order.flatMap(({ value }) => ofExpression(value)),
]

function ofBody(body: Body): Query[] {
  if (body.kind === 'select') return ofSelect(body.select)
  return body.kind === 'query' ? within(body.query) : body.parts.flatMap(ofBody)
}

function ofSelect({ columns, from, where, groups, having, qualify, windows }: Select): Query[] {
  const listed = columns.flatMap((column) =>
    column.kind === 'value' ? [column.value] : column.replaced.map(({ value }) => value),
  )
  const clauses = [where, ...groups, having, qualify, ...windows.flatMap(({ over }) => expressionsOver(over))]
  const expressions = [...listed, ...clauses].filter((one) => one !== undefined)
  return [...from.flatMap(ofSource), ...expressions.flatMap(ofExpression)]
}

function ofSource({ item, on }: Source): Query[] {
  const inside = item.kind === 'query' ? within(item.query) : item.kind === 'array' ? ofExpression(item.array) : []
  return on ? [...inside, ...ofExpression(on)] : inside
}

function ofExpression(expression: Expression): Query[] {
  const query = subqueryIn(expression)
  return [...expressionsIn(expression).flatMap(ofExpression), ...(query ? within(query) : [])]
}
