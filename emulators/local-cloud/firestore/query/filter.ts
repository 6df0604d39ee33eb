/** The filter of a query: the matching documents, and Google's errors for invalid filters. */

import { invalidArgument } from '../../core/status.ts'
import { limits } from '../values/limits.ts'
import { type FieldPath, isNameField, parseFieldPath } from '../values/paths.ts'
import { type Value, compareValues, equalValues, isNan, isObject, typeOrder } from '../values/firestore-value.ts'
import { type WireValue, decodeValue } from '../values/proto-codec.ts'

const FIELD_OPERATORS = [
  'LESS_THAN',
  'LESS_THAN_OR_EQUAL',
  'GREATER_THAN',
  'GREATER_THAN_OR_EQUAL',
  'EQUAL',
  'NOT_EQUAL',
  'ARRAY_CONTAINS',
  'IN',
  'ARRAY_CONTAINS_ANY',
  'NOT_IN',
] as const
const UNARY_OPERATORS = ['IS_NAN', 'IS_NULL', 'IS_NOT_NAN', 'IS_NOT_NULL'] as const

export type Operator = (typeof FIELD_OPERATORS)[number] | (typeof UNARY_OPERATORS)[number]

export interface FieldFilter {
  readonly field: FieldPath
  readonly operator: Operator
  readonly value: Value
}
export type Filter = FieldFilter | { readonly and: readonly Filter[] } | { readonly or: readonly Filter[] }

export interface WireFilter {
  readonly compositeFilter?: { readonly op?: string; readonly filters?: readonly WireFilter[] }
  readonly fieldFilter?: {
    readonly field?: { readonly fieldPath?: string }
    readonly op?: string
    readonly value?: WireValue
  }
  readonly unaryFilter?: { readonly field?: { readonly fieldPath?: string }; readonly op?: string }
}

const INEQUALITIES: ReadonlySet<Operator> = new Set<Operator>([
  'LESS_THAN',
  'LESS_THAN_OR_EQUAL',
  'GREATER_THAN',
  'GREATER_THAN_OR_EQUAL',
  'NOT_EQUAL',
  'NOT_IN',
  'IS_NOT_NAN',
  'IS_NOT_NULL',
])
/** These read an index's order, so their field sorts the result; the others pick single places in it. */
export const isInequality = (filter: FieldFilter): boolean => INEQUALITIES.has(filter.operator)
export const isArrayOperator = (operator: Operator): boolean =>
  operator === 'ARRAY_CONTAINS' || operator === 'ARRAY_CONTAINS_ANY'

export function parseFilter(wire: WireFilter): Filter {
  if (wire.compositeFilter) return parseComposite(wire.compositeFilter)
  if (wire.unaryFilter) {
    const operator = UNARY_OPERATORS.find((one) => one === wire.unaryFilter?.op)
    if (!operator) throw invalidArgument(`Unknown unary operator "${wire.unaryFilter.op}".`)
    return { field: fieldOf(wire.unaryFilter), operator, value: null }
  }
  if (wire.fieldFilter) return parseFieldFilter(wire.fieldFilter)
  throw invalidArgument('Filter type not set: use compositeFilter, fieldFilter or unaryFilter.')
}

function parseComposite({ op, filters = [] }: NonNullable<WireFilter['compositeFilter']>): Filter {
  if (filters.length === 0) throw invalidArgument('Composite filter must have at least one sub-filter.')
  const parsed = filters.map(parseFilter)
  if (op === 'AND') return { and: parsed }
  if (op === 'OR') return { or: parsed }
  throw invalidArgument(`Unknown composite operator "${op}": use AND or OR.`)
}

function fieldOf({ field }: { readonly field?: { readonly fieldPath?: string } }): FieldPath {
  if (!field?.fieldPath) throw invalidArgument('Filter names no field.')
  return parseFieldPath(field.fieldPath)
}

function parseFieldFilter(wire: NonNullable<WireFilter['fieldFilter']>): FieldFilter {
  const operator = FIELD_OPERATORS.find((one) => one === wire.op)
  if (!operator) throw invalidArgument(`Unknown field operator "${wire.op}".`)
  if (!wire.value) throw invalidArgument(`Filter on ${wire.field?.fieldPath} has no value.`)
  const field = fieldOf(wire)
  const value = decodeValue(wire.value)
  const list = operator === 'IN' || operator === 'NOT_IN' || operator === 'ARRAY_CONTAINS_ANY'
  if (list) checkList(operator, value)
  if (isNameField(field)) {
    const keys = list ? (value as readonly Value[]) : [value]
    if (!keys.every((key) => isObject(key) && 'r' in key)) throw invalidArgument('__key__ filter value must be a Key')
    if (isArrayOperator(operator)) throw invalidArgument(`'${operator}' cannot be used on __name__.`)
  }
  return { field, operator, value }
}

function checkList(operator: Operator, value: Value): void {
  if (!Array.isArray(value)) throw invalidArgument(`'${operator}' requires an ArrayValue.`)
  if (value.length === 0) throw invalidArgument(`'${operator}' requires an non-empty ArrayValue.`)
  const max = operator === 'NOT_IN' ? limits.notInValues : limits.disjunctions
  if (value.length > max) throw invalidArgument(`'${operator}' supports up to ${max} comparison values.`)
}

