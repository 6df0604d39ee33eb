/** count, sum and avg over the result of a query. */

import type { Document } from '../documents/document-table.ts'
import { invalidArgument } from '../../core/status.ts'
import { getField } from '../values/field-access.ts'
import { type FieldPath, formatFieldPath, parseFieldPath } from '../values/paths.ts'
import { checkFieldName } from '../values/proto-codec.ts'
import { type Value, double, integer, isInteger, isNumber, numeric } from '../values/firestore-value.ts'

export interface Aggregation {
  readonly alias: string
  readonly operator: 'count' | 'sum' | 'avg'
  /** The field of sum and avg. */
  readonly field: FieldPath | undefined
  readonly upTo: number | undefined
}

export interface WireAggregation {
  readonly alias?: string
  readonly count?: { readonly upTo?: { readonly value?: unknown } | number | string | null } | null
  readonly sum?: { readonly field?: { readonly fieldPath?: string } } | null
  readonly avg?: { readonly field?: { readonly fieldPath?: string } } | null
}

const MAX_AGGREGATIONS = 5

export function parseAggregations(wire: readonly WireAggregation[]): Aggregation[] {
  if (wire.length === 0) throw invalidArgument('Aggregations can not be empty.')
  if (wire.length > MAX_AGGREGATIONS) {
    throw invalidArgument(`The maximum number of aggregations allowed in an aggregation query is ${MAX_AGGREGATIONS}.`)
  }
  const parsed = wire.map(parseAggregation)
  const aliases = new Set(parsed.map(({ alias }) => alias))
  if (aliases.size < parsed.length) throw invalidArgument('Aggregation aliases contain duplicate alias.')
  return parsed
}

function parseAggregation(wire: WireAggregation, at: number): Aggregation {
  const alias = wire.alias || `field_${at + 1}`
  checkFieldName(alias)
  if (wire.count) {
    const given = wire.count.upTo
    const upTo =
      given === undefined || given === null ? undefined : Number(typeof given === 'object' ? given.value : given)
    if (upTo !== undefined && !(upTo > 0)) throw invalidArgument(`up_to must be greater than zero, is ${upTo}.`)
    return { alias, operator: 'count', field: undefined, upTo }
  }
  const operator = wire.sum ? 'sum' : 'avg'
  const path = (wire.sum ?? wire.avg)?.field?.fieldPath
  if (!path) throw invalidArgument(`Aggregation "${alias}" needs count, sum or avg, the latter two with a field.`)
  return { alias, operator, field: parseFieldPath(path), upTo: undefined }
}

/** The fields that an index must hold besides the query's own. */
export function aggregatedFields(aggregations: readonly Aggregation[]): FieldPath[] {
  const fields = new Map<string, FieldPath>()
  for (const { field } of aggregations) if (field) fields.set(formatFieldPath(field), field)
  return [...fields.values()]
}

/** Documents without one of the aggregated fields are in no index that serves the query, hence not counted either. */
export function aggregate(aggregations: readonly Aggregation[], documents: readonly Document[]): Record<string, Value> {
  const fields = aggregatedFields(aggregations)
  const counted = documents.filter(({ f }) => fields.every((field) => getField(f, field) !== undefined))
  const result: Record<string, Value> = {}
  for (const { alias, operator, field, upTo } of aggregations) {
    if (!field) {
      result[alias] = Math.min(counted.length, upTo ?? Infinity)
      continue
    }
    const numbers = counted.map(({ f }) => getField(f, field) as Value).filter(isNumber)
    result[alias] = operator === 'sum' ? sum(numbers) : average(numbers)
  }
  return result
}

/** An integer as long as all are and the sum fits 64 bits, otherwise a double. */
function sum(numbers: readonly Value[]): Value {
  if (numbers.every(isInteger)) {
    const total = numbers.reduce<bigint>((added, one) => added + BigInt(numeric(one)), 0n)
    if (BigInt.asIntN(64, total) === total) return integer(total)
  }
  return double(addDoubles(numbers))
}

const addDoubles = (numbers: readonly Value[]): number =>
  numbers.reduce<number>((added, one) => added + Number(numeric(one)), 0)

const average = (numbers: readonly Value[]): Value =>
  numbers.length === 0 ? null : double(addDoubles(numbers) / numbers.length)
