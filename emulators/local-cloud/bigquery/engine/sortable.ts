/** Refuses what DuckDB sorts and groups and GoogleSQL does not: arrays, STRUCTs, JSON. */
// https://cloud.google.com/bigquery/docs/reference/standard-sql/data-types#data_type_properties

import { OWN_MESSAGE } from '../sql/engine-errors.ts'
import { nameOf } from './implicit-casts.ts'
import { type Part, typeOf } from './plan.ts'

const isJson = (name: string): boolean => name === 'JSON'
const isNumber = (name: string): boolean => ['INT64', 'NUMERIC', 'FLOAT64'].includes(name)
const isSorted = (name: string): boolean => !isJson(name) && !/^(ARRAY|STRUCT)\b/.test(name)

function check(parts: readonly Part[] | undefined, isTaken: (type: string) => boolean, message: string): void {
  for (const part of parts ?? []) {
    const type = nameOf(typeOf(part))
    if (!isTaken(type)) throw new Error(`${OWN_MESSAGE}${message.replace('TYPE', type)}`)
  }
}

/** @param isFlattened whether DuckDB added columns of the query around it, as it does within a subquery that refers to them. */
export function checkSortable(part: Part, isFlattened: boolean): void {
  const sorted = part.orders?.map(({ expression }) => expression)
  check(sorted, isSorted, 'ORDER BY does not support expressions of type TYPE')
  const isRange = [part.start, part.end].some((bound) => /^EXPR_\w+_RANGE$/.test(bound ?? ''))
  if (isRange) check(sorted, isNumber, 'Window ORDER BY expression must be numeric with RANGE, but it has type TYPE')
  const isPartitioned = (type: string): boolean => isSorted(type) && type !== 'FLOAT64'
  check(part.partitions, isPartitioned, 'Partitioning by expressions of type TYPE is not allowed')
  if (part.name === 'max' || part.name === 'min')
    check(part.children, isSorted, `${part.name.toUpperCase()} is not defined for arguments of type TYPE`)
  if (part.aggregate_type === 'DISTINCT')
    check(
      part.children,
      (type) => !isJson(type),
      'Aggregate functions with DISTINCT cannot be used with arguments of type TYPE',
    )
  if (isFlattened) return
  check(part.groups, (type) => !isJson(type), 'Grouping by expressions of type TYPE is not allowed')
  check(part.distinct_targets, (type) => !isJson(type), 'A column of type TYPE cannot be used in SELECT DISTINCT')
}