export function* fieldFilters(filter: Filter): Iterable<FieldFilter> {
  if ('and' in filter) for (const one of filter.and) yield* fieldFilters(one)
  else if ('or' in filter) for (const one of filter.or) yield* fieldFilters(one)
  else yield filter
}

/** The filter as alternatives of conjunctions; IN and ARRAY_CONTAINS_ANY count one for each value, as Google counts. */
export function disjunctions(filter: Filter): FieldFilter[][] {
  const result = expand(filter)
  if (result.length > limits.disjunctions) {
    throw invalidArgument(
      `The query has ${result.length} disjunctions in disjunctive normal form; a maximum of ${limits.disjunctions} is allowed.`,
    )
  }
  return result
}

/** Far beyond the limit: expansion stops there, so that a filter cannot grow exponentially before it is refused. */
const MAX_EXPANDED = 1000

function expand(filter: Filter): FieldFilter[][] {
  if ('or' in filter) return filter.or.flatMap(expand)
  if ('and' in filter) {
    return filter.and.map(expand).reduce<FieldFilter[][]>(
      (left, right) => {
        if (left.length * right.length > MAX_EXPANDED) {
          throw invalidArgument(
            `The query has more than ${limits.disjunctions} disjunctions in disjunctive normal form.`,
          )
        }
        return left.flatMap((one) => right.map((other) => [...one, ...other]))
      },
      [[]],
    )
  }
  if (filter.operator !== 'IN' && filter.operator !== 'ARRAY_CONTAINS_ANY') return [[filter]]
  const single = filter.operator === 'IN' ? 'EQUAL' : 'ARRAY_CONTAINS'
  return (filter.value as readonly Value[]).map((value) => [{ field: filter.field, operator: single, value }])
}

export function checkCombination(filter: Filter): void {
  const all = [...fieldFilters(filter)]
  const has = (...operators: Operator[]): FieldFilter[] => all.filter(({ operator }) => operators.includes(operator))
  if (has('NOT_EQUAL', 'NOT_IN', 'IS_NOT_NAN', 'IS_NOT_NULL').length > 1) {
    throw invalidArgument(
      "Only a single 'NOT_EQUAL', 'NOT_IN', 'IS_NOT_NAN', or 'IS_NOT_NULL' filter allowed per query.",
    )
  }
  if (has('NOT_IN').length > 0 && (has('IN', 'ARRAY_CONTAINS_ANY').length > 0 || hasOr(filter))) {
    throw invalidArgument("'NOT_IN' cannot be used in the same query with 'IN', 'ARRAY_CONTAINS_ANY' or 'OR'.")
  }
  for (const conjunction of disjunctions(filter)) {
    if (conjunction.filter(({ operator }) => isArrayOperator(operator)).length > 1) {
      throw invalidArgument("A maximum of 1 'ARRAY_CONTAINS' filter is allowed per disjunction.")
    }
  }
}

const hasOr = (filter: Filter): boolean => 'or' in filter || ('and' in filter && filter.and.some(hasOr))

/** `read` gives the value of a field, undefined where the document has none. */
export function matches(filter: Filter, read: (field: FieldPath) => Value | undefined): boolean {
  if ('and' in filter) return filter.and.every((one) => matches(one, read))
  if ('or' in filter) return filter.or.some((one) => matches(one, read))
  const value = read(filter.field)
  return value !== undefined && matchers[filter.operator](value, filter.value)
}

/** null and NaN equal nothing, and nothing is unequal to null: as in Google's index ranges. */
const isComparable = (value: Value): boolean => value !== null && !isNan(value)
const isEqual = (value: Value, wanted: Value): boolean => isComparable(wanted) && equalValues(value, wanted)
const isOneOf = (wanted: Value, value: Value): boolean =>
  (wanted as readonly Value[]).some((one) => isEqual(value, one))

const matchers: Readonly<Record<Operator, (value: Value, wanted: Value) => boolean>> = {
  EQUAL: (value, wanted) => isEqual(value, wanted),
  IN: (value, wanted) => isOneOf(wanted, value),
  LESS_THAN: (value, wanted) => inRange(value, wanted) && compareValues(value, wanted) < 0,
  LESS_THAN_OR_EQUAL: (value, wanted) => inRange(value, wanted) && compareValues(value, wanted) <= 0,
  GREATER_THAN: (value, wanted) => inRange(value, wanted) && compareValues(value, wanted) > 0,
  GREATER_THAN_OR_EQUAL: (value, wanted) => inRange(value, wanted) && compareValues(value, wanted) >= 0,
  NOT_EQUAL: (value, wanted) => value !== null && wanted !== null && !isEqual(value, wanted),
  NOT_IN: (value, wanted) => value !== null && !(wanted as readonly Value[]).includes(null) && !isOneOf(wanted, value),
  ARRAY_CONTAINS: (value, wanted) => Array.isArray(value) && value.some((one: Value) => isEqual(one, wanted)),
  ARRAY_CONTAINS_ANY: (value, wanted) => Array.isArray(value) && value.some((one: Value) => isOneOf(wanted, one)),
  IS_NULL: (value) => value === null,
  IS_NAN: (value) => isNan(value),
  IS_NOT_NULL: (value) => value !== null,
  IS_NOT_NAN: (value) => value !== null && !isNan(value),
}

/** A range stays within the type of its bound, and numbers begin after NaN. */
const inRange = (value: Value, bound: Value): boolean =>
  isComparable(value) && isComparable(bound) && typeOrder(value) === typeOrder(bound)
