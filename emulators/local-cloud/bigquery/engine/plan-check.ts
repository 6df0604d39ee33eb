/** Refuses what DuckDB compares and converts otherwise than BigQuery, by the plan of a query: it shows the types that meet, and where DuckDB converts one. */

import type { DuckDBConnection } from '@duckdb/node-api'
import { invalidArgument } from '../../core/status.ts'
import { refuseMixedStructs } from '../sql/mixed-structs.ts'
import { functionName, OWN_MESSAGE } from '../sql/engine-errors.ts'
import { checkCast, checkSetOperation, type Checked, isInQuery, nameOf, PADDING } from './implicit-casts.ts'
import { type Part, type Type, typeOf } from './plan.ts'
import { checkSortable } from './sortable.ts'
import { checkRefusal, deadBranches } from './type-refusals.ts'

const HIDDEN_COLUMN = `"index":${2n ** 64n - 1n}`

/** Of a query that the engine can prepare, without parameters. @throws INVALID_ARGUMENT, or an error that `sqlError` words. */
export async function checkPlan(connection: DuckDBConnection, sql: string): Promise<void> {
  // As a parameter: the optimizer copies a constant of megabytes several times.
  const statement = await connection.prepare('SELECT json_serialize_plan($1::VARCHAR)')
  statement.bindVarchar(1, `${PADDING}${sql}`)
  const reader = await statement.runAndReadAll().finally(() => statement.destroySync())
  const plan = String(reader.getRows()[0]![0])
  // A column that each of DuckDB's tables has. A query that counts rows reads it too.
  if (/"rowid"/i.test(sql) && plan.includes(HIDDEN_COLUMN)) throw new Error(`${OWN_MESSAGE}Unrecognized name: rowid`)
  visit(JSON.parse(plan), undefined, undefined, {
    sql: Buffer.from(sql),
    isFlattened: false,
    isDead: false,
    dead: new Set(),
  })
}

/** @param parent the expression whose part it is. @param around the nearest expression that is written in the query itself. */
function visit(part: unknown, parent: Part | undefined, around: Part | undefined, whole: Checked): void {
  if (Array.isArray(part)) for (const one of part) visit(one, parent, around, whole)
  else if (typeof part === 'object' && part !== null) {
    const isFlattened = whole.isFlattened || (part as Part).type === 'LOGICAL_DELIM_JOIN'
    const isDead = whole.isDead || whole.dead.has(part)
    const checked =
      isFlattened === whole.isFlattened && isDead === whole.isDead ? whole : { ...whole, isFlattened, isDead }
    checkPart(part)
    if (!isDead) checkRefusal(part)
    checkSortable(part, checked.isFlattened)
    checkCast(part, parent, around, checked)
    checkSetOperation(part, checked)
    const isOperation = isOperationOf(part)
    const isWritten = isOperation && isInQuery(part)
    for (const one of isDead ? [] : deadBranches(part)) checked.dead.add(one)
    for (const [key, one] of Object.entries(part))
      if (!withoutParts.has(key)) visit(one, isOperation ? part : parent, isWritten ? part : around, checked)
  }
}

/** Most of a plan is types. */
const withoutParts = new Set(['return_type', 'value', 'arguments', 'original_arguments', 'types', 'returned_types'])

const isOperationOf = ({ expression_class: kind, comparison }: Part): boolean =>
  comparison !== undefined || (kind !== undefined && kind !== 'BOUND_CAST')

function checkPart(part: Part): void {
  checkMonths(part)
  checkOverload(part)
  if (part.expression_class === 'BOUND_CAST') checkFields(typeOf(part.child), part.return_type)
  // A comparison is an expression, or the condition of a join.
  const operator = part.comparison ?? (part.expression_class === 'BOUND_COMPARISON' ? part.type : undefined)
  if (operator !== undefined) checkComparison(operator, [part.left, part.right])
  else if (part.type === 'COMPARE_IN' || part.type === 'COMPARE_NOT_IN') checkComparison('COMPARE_IN', part.children)
}

const withoutMonths = /^to_(microseconds|milliseconds|seconds|minutes|hours|days|weeks)$/

/** @throws an error for months that are added to a TIMESTAMP, whose days depend on a time zone. */
function checkMonths({ name, children = [] }: Part): void {
  if ((name !== '+' && name !== '-') || !children.some((one) => typeOf(one)?.id === 'TIMESTAMP WITH TIME ZONE')) return
  const interval = children.find((one) => typeOf(one)?.id === 'INTERVAL')
  if (interval && !withoutMonths.test(interval.name ?? ''))
    throw new Error(
      `${OWN_MESSAGE}The local cloud adds to a TIMESTAMP, and subtracts from it, an INTERVAL of MICROSECOND, MILLISECOND, SECOND, MINUTE, HOUR, DAY or WEEK that stands beside it.`,
    )
}

/** @throws an error for columns that DuckDB names `element1`, and for functions that it has for further types. */
function checkOverload(part: Part): void {
  const { name, children, type: kind, return_type: element } = part
  if (kind === 'BOUND_UNNEST' && element?.type_info?.child_types?.some(({ first }) => first === ''))
    throw new Error(
      `${OWN_MESSAGE}The columns of an UNNEST of STRUCTs without names have no names in the local cloud: write STRUCT(1 AS a).`,
    )
  const type = typeOf(children?.[0])
  // A macro's own list has one element: the argument of a cast.
  if (name === 'list_value' && type?.id === 'LIST' && isInQuery(part))
    throw new Error(
      `${OWN_MESSAGE}Cannot construct array with element type ARRAY because nested arrays are not supported`,
    )
  if ((name === 'greatest' || name === 'least') && kindOf(type) !== undefined)
    throw new Error(`${OWN_MESSAGE}${name.toUpperCase()} is not defined for arguments of type ${nameOf(type)}`)
  const isOther = (name === 'sum' && type?.id === 'BOOLEAN') || (name === 'length' && type?.id === 'LIST')
  if (isOther)
    throw new Error(
      `${OWN_MESSAGE}No matching signature for function ${functionName(name)} for argument types: ${nameOf(type)}`,
    )
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
  COMPARE_IN: 'IN',
}

function checkComparison(operator: string, sides: readonly (Part | undefined)[] = []): void {
  const name = operators[operator]
  const type = kindOf(typeOf(sides.at(0)))
  if (name === undefined || type === undefined) return
  if (type !== 'STRUCT' || (name !== 'Equality' && name !== 'IN'))
    throw invalidArgument(`${name} is not defined for arguments of type ${type}`)
  if (!sides.every(isNeverNull))
    throw invalidArgument(
      'The local cloud compares no STRUCTs whose fields may be NULL: there BigQuery answers NULL. Compare the fields: a.x = b.x AND a.y = b.y',
    )
}

const kindOf = (type: Type | undefined): string | undefined =>
  type?.type_info?.alias === 'JSON' ? 'JSON' : { LIST: 'ARRAY', STRUCT: 'STRUCT' }[type?.id ?? '']

/** A literal, or a STRUCT of literals. */
function isNeverNull(part: Part | undefined): boolean {
  if (part?.expression_class === 'BOUND_CAST') return part.try_cast !== true && isNeverNull(part.child)
  if (part?.expression_class === 'BOUND_CONSTANT') return part.value?.is_null === false
  return constructors.has(part?.name ?? '') && part?.children?.every(isNeverNull) === true
}

const constructors = new Set(['row', 'struct_pack'])
