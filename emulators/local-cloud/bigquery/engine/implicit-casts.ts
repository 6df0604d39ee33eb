/** Refuses conversions that DuckDB makes by itself and GoogleSQL does not: of a text that meets a number, of a number that meets a BOOL. */
// https://cloud.google.com/bigquery/docs/reference/standard-sql/conversion_rules

import { functionName, googleType, OWN_MESSAGE } from '../sql/engine-errors.ts'
import { castTexts, macros, TIMESTAMP_TEXT } from '../sql/functions.ts'
import { shown } from '../values/limits.ts'
import { isQueryPlace, type Part, type Type, typeOf } from './plan.ts'

/** Before the SQL whose plan is checked: places in macros are below its length, and those in the SQL are not. */
export const PADDING = ' '.repeat(Math.max(...macros.map((macro) => macro.length)))

export interface Checked {
  /** The SQL in bytes, as the plan counts its places. */
  readonly sql: Buffer
  /** Within a subquery that refers to the query around it. */
  readonly isFlattened: boolean
  /** Within a branch of a CASE that types rule out. */
  readonly isDead: boolean
  /** The branches that were found to be so. */
  readonly dead: Set<unknown>
}

/** False in a macro, and for a part without a place. */
export const isInQuery = ({ query_location: at }: Part): boolean => isQueryPlace(at) && at >= PADDING.length

/** More than the longest beginning with which the SQL of a part is compared. */
const MAX_COMPARED_BYTES = 400

/** The SQL from the place on which the part begins; undefined in a macro, and for a part without a place. */
function writtenAt(part: Part, { sql }: Checked): string | undefined {
  const at = (part.query_location ?? 0) - PADDING.length
  return isInQuery(part) && at < sql.length ? sql.subarray(at, at + MAX_COMPARED_BYTES).toString('utf8') : undefined
}

/**
 * Whether DuckDB added this cast: it has the place of its operand. That of a written one is the place of `::`; casts in macros are
 * not looked at. A column has lost its own place in a plan, so the text there must be its name.
 */
function isImplicit(part: Part, checked: Checked): part is Part & { readonly child: Part } {
  if (part.expression_class !== 'BOUND_CAST' || part.child === undefined || part.try_cast === true) return false
  const { child, query_location: at } = part
  // A cast for IS TRUE has no place; neither has TRUE itself, the text 't' that is cast.
  if (!isQueryPlace(at)) return !(part.return_type?.id === 'BOOLEAN' && /^[tf]$/.test(textOf(child) ?? ''))
  if (isQueryPlace(child.query_location)) return isInQuery(part) && at === child.query_location
  const written = writtenAt(part, checked)?.replaceAll('"', '').toLowerCase()
  const name = child.alias?.replaceAll('"', '').toLowerCase()
  return written !== undefined && name !== undefined && name !== '' && isPathTo(written, name)
}

/** `t.s + 1` begins with a path to `s`. */
const isPathTo = (written: string, name: string): boolean =>
  written.startsWith(name) ||
  /^(?:[\w$]+\.)+/.exec(written)?.some((path) => written.startsWith(name, path.length)) === true

/** The type of an operand before DuckDB converted it. */
const typeBefore = (part: Part, checked: Checked): Type | undefined =>
  isImplicit(part, checked) ? typeBefore(part.child, checked) : typeOf(part)

const coercions: Readonly<Record<string, readonly string[]>> = {
  INT64: ['NUMERIC', 'FLOAT64'],
  NUMERIC: ['FLOAT64'],
  DATE: ['DATETIME'],
}
const fromText = ['DATE', 'DATETIME', 'TIME', 'TIMESTAMP']
const known = new Set(['INT64', 'NUMERIC', 'FLOAT64', 'BOOL', 'STRING', 'BYTES', 'JSON', ...fromText])

export const nameOf = (type: Type | undefined): string => {
  if (type?.type_info?.alias === 'JSON') return 'JSON'
  if (type?.id === 'LIST') return `ARRAY<${nameOf(type.type_info?.child_type)}>`
  return googleType(type?.id ?? '')
}

