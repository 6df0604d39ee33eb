/** Names for columns without one, until the columns of a result are known and numbered. */

import { invalidArgument } from '../../core/status.ts'

const mark = /^f\?\d+$/
const element = /^f\?e\d+$/

export const columnMark = (number: number): string => `f?${number}`
/** Of the elements of an UNNEST. */
export const elementMark = (number: number): string => `f?e${number}`

/** The names of a result's columns, with numbers for marks. `firstUnnamed` counts columns from 1. */
export function namesOf(columns: readonly string[]): { names: readonly string[]; firstUnnamed: number | undefined } {
  let count = 0
  const isUnnamed = (name: string): boolean => mark.test(name) || element.test(name)
  const names = columns.map((name) => (isUnnamed(name) ? `f${count++}_` : name))
  const first = columns.findIndex(isUnnamed)
  return { names, firstUnnamed: first < 0 ? undefined : first + 1 }
}

/** @throws INVALID_ARGUMENT for the elements of an array, in one column: BigQuery has a column for each field. */
export function refuseElement(column: string): void {
  if (element.test(column))
    throw invalidArgument(
      'The local cloud has one column for the STRUCTs of an UNNEST that is WITH OFFSET, or after LEFT JOIN: give it an alias, and name their fields in place of *.',
    )
}
