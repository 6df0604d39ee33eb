/** The parts of an expression, whatever its kind. */

import type { Expression, Over, Query } from './tree.ts'

/** Without those of a subquery. */
export function expressionsIn(expression: Expression): readonly Expression[] {
  switch (expression.kind) {
    case 'literal':
    case 'parameter':
    case 'path':
      return []
    case 'field':
      return [expression.of]
    case 'element':
      return [expression.of, expression.index]
    case 'operation':
    case 'subquery':
      return expression.operands
    case 'struct':
      return expression.fields.map(({ value }) => value)
    case 'call': {
      const { args, order, over } = expression.call
      return [...args, ...order.map(({ value }) => value), ...(over ? expressionsOver(over) : [])]
    }
  }
}

export const expressionsOver = ({ partition, order }: Over): Expression[] => [
  ...partition,
  ...order.map(({ value }) => value),
]

export const subqueryIn = (expression: Expression): Query | undefined =>
  expression.kind === 'subquery' ? expression.query : undefined
