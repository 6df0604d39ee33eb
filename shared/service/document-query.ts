/** Queries for pages of documents in one collection, typed by the indexes that the service's description declares for it. */

import { Refused } from '../base/errors.ts'
import { hashOf, textOfId } from '../base/ids.ts'
import type { Collection, Service } from './service.ts'

/** A value of an indexed field. Texts are compared by their code points, so times in UTC of one precision by their time. */
export type IndexedValue = string | number | boolean

/** The documents of one page, at most; a reader pays one read for each. */
export const MAX_PAGE = 100
/** Of a cursor that a caller sends. Ours have fewer. */
const MAX_CURSOR_CHARACTERS = 6_000

interface Page {
  /** At most `MAX_PAGE`. */
  readonly limit: number
  /** The `next` of the page before, as its caller sends it. */
  readonly after?: string | undefined
  /** The fields to read; absent: all. */
  readonly fields?: readonly string[]
}

type Plain<Field extends string> = Field extends `-${infer Name}` ? Name : Field

/** By one index: equal values for all fields but the last, whose order it has. Fields of other indexes do not compile. */
type ByIndex<Index, All extends string> = Index extends readonly [
  ...infer Equal extends readonly string[],
  infer Last extends string,
]
  ? {
      readonly where: { readonly [F in Plain<Equal[number]>]: IndexedValue } & {
        readonly [F in Exclude<All, Plain<Equal[number]>>]?: never
      }
      readonly orderBy: Last
      /** The bounds of the field in `orderBy`. */
      readonly atLeast?: IndexedValue | undefined
      readonly below?: IndexedValue | undefined
    }
  : never

/** All documents in the order of their ids, for which Firestore needs no index. */
interface ById {
  readonly where?: never
  readonly orderBy?: never
  readonly atLeast?: never
  readonly below?: never
}

type OfCollection<C> =
  | ById
  | (C extends { readonly indexes: infer Indexes extends readonly (readonly string[])[] }
      ? { [I in keyof Indexes]: ByIndex<Indexes[I], Plain<Indexes[number][number]>> }[number]
      : never)

type QueryOf<S extends Pick<Service, 'collections'>> = [S] extends [never]
  ? never
  : {
      [C in Exclude<keyof S['collections'] & string, 'streams'>]: {
        readonly from: C
      } & Page &
        OfCollection<S['collections'][C]>
    }[Exclude<keyof S['collections'] & string, 'streams'>]

/** As a store gets it, made by `documentQuery`. */
export interface DocumentQuery {
  readonly from: string
  readonly where: Readonly<Record<string, IndexedValue>>
  /** Absent: by id. */
  readonly order?: { readonly field: string; readonly descending: boolean }
  readonly atLeast?: IndexedValue
  readonly below?: IndexedValue
  readonly limit: number
  /** The last document of the page before: its value of the ordering field, and its id. */
  readonly after?: Position
  readonly fields?: readonly string[]
}

export interface Position {
  /** Absent in the order of ids. */
  readonly value?: IndexedValue
  readonly id: string
}

export interface QueriedDocument {
  /** As `documentPath` was given it. */
  readonly id: string
  readonly fields: Readonly<Record<string, unknown>>
}

/** A page of documents. */
export interface DocumentPage {
  readonly documents: readonly QueriedDocument[]
  /** The cursor of the next page, which may be empty; absent: this is the last. */
  readonly next?: string
}

/**
 * `documentQuery<typeof library>({ from: 'shelves', where: { hall: 'b' }, orderBy: '-addedAt', limit: 20 })`. A query for
 * which the description of `library` declares no index does not compile.
 * @throws Refused for a cursor that is not one of this query's
 */
export function documentQuery<S extends Pick<Service, 'collections'> = never>(given: QueryOf<S>): DocumentQuery {
  const { from, where = {}, orderBy, atLeast, below, limit, after, fields } = given as Untyped
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_PAGE)
    throw new Error(`A page of ${from} has 1 to ${MAX_PAGE} documents, not ${limit}.`)
  const query: DocumentQuery = {
    from,
    where,
    ...(orderBy === undefined
      ? {}
      : { order: { field: orderBy.replace(/^-/, ''), descending: orderBy.startsWith('-') } }),
    ...(atLeast === undefined ? {} : { atLeast }),
    ...(below === undefined ? {} : { below }),
    ...(fields === undefined ? {} : { fields }),
    limit,
  }
  return after === undefined ? query : { ...query, after: positionIn(query, after) }
}

interface Untyped extends Page {
  readonly from: string
  readonly where?: Readonly<Record<string, IndexedValue>>
  readonly orderBy?: string
  readonly atLeast?: IndexedValue
  readonly below?: IndexedValue
}

/**
 * The position, with a hash of it and of the query. The hash is no secret and protects nothing: it shows a cursor that was
 * cut, edited or sent with other filters. Every filter is in the query itself, so no cursor leads out of it.
 */
export const cursorAt = (query: DocumentQuery, { value, id }: Position): string =>
  Buffer.from(
    JSON.stringify([value ?? null, id, checkOf(query, { ...(value === undefined ? {} : { value }), id })]),
  ).toString('base64url')

const checkOf = ({ from, where, order, atLeast, below }: DocumentQuery, { value, id }: Position): string => {
  const filters = Object.entries(where).toSorted(([one], [other]) => (one < other ? -1 : 1))
  return hashOf(
    JSON.stringify([from, filters, order ?? null, atLeast ?? null, below ?? null, value ?? null, id]),
  ).slice(0, 32)
}

/** @throws Refused */
function positionIn(query: DocumentQuery, cursor: string): Position {
  const refused = new Refused(
    'invalid-cursor',
    'The cursor is not one of this list with these filters: begin without it.',
  )
  if (cursor.length > MAX_CURSOR_CHARACTERS) throw refused
  let parts: unknown
  try {
    parts = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'))
  } catch {
    throw refused
  }
  const [value, id] = Array.isArray(parts) ? (parts as unknown[]) : []
  const isValue = value === null || ['string', 'number', 'boolean'].includes(typeof value)
  if (!isValue || typeof id !== 'string' || id === '') throw refused
  const position: Position = { ...(value === null ? {} : { value: value as IndexedValue }), id }
  // Also for another notation of the same position.
  if (cursor !== cursorAt(query, position)) throw refused
  return position
}

/** True if the collection has the index. */
export function isIndexed({ indexes = [] }: Collection, { where, order }: DocumentQuery): boolean {
  const equal = Object.keys(where).toSorted()
  if (!order) return equal.length === 0
  const last = `${order.descending ? '-' : ''}${order.field}`
  return indexes.some(
    (index) =>
      index.at(-1) === last &&
      JSON.stringify(
        index
          .slice(0, -1)
          .map((field) => field.replace(/^-/, ''))
          .toSorted(),
      ) === JSON.stringify(equal),
  )
}

/** The page of these documents, which the store has found in the query's order. @param found with their names in the store */
export function pageOf(query: DocumentQuery, found: readonly QueriedDocument[]): DocumentPage {
  const documents = found.map(({ id, fields }) => ({ id: textOfId(id), fields }))
  const last = found.at(-1)
  if (!last || found.length < query.limit) return { documents }
  const value = query.order && (last.fields[query.order.field] as IndexedValue)
  return { documents, next: cursorAt(query, { ...(value === undefined ? {} : { value }), id: last.id }) }
}