/** Whether GoogleSQL coerces a value, or DuckDB's conversion is no matter of types that GoogleSQL has. */
function isCoerced(from: Type | undefined, to: Type | undefined, isConstant: boolean): boolean {
  if (from?.id === 'LIST' && to?.id === 'LIST')
    return isCoerced(from.type_info?.child_type, to.type_info?.child_type, isConstant)
  if (from?.id === 'STRUCT' && to?.id === 'STRUCT') {
    const wanted = to.type_info?.child_types ?? []
    return (from.type_info?.child_types ?? []).every(({ second }, index) =>
      isCoerced(second, wanted[index]?.second, isConstant),
    )
  }
  const [given, wanted] = [nameOf(from), nameOf(to)]
  if (given === wanted || !known.has(given) || !known.has(wanted)) return true
  if (isConstant && given === 'STRING' && fromText.includes(wanted)) return true
  return coercions[given]?.includes(wanted) === true
}

/** A literal, or the expression that stands for a parameter. */
const isConstant = (part: Part, checked: Checked): boolean =>
  part.expression_class === 'BOUND_CONSTANT' || writtenAt(part, checked)?.startsWith('CASE WHEN random() > 2') === true

const textOf = ({ value }: Part): string | undefined => (typeof value?.value === 'string' ? value.value : undefined)

const notConcatenated = /^(FLOAT64|NUMERIC|TIMESTAMP|DATETIME|TIME|BYTES|ARRAY)\b/
/** `||` and CONCAT take each type that can be cast to STRING. Macros have it in their messages. */
function checkConcatenated(from: string, parent: Part): void {
  if (isInQuery(parent) && notConcatenated.test(from))
    throw new Error(`${OWN_MESSAGE}CONCAT of ${from} is not translated by the local cloud: CAST to STRING first.`)
}

/** The texts that BigQuery casts: DuckDB takes others too, such as `epoch`. */
const textRules: Readonly<Record<string, RegExp>> = {
  ...Object.fromEntries(
    castTexts.flatMap(([name, , pattern]) =>
      ['date', 'datetime', 'time'].includes(name) ? [[name.toUpperCase(), new RegExp(pattern)]] : [],
    ),
  ),
  TIMESTAMP: new RegExp(TIMESTAMP_TEXT),
}

function checkText(child: Part, to: string): void {
  const text = textOf(child)
  if (text !== undefined && textRules[to]?.test(text) === false)
    throw new Error(`${OWN_MESSAGE}Could not cast literal "${shown(text)}" to type ${to}`)
}

/** The type of NUMERIC and a literal such as 2.5 together is NUMERIC or FLOAT64, depending on the operator. */
function checkFraction(from: string, to: string, parent: Part | undefined): void {
  const isComparison = symbols[parent?.comparison ?? parent?.type ?? ''] !== undefined
  const literal = operands(parent).some(
    (one) => one.expression_class === 'BOUND_CONSTANT' && nameOf(typeOf(one)) === 'FLOAT64',
  )
  if (from === 'NUMERIC' && to === 'FLOAT64' && literal && !isComparison)
    throw new Error(
      `${OWN_MESSAGE}NUMERIC and a FLOAT64 literal are not combined by the local cloud: write NUMERIC '2.5', or CAST(… AS FLOAT64).`,
    )
}

/**
 * @param parent the expression whose operand it is.
 * @param around the nearest expression whose place is in the query: `parent`, or the call of a macro.
 * @throws an error in BigQuery's words
 */
export function checkCast(part: Part, parent: Part | undefined, around: Part | undefined, checked: Checked): void {
  if (!isImplicit(part, checked)) return
  const type = typeBefore(part.child, checked)
  const [from, to] = [nameOf(type), nameOf(part.return_type)]
  if (parent !== undefined && (parent.name === '||' || parent.name === 'concat')) return checkConcatenated(from, parent)
  checkText(part.child, to)
  checkFraction(from, to, parent)
  if (isCoerced(type, part.return_type, isConstant(part.child, checked))) return
  throw new Error(`${OWN_MESSAGE}${refusal(from, to, parent, around, checked)}`)
}

