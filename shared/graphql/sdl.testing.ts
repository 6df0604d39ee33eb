/**
 * Writes the schema of GraphQL from the declared operations: each is a field of `Query`, `Mutation` or `Subscription`, with its
 * parameters and the fields of its body as arguments. Types of one name, which an operation may give, become one type.
 */

import {
  isOpen,
  jsonSchema,
  messageNameOf,
  requestSchema,
  scalarOf,
  type Schema,
  typeIn,
} from '../rpc/record.testing.ts'
import type { Edge, Edges } from '../service/edges.ts'
import type { Operation, Operations } from '../service/operation.ts'
import { HEADER_ARGUMENTS, KEY_ARGUMENT, rootTypeOf, VERSION_ARGUMENT, WAIT_ARGUMENT } from './names.ts'

interface Field {
  readonly type: string
  readonly isRequired: boolean
  readonly text?: string
  readonly args?: readonly string[]
  readonly deprecated?: string
}
type Types = Map<string, Map<string, Field>>

interface Deriving {
  readonly types: Types
  readonly inputs: Types
}

/** Integers that JSON holds exactly: `Int` has 32 bits. */
const SAFE_INTEGER = 'SafeInt'
const MAX_INT = 2 ** 31 - 1

/**
 * @param operations The newest version of each. @param edges Of all services.
 * @throws Error for a schema that GraphQL can not say, and for an edge between types that there are not: it names the place.
 */
export function sdlOf(operations: Operations, edges: Edges): string {
  const deriving: Deriving = { types: new Map(), inputs: new Map() }
  const roots = new Map<string, Map<string, Field>>()
  for (const [id, operation] of Object.entries(operations)) {
    const root = rootTypeOf(operation)
    if (!root) continue
    const fields = roots.get(root) ?? new Map<string, Field>()
    fields.set(id, rootField(id, operation, deriving))
    roots.set(root, fields)
  }
  const answers = new Map([...roots.values()].flatMap((fields) => [...fields].map(([id, { type }]) => [id, type])))
  for (const [name, edge] of Object.entries(edges)) addEdge(name, edge, deriving.types, answers)
  const texts = [
    '# Made from the operations of the services (functions/*/api.ts) by npm run record.',
    '"""An integer that a JSON number holds exactly."""\nscalar SafeInt',
    ...[...roots].map(([name, fields]) => block('type', name, fields)),
    ...[...deriving.types].map(([name, fields]) => block('type', name, fields)),
    ...[...deriving.inputs].map(([name, fields]) => block('input', name, fields)),
  ]
  return `${texts.join('\n\n')}\n`
}

const capitalized = (name: string): string => `${name.charAt(0).toUpperCase()}${name.slice(1)}`

function rootField(id: string, operation: Operation, deriving: Deriving): Field {
  const { summary, access, deprecated } = operation
  return {
    type: answerType(id, operation, deriving),
    // Null with an error: one that fails leaves the others.
    isRequired: false,
    text: `${summary}. Access: ${access}.`,
    args: argumentsOf(id, operation, deriving),
    ...(deprecated ? { deprecated: `Since ${deprecated.since}.` } : {}),
  }
}

function answerType(id: string, { answers, streams, types = {} }: Operation, { types: all }: Deriving): string {
  const name = types[''] ?? `${capitalized(id)}Answer`
  const fieldsIn = (schema: Schema, place: string, path = ''): Map<string, Field> =>
    new Map(
      Object.entries(schema.properties ?? {}).map(([field, one]) => [
        field,
        {
          type: typeOf(one, { place: `${place}.${field}`, path: path ? `${path}.${field}` : field, object }),
          isRequired: (schema.required ?? []).includes(field) && !isNullable(one),
        },
      ]),
    )
  const object: TypeOfObject = (schema, { place, path }) => {
    const own = types[path] ?? messageNameOf(place).replaceAll('.', '')
    add(all, own, fieldsIn(schema, own, path))
    return own
  }
  const schemas = streams
    ? [jsonSchema(streams, 'output')]
    : Object.values(answers).flatMap(([, schema]) => (schema ? [jsonSchema(schema, 'output')] : []))
  if (schemas.length === 0) return 'Boolean'
  for (const schema of schemas) {
    if (typeIn(schema) !== 'object') throw new Error(`${id} answers with no object: put it into one.`)
    add(all, name, fieldsIn(schema, name))
  }
  return name
}

type TypeOfObject = (schema: Schema, at: { readonly place: string; readonly path: string }) => string

