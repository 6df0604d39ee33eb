/** Refuses what DuckDB compares and converts otherwise than BigQuery, by the plan of a query: it shows the types that meet, and where DuckDB converts one. */

import type { DuckDBConnection } from '@duckdb/node-api'
import { invalidArgument } from '../../core/status.ts'
import { refuseMixedStructs } from '../sql/mixed-structs.ts'

interface Type {
  readonly id: string
  readonly type_info?: {
    readonly alias?: string
    readonly child_types?: readonly { readonly first: string; readonly second: Type }[]
    readonly child_type?: Type
  } | null
}

/** A part of a plan. An expression's type is here, a constant's in its value. */
interface Part {
  readonly expression_class?: string
  readonly type?: string
  readonly return_type?: Type
  readonly value?: { readonly type?: Type }
  readonly child?: Part
  readonly left?: Part
  readonly comparison?: string
}

/** Of a query that the engine can prepare, without parameters. @throws INVALID_ARGUMENT, or an error that `sqlError` words. */
export async function checkPlan(connection: DuckDBConnection, sql: string): Promise<void> {
  const reader = await connection.runAndReadAll(`SELECT json_serialize_plan('${sql.replaceAll("'", "''")}')`)
  const plan = String(reader.getRows()[0]![0])
  // Most queries have none of these types, and a plan is long.
  if (/"(?:STRUCT|LIST)"|"alias":"JSON"/.test(plan)) visit(JSON.parse(plan))
}

function visit(part: unknown): void {
  if (Array.isArray(part)) for (const one of part) visit(one)
  else if (typeof part === 'object' && part !== null) {
    checkPart(part)
    for (const one of Object.values(part)) visit(one)
  }
}

const typeOf = (part: Part | undefined): Type | undefined => part?.return_type ?? part?.value?.type

function checkPart(part: Part): void {
  if (part.expression_class === 'BOUND_CAST') checkFields(typeOf(part.child), part.return_type)
  // A comparison is an expression, or the condition of a join.
  const operator = part.comparison ?? (part.expression_class === 'BOUND_COMPARISON' ? part.type : undefined)
  if (operator !== undefined) checkComparison(operator, typeOf(part.left))
}

/** DuckDB converts a STRUCT field by field, by their names; one without names by the places of the fields, as BigQuery does. */
function checkFields(from: Type | undefined, to: Type | undefined): void {
  if (from?.id === 'LIST' && to?.id === 'LIST') checkFields(from.type_info?.child_type, to.type_info?.child_type)
  if (from?.id !== 'STRUCT' || to?.id !== 'STRUCT') return
  const [given, wanted] = [from.type_info?.child_types ?? [], to.type_info?.child_types ?? []]
  const isNamed = given.every(({ first }) => first !== '') && wanted.every(({ first }) => first !== '')
  const isSame =
    given.length === wanted.length &&
    given.every(({ first }, index) => first.toLowerCase() === wanted[index]!.first.toLowerCase())
  if (isNamed && !isSame) refuseMixedStructs(given.map(({ first }) => first))
  for (const [index, { second }] of given.entries()) checkFields(second, wanted[index]?.second)
}

/** IS DISTINCT FROM is not among them: DuckDB's own joins use it. */
const operators: Readonly<Record<string, string>> = {
  COMPARE_EQUAL: 'Equality',
  COMPARE_NOTEQUAL: 'Equality',
  COMPARE_LESSTHAN: 'Less than',
  COMPARE_LESSTHANOREQUALTO: 'Less than or equal',
  COMPARE_GREATERTHAN: 'Greater than',
  COMPARE_GREATERTHANOREQUALTO: 'Greater than or equal',
}

function checkComparison(operator: string, left: Type | undefined): void {
  const name = operators[operator]
  const type = left?.type_info?.alias === 'JSON' ? 'JSON' : { LIST: 'ARRAY', STRUCT: 'STRUCT' }[left?.id ?? '']
  if (name === undefined || type === undefined || (type === 'STRUCT' && name === 'Equality')) return
  throw invalidArgument(`${name} is not defined for arguments of type ${type}`)
}
