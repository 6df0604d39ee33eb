/** The queries that a program asks, read from its syntax tree. */

import { type Program, Visitor } from 'oxc-parser'

/** The names in calls of `query(owner, 'name', …)` and `relay(…, owner, 'name', …)`, of the platform or bound to it. */
export function askedIn(program: Program): string[] {
  const asked: string[] = []
  new Visitor({
    CallExpression({ callee, arguments: given }) {
      const called = callee.type === 'MemberExpression' ? callee.property : callee
      if (!('name' in called) || !['query', 'relay'].includes(String(called.name))) return
      for (const one of given) if (one.type === 'Literal' && typeof one.value === 'string') asked.push(one.value)
    },
  }).visit(program)
  return asked
}
