/** The calls that a program makes to other services and to partners, with the time that each has, read from its syntax tree. */

import { type Expression, type Program, Visitor } from 'oxc-parser'

export interface CallInSource {
  /** `outside`: to an address that a client gave. */
  readonly kind: 'query' | 'submission' | 'partner' | 'outside'
  /** The query, the type of the command, or the name of the call in traces. Undefined: it is a variable. */
  readonly name: string | undefined
  /** Undefined: the default of its kind. `given`: a parameter of the function around it. */
  readonly timeoutMs: number | 'given' | undefined
}

type Argument = Parameters<
  NonNullable<ConstructorParameters<typeof Visitor>[0]['CallExpression']>
>[0]['arguments'][number]

const kinds: Readonly<Record<string, CallInSource['kind']>> = {
  query: 'query',
  relay: 'query',
  submit: 'submission',
  callExternal: 'partner',
  postOutside: 'outside',
}

/** Calls of `query(owner, 'name', request, options)`, `relay(…)`, `submit(command, options)`, `callExternal(url, options)` and `postOutside(url, options)`, of the platform or bound to it. */
export function callsIn(program: Program): CallInSource[] {
  const values = new Map<string, Expression>()
  const calls: CallInSource[] = []
  const resolved = (one: Argument | Expression | undefined): Argument | Expression | undefined =>
    one?.type === 'Identifier' ? values.get(one.name) : one
  const member = (one: Argument | Expression | undefined, name: string): Expression | undefined => {
    const object = resolved(one)
    if (object?.type !== 'ObjectExpression') return undefined
    for (const property of object.properties)
      if (property.type === 'Property' && 'name' in property.key && property.key.name === name) return property.value
    return undefined
  }
  const literal = (one: Argument | Expression | undefined): unknown => {
    const value = resolved(one)
    return value?.type === 'Literal' ? value.value : undefined
  }
  const nameIn = (kind: CallInSource['kind'], given: readonly Argument[]): Argument | Expression | undefined => {
    if (kind === 'query') return given[1]
    return kind === 'submission' ? member(given[0], 'type') : member(given[1], 'operation')
  }
  new Visitor({
    VariableDeclarator({ id, init }) {
      if (id.type === 'Identifier' && init) values.set(id.name, init)
    },
  }).visit(program)
  new Visitor({
    CallExpression({ callee, arguments: given }) {
      const property = callee.type === 'MemberExpression' ? callee.property : callee
      const called = 'name' in property ? String(property.name) : ''
      if (!Object.hasOwn(kinds, called)) return
      const kind = kinds[called]!
      const options = given[kind === 'query' ? 3 : 1]
      const name = literal(nameIn(kind, given))
      const isGiven = options?.type === 'Identifier' && values.get(options.name)?.type !== 'ObjectExpression'
      const timeoutMs = isGiven ? 'given' : literal(member(options, 'timeoutMs'))
      calls.push({
        kind,
        name: typeof name === 'string' ? name : undefined,
        timeoutMs: typeof timeoutMs === 'number' || timeoutMs === 'given' ? timeoutMs : undefined,
      })
    },
  }).visit(program)
  return calls
}
