/** The messages that a program makes, read from its syntax tree. */

import { type Program, Visitor } from 'oxc-parser'

/** The values of `type` in the program's object literals: the commands that it sends are among them. */
export function messageTypesIn(program: Program): string[] {
  const types: string[] = []
  new Visitor({
    ObjectExpression({ properties }) {
      for (const one of properties) {
        if (one.type !== 'Property' || one.computed || !('name' in one.key) || one.key.name !== 'type') continue
        if (one.value.type === 'Literal' && typeof one.value.value === 'string') types.push(one.value.value)
      }
    },
  }).visit(program)
  return types
}
