/** The parameters by which a caller reads a list page by page. */

import { z } from 'zod'
import { reference } from './fields.ts'
import { code } from './text.ts'

/** Rows on a page if its caller names no number. */
const DEFAULT_LIMIT = 20

/** Opaque to callers: `documentQuery` reads it. */
export const cursor = code(/^[\x21-\x7E]{1,4000}$/, 'a cursor, which the page before has as next')

/** Parameters that are numbers where a request has types: in a URL all are texts. */
export const numberParameters = z.registry<Readonly<Record<string, never>>>()

/** Search parameters of a list. */
export const pageParameters = {
  /** Rows on the page. */
  limit: code(/^(?:[1-9][0-9]?|100)$/, 'a number from 1 to 100')
    .optional()
    .register(numberParameters, {}),
  /** `next` of the page before. */
  after: cursor.optional(),
}

/**
 * The search parameter `sort` of a list, with all that it may name: a field, which grows from row to row, or shrinks behind a `-`,
 * as an index of the collection has it. The list is sorted by the first one if a request names none.
 */
export const sortParameter = <const Sorts extends readonly [first: string, ...others: string[]]>(...sorts: Sorts) => ({
  sort: z
    .enum(sorts)
    .optional()
    .meta({ description: `By which the rows are sorted; ${sorts[0]} if absent.` }),
})

/** Search parameters of a list in the order of ids, whose reader is another service: `after` is the id at which the page before ended. */
export const recordPage = { limit: pageParameters.limit, after: reference.optional() }

/** A query that answers a row for each stream of a service, in the order of their ids: see `listsStreams`. */
export const rowsQuery = <const Path extends string, Row extends z.ZodType>(path: Path, row: Row) =>
  ({
    method: 'get',
    path,
    parameters: recordPage,
    answers: { 200: z.object({ rows: z.array(row), next: reference.optional() }) },
  }) as const

export const limitOf = (limit: string | undefined): number => (limit === undefined ? DEFAULT_LIMIT : Number(limit))