const symbols: Readonly<Record<string, string>> = {
  COMPARE_EQUAL: '=',
  COMPARE_NOTEQUAL: '!=',
  COMPARE_LESSTHAN: '<',
  COMPARE_LESSTHANOREQUALTO: '<=',
  COMPARE_GREATERTHAN: '>',
  COMPARE_GREATERTHANOREQUALTO: '>=',
  COMPARE_BETWEEN: 'BETWEEN',
  COMPARE_IN: 'IN',
  COMPARE_NOT_IN: 'IN',
  CONJUNCTION_AND: 'AND',
  CONJUNCTION_OR: 'OR',
  OPERATOR_NOT: 'NOT',
}

function refusal(
  from: string,
  to: string,
  ...[parent, around, checked]: [Part | undefined, Part | undefined, Checked]
): string {
  const types = operands(parent).map((part) => nameOf(typeBefore(part, checked)))
  const list = types.join(', ')
  const isOwn = parent !== undefined && (parent === around || !isQueryPlace(parent.query_location))
  const operator = symbols[parent?.comparison ?? parent?.type ?? '']
  if (isOwn && operator !== undefined)
    return `No matching signature for operator ${operator} for argument types: ${list}`
  const written = around === undefined ? undefined : writtenAt(around, checked)
  if (isOwn && parent.type === 'CASE_EXPR' && written?.startsWith('CASE'))
    return `No matching signature for operator CASE; all THEN/ELSE arguments must be coercible to a common type but found: ${list}`
  if (isOwn && parent.type === 'CASE_EXPR' && !isQueryPlace(parent.query_location))
    return `No matching signature for function IF for argument types: BOOL, ${list}`
  if (isOwn && parent.type === 'OPERATOR_COALESCE')
    return `No matching signature for function COALESCE for argument types: ${list}`
  if (isOwn && parent.name === 'list_value')
    return `Array elements of types {${[...new Set(types)].join(', ')}} do not have a common supertype`
  if (isOwn && parent.name !== undefined)
    return /^\w+$/.test(parent.name)
      ? `No matching signature for function ${functionName(parent.name)} for argument types: ${list}`
      : `No matching signature for operator ${parent.name} for argument types: ${list}`
  const called = /^"?(\w+)\(/.exec(written ?? '')?.[1]
  return called === undefined
    ? `A value of type ${from} cannot be coerced to ${to}: use CAST`
    : `No matching signature for function ${functionName(called)} for an argument of type ${from}`
}

function operands(part: Part | undefined): readonly Part[] {
  const cases = part?.case_checks?.map(({ then_expr: then }) => then) ?? []
  const all = [part?.left, part?.right, part?.input, part?.lower, part?.upper, ...(part?.children ?? [])]
  return [...all, ...cases, part?.else_expr].filter((one) => one !== undefined)
}

const setOperations: Readonly<Record<string, string>> = {
  LOGICAL_UNION: 'UNION',
  LOGICAL_EXCEPT: 'EXCEPT',
  LOGICAL_INTERSECT: 'INTERSECT',
}

/** @throws an error in BigQuery's words for queries whose columns have types that do not meet. */
export function checkSetOperation(part: Part, checked: Checked): void {
  const operation = setOperations[part.type ?? '']
  if (operation === undefined) return
  const queries = part.children?.map(({ expressions = [] }) => expressions) ?? []
  for (const [index] of (queries[0] ?? []).entries()) {
    const types = queries.map((query) => query[index]).filter((one) => one !== undefined)
    const isMet = types.every((one) => {
      const before = typeBefore(one, checked)
      return isCoerced(before, typeOf(one), one.child !== undefined && isConstant(one.child, checked))
    })
    const given = types.map((one) => nameOf(typeBefore(one, checked)))
    // With a literal such as 2.5 the column would be NUMERIC.
    if (given.includes('NUMERIC') && given.includes('FLOAT64'))
      throw new Error(
        `${OWN_MESSAGE}NUMERIC and FLOAT64 in ${operation} are not translated by the local cloud: use CAST`,
      )
    if (isMet) continue
    const names = given.join(', ')
    throw new Error(`${OWN_MESSAGE}Column ${index + 1} in ${operation} has incompatible types: ${names}`)
  }
}
