/** Joins lists that are in the order of their orders' ids, page by page: a page of each is read, and what all have reached is joined. */

import { documentId } from '../../shared/base/ids.ts'

/** A page of one list. */
export interface Page<Row extends { readonly orderId: string }> {
  readonly rows: readonly Row[]
  /** The id to which the page reaches, if the list goes on: a row of any id up to it is on the page. */
  readonly next?: string | undefined
}

export interface Joined {
  /** In their order. */
  readonly ids: readonly string[]
  /** The id to which all lists have been read; absent: to their ends. */
  readonly reached?: string
}

/** The order in which the services list their streams. */
export const isAfter = (one: string, other: string): boolean => documentId(one) > documentId(other)

/** The ids on these pages that every list has reached. */
export function joined(pages: readonly Page<{ readonly orderId: string }>[]): Joined {
  const ends = pages.flatMap(({ next }) => (next === undefined ? [] : [next]))
  const [reached] = ends.toSorted((one, other) => (isAfter(one, other) ? 1 : -1))
  const ids = new Set(pages.flatMap(({ rows }) => rows.map(({ orderId }) => orderId)))
  const complete = [...ids].filter((id) => reached === undefined || !isAfter(id, reached))
  return {
    ids: complete.toSorted((one, other) => (isAfter(one, other) ? 1 : -1)),
    ...(reached === undefined ? {} : { reached }),
  }
}