function typeOf(
  schema: Schema,
  at: { readonly place: string; readonly path: string; readonly object: TypeOfObject },
): string {
  const { anyOf, items, properties, additionalProperties } = schema
  const some = anyOf?.filter((one) => one.type !== 'null')
  if (some?.length === 1) return typeOf(some[0]!, at)
  const type = typeIn(schema)
  if (type === 'array' && items) return `[${typeOf(items, at)}!]`
  if (type === 'object' && properties && !isOpen(additionalProperties)) return at.object(schema, at)
  const scalar = scalarOf(schema)
  if (!scalar) throw new Error(`${at.place} has a schema that GraphQL can not say: name its fields.`)
  return nameOf(scalar, schema)
}

function nameOf(scalar: string, { minimum = 0, maximum = 0 }: Schema): string {
  if (scalar === 'string') return 'String'
  if (scalar === 'bool') return 'Boolean'
  if (scalar === 'double') return 'Float'
  return maximum > MAX_INT || minimum < -MAX_INT - 1 ? SAFE_INTEGER : 'Int'
}

const isNullable = ({ type, anyOf }: Schema): boolean =>
  (Array.isArray(type) && type.includes('null')) || anyOf?.some((one) => one.type === 'null') === true

/** A type that is there already has the fields of both, and those are required that both require. */
function add(types: Types, name: string, fields: ReadonlyMap<string, Field>): void {
  const known = types.get(name)
  if (!known) return void types.set(name, new Map(fields))
  for (const field of new Set([...known.keys(), ...fields.keys()])) {
    const [was, is] = [known.get(field), fields.get(field)]
    if (was && is && was.type !== is.type)
      throw new Error(`${name}.${field} is ${was.type} in one operation and ${is.type} in another: call one otherwise.`)
    known.set(field, { ...(was ?? is)!, isRequired: was?.isRequired === true && is?.isRequired === true })
  }
}

function argumentsOf(id: string, operation: Operation, { inputs }: Deriving): string[] {
  const { parameters = {}, requiresIdempotencyKey, submits, checksVersion } = operation
  const { properties = {}, required = [] } = requestSchema(operation)
  const fieldsIn = (schema: Schema, place: string): Map<string, Field> =>
    new Map(
      Object.entries(schema.properties ?? {}).map(([field, one]) => [
        field,
        {
          type: typeOf(one, { place: `${place}.${field}`, path: '', object }),
          isRequired: (schema.required ?? []).includes(field),
        },
      ]),
    )
  const object: TypeOfObject = (schema, { place }) => {
    const name = `${messageNameOf(place).replaceAll('.', '')}Input`
    add(inputs, name, fieldsIn(schema, name.replace(/Input$/, '')))
    return name
  }
  const isRequired = (name: string): boolean =>
    required.includes(name) || (Object.hasOwn(parameters, name) && !parameters[name]!.safeParse(undefined).success)
  const own = Object.entries(properties).map(([name, schema]) => {
    if (HEADER_ARGUMENTS.includes(name))
      throw new Error(`${id} has the parameter ${name}, which mutations have by themselves: call it otherwise.`)
    const type = typeOf(schema, { place: `${capitalized(id)}.${name}`, path: '', object })
    return `${name}: ${type}${isRequired(name) ? '!' : ''}`
  })
  return [
    ...own,
    ...(requiresIdempotencyKey ? [`${KEY_ARGUMENT}: String`] : []),
    ...(submits ? [`${WAIT_ARGUMENT}: Int`] : []),
    ...(checksVersion ? [`${VERSION_ARGUMENT}: ${SAFE_INTEGER}`] : []),
  ]
}

function addEdge(name: string, { by, like, summary }: Edge, types: Types, answers: Map<string, string>): void {
  const [owner, field] = name.split('.') as [string, string]
  const fields = types.get(owner)
  if (!fields?.has(by)) throw new Error(`The edge ${name} begins at ${owner}.${by}, which there is not.`)
  const type = fields.get(field)?.type ?? answers.get(like)
  if (type === undefined) throw new Error(`The edge ${name} is like ${like}, which is no operation of GraphQL.`)
  fields.set(field, { type, isRequired: false, text: `${summary}.` })
}

function block(kind: 'type' | 'input', name: string, fields: ReadonlyMap<string, Field>): string {
  const lines = [...fields].flatMap(([field, { type, isRequired, text, args = [], deprecated }]) => [
    ...(text === undefined ? [] : [`  ${JSON.stringify(text)}`]),
    `  ${field}${args.length > 0 ? `(${args.join(', ')})` : ''}: ${type}${isRequired ? '!' : ''}${deprecated === undefined ? '' : ` @deprecated(reason: ${JSON.stringify(deprecated)})`}`,
  ])
  return [`${kind} ${name} {`, ...lines, '}'].join('\n')
}
