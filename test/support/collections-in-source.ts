/** The collections that a program uses, read from its syntax tree. */

import { type Program, Visitor } from 'oxc-parser'

/** The collections in `documentPath<typeof service>('collection', id)`, and `streams` for a program that uses `platform.streams`. */
export function collectionsIn(program: Program): string[] {
  const names: string[] = []
  new Visitor({
    CallExpression({ callee, arguments: [first] }) {
      if (callee.type !== 'Identifier' || callee.name !== 'documentPath') return
      if (first?.type === 'Literal' && typeof first.value === 'string') names.push(first.value)
    },
    MemberExpression({ property }) {
      if (property.type === 'Identifier' && property.name === 'streams') names.push('streams')
    },
  }).visit(program)
  return names
}
