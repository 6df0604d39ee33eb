/** The queries that a program asks, read from its syntax tree. */

import { type Program, Visitor } from 'oxc-parser'

/** The names in calls of `query(owner, 'name', …)` and `relay(…, owner, 'name', …)`, of the platform or bound to it. */
export function queriesIn(program: Program): string[] {
  const names: string[] = []
  new Visitor({
    CallExpression({ callee, arguments: given }) {
      const called = callee.type === 'MemberExpression' ? callee.property : callee
      if (!('name' in called) || !['query', 'relay'].includes(String(called.name))) return
      for (const one of given) if (one.type === 'Literal' && typeof one.value === 'string') names.push(one.value)
    },
  }).visit(program)
  return names
}
