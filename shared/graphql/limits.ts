/**
 * The limits of a document, checked before it is validated: what it may ask for, not what it is. A document that breaks one is refused
 * by the limit's name.
 */

import {
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLField,
  getNamedType,
  type GraphQLNamedType,
  type GraphQLSchema,
  isListType,
  isNonNullType,
  isObjectType,
  Kind,
  type OperationDefinitionNode,
  SchemaMetaFieldDef,
  type SelectionSetNode,
  TypeMetaFieldDef,
  visit,
} from 'graphql'
import { refuseIf } from '../base/errors.ts'

export const MAX_DOCUMENT_CHARACTERS = 20_000
export const MAX_TOKENS = 2_000
/** The query by which tools introspect has 14. */
export const MAX_DEPTH = 15
/** Fields and fragments, with those of a fragment counted at each place that has it. */
export const MAX_FIELDS = 400
export const MAX_ALIASES = 30
export const MAX_DIRECTIVES = 20
/** Operations and edges: each is a request to a service. */
export const MAX_CALLS = 20
/** Objects of the answer. */
export const MAX_COST = 5_000
/** Objects of a list whose length no argument names, and rows of a page without a limit. */
const LIST_LENGTH = 5
const PAGE_LENGTH = 20

export interface Measured {
  /** Requests as which the document counts: one of each edge, and those of each operation. */
  readonly charges: number
}

interface Measuring {
  readonly schema: GraphQLSchema
  readonly fragments: ReadonlyMap<string, FragmentDefinitionNode>
  readonly variables: Readonly<Record<string, unknown>>
  /** By type and field: `Order.dish`. */
  isEdge(name: string): boolean
  /** The requests as which an operation counts. */
  chargesOf(operation: string): number
  fields: number
  calls: number
  charges: number
  cost: number
}

/** The fields by which tools introspect: aliases of what they lead to would multiply to an answer of megabytes. */
const ofSchema: Readonly<Record<string, GraphQLField<unknown, unknown>>> = {
  [SchemaMetaFieldDef.name]: SchemaMetaFieldDef,
  [TypeMetaFieldDef.name]: TypeMetaFieldDef,
}

/** The place of a selection. */
interface Place {
  readonly type: GraphQLNamedType | undefined
  readonly depth: number
  readonly objects: number
  /** The number of rows that the operation around it was asked for. */
  readonly rows: number | undefined
  readonly within: readonly string[]
}

/** @throws Refused `document-too-complex`; `invalid-document` for a fragment that contains itself */
export function measured(
  document: DocumentNode,
  operation: OperationDefinitionNode,
  about: Pick<Measuring, 'schema' | 'variables' | 'isEdge' | 'chargesOf'>,
): Measured {
  checkLength(document)
  const fragments = new Map(
    document.definitions.flatMap((one) =>
      one.kind === Kind.FRAGMENT_DEFINITION ? [[one.name.value, one] as const] : [],
    ),
  )
  const variables = { ...defaultsOf(operation), ...about.variables }
  const measuring = { ...about, variables, fragments, fields: 0, calls: 0, charges: 0, cost: 0 }
  // Operations and fragments that are not asked for are validated as well.
  for (const one of document.definitions)
    if (one !== operation && 'selectionSet' in one)
      measure(one.selectionSet, measuring, { type: undefined, depth: 1, objects: 1, rows: undefined, within: [] })
  // The operation has all of them: the query by which tools introspect has 240, and 250 in its fragments.
  Object.assign(measuring, { fields: 0, calls: 0, charges: 0, cost: 0 })
  const type = about.schema.getRootType(operation.operation) ?? undefined
  measure(operation.selectionSet, measuring, { type, depth: 1, objects: 1, rows: undefined, within: [] })
  check('operations and edges', measuring.calls, MAX_CALLS)
  check('objects', measuring.cost, MAX_COST)
  return { charges: measuring.charges }
}

/** The values of variables that the request leaves out, such as a number of rows. */
const defaultsOf = ({ variableDefinitions = [] }: OperationDefinitionNode): Readonly<Record<string, unknown>> =>
  Object.fromEntries(
    variableDefinitions.flatMap(({ variable, defaultValue }) =>
      defaultValue && 'value' in defaultValue ? [[variable.name.value, defaultValue.value]] : [],
    ),
  )

function checkLength(document: DocumentNode): void {
  let aliases = 0
  let directives = 0
  visit(document, {
    Field: ({ alias }) => void (aliases += alias ? 1 : 0),
    Directive: () => void (directives += 1),
  })
  check('aliases', aliases, MAX_ALIASES)
  check('directives', directives, MAX_DIRECTIVES)
}

const check = (what: string, number: number, limit: number): void =>
  refuseIf(
    number > limit,
    'document-too-complex',
    `The document has more than ${limit} ${what}: ask for less, or in several requests.`,
  )

function measure({ selections }: SelectionSetNode, measuring: Measuring, place: Place): void {
  check('levels of fields', place.depth, MAX_DEPTH)
  for (const one of selections) {
    // Fragments without fields, each of which has two others, would double without end.
    check('fields', ++measuring.fields, MAX_FIELDS)
    if (one.kind === Kind.FIELD) measureField(one, measuring, place)
    else if (one.kind === Kind.INLINE_FRAGMENT) measure(one.selectionSet, measuring, place)
    else {
      const name = one.name.value
      refuseIf(place.within.includes(name), 'invalid-document', `The fragment ${name} contains itself: take it out.`)
      const fragment = measuring.fragments.get(name)
      if (fragment) measure(fragment.selectionSet, measuring, { ...place, within: [...place.within, name] })
    }
  }
}

function measureField(field: FieldNode, measuring: Measuring, place: Place): void {
  const name = field.name.value
  const { type } = place
  const isOfSchema = Object.hasOwn(ofSchema, name)
  const definition = isOfSchema ? ofSchema[name] : isObjectType(type) ? type.getFields()[name] : undefined
  const isRoot = place.depth === 1 && type !== undefined && !name.startsWith('__')
  if (isRoot || (isObjectType(type) && measuring.isEdge(`${type.name}.${name}`))) {
    measuring.calls += 1
    measuring.charges += isRoot ? measuring.chargesOf(name) : 1
  }
  if (!field.selectionSet) return
  const rows = isRoot ? rowsOf(field, measuring) : place.rows
  const nullable = definition && (isNonNullType(definition.type) ? definition.type.ofType : definition.type)
  const isList = isListType(nullable)
  const objects = isList ? place.objects * (rows ?? LIST_LENGTH) : place.objects
  measuring.cost += objects
  measure(field.selectionSet, measuring, {
    ...place,
    type: definition && getNamedType(definition.type),
    depth: place.depth + 1,
    objects,
    // The rows are those of the first list inside of the operation.
    rows: isList ? undefined : rows,
  })
}

/** Undefined: the operation is no list that is read by pages. */
function rowsOf(field: FieldNode, { schema, variables }: Measuring): number | undefined {
  const definition = schema.getQueryType()?.getFields()[field.name.value]
  if (!definition?.args.some(({ name }) => name === 'limit')) return undefined
  const given = field.arguments?.find(({ name }) => name.value === 'limit')?.value
  const value = given?.kind === Kind.VARIABLE ? variables[given.name.value] : given && 'value' in given && given.value
  const rows = Number(value)
  // A number that is no limit is refused by the operation itself, and takes nothing off.
  return Number.isInteger(rows) && rows > 0 ? rows : PAGE_LENGTH
}
