/** A structured query: read from Google's message, made explicit, and run over documents. */

import type { Document } from '../documents/document-table.ts'
import { invalidArgument } from '../../core/status.ts'
import { getField, project } from '../values/field-access.ts'
import {
  type Filter,
  type WireFilter,
  checkCombination,
  fieldFilters,
  isInequality,
  matches,
  parseFilter,
} from './filter.ts'
import { type FieldPath, NAME_FIELD, checkId, formatFieldPath, isNameField, parseFieldPath } from '../values/paths.ts'
import { type Nearest, type WireNearest, nearest, parseNearest } from './nearest.ts'
import type { Scope } from '../documents/store.ts'
import {
  type Fields,
  type Value,
  comparePaths,
  compareStrings,
  compareValues,
  isObject,
} from '../values/firestore-value.ts'
import { type WireValue, decodeValue } from '../values/proto-codec.ts'

export interface Order {
  readonly field: FieldPath
  readonly descending: boolean
}

interface Cursor {
  readonly values: readonly Value[]
  /** Whether the position is before the documents that equal it. */
  readonly before: boolean
}

export interface Query {
  readonly scope: Scope
  readonly where: Filter | undefined
  /** Explicit and implied, ending in `__name__`. */
  readonly orders: readonly Order[]
  readonly startAt: Cursor | undefined
  readonly endAt: Cursor | undefined
  readonly offset: number
  readonly limit: number | undefined
  /** Of the results, only those whose vectors are nearest, in the order of their distance. */
  readonly nearest: Nearest | undefined
  readonly select: readonly FieldPath[] | undefined
  /** The prefix of references to documents of this database: `projects/p/databases/d/documents/`. */
  readonly prefix: string
}

interface WireCursor {
  readonly values?: readonly WireValue[]
  readonly before?: boolean
}

export interface WireQuery {
  readonly select?: { readonly fields?: readonly { readonly fieldPath?: string }[] } | null
  readonly from?: readonly { readonly collectionId?: string; readonly allDescendants?: boolean }[]
  readonly where?: WireFilter | null
  readonly orderBy?: readonly { readonly field?: { readonly fieldPath?: string }; readonly direction?: string }[]
  readonly startAt?: WireCursor | null
  readonly endAt?: WireCursor | null
  readonly offset?: number
  readonly limit?: { readonly value?: number } | number | null
  readonly findNearest?: WireNearest | null
}

export function parseQuery(wire: WireQuery, parent: string, prefix: string): Query {
  const [from, second] = wire.from ?? []
  if (second) throw invalidArgument('StructuredQuery.from cannot have more than one collection selector.')
  if (from?.collectionId) checkId(from.collectionId)
  const where = wire.where ? parseFilter(wire.where) : undefined
  if (where) checkCombination(where)
  const explicit = parseOrders(wire.orderBy ?? [])
  const limit = typeof wire.limit === 'object' ? wire.limit?.value : wire.limit
  if (limit !== undefined && limit < 0) throw invalidArgument('limit is negative')
  if ((wire.offset ?? 0) < 0) throw invalidArgument('offset is negative')
  return {
    scope: {
      parent,
      collectionId: from?.collectionId ?? '',
      allDescendants: from?.allDescendants ?? !from?.collectionId,
    },
    where,
    orders: impliedOrders(explicit, where),
    startAt: parseCursor(wire.startAt, explicit, prefix),
    endAt: parseCursor(wire.endAt, explicit, prefix),
    offset: wire.offset ?? 0,
    limit,
    nearest: wire.findNearest ? parseNearest(wire.findNearest) : undefined,
    select: parseSelect(wire),
    prefix,
  }
}

/** Selecting nothing means selecting the name alone. */
function parseSelect({ select }: WireQuery): FieldPath[] | undefined {
  if (!select) return undefined
  return (select.fields ?? []).map(({ fieldPath }) => parseFieldPath(fieldPath ?? ''))
}

function parseOrders(orderBy: NonNullable<WireQuery['orderBy']>): Order[] {
  const orders: Order[] = []
  for (const { field, direction } of orderBy) {
    const path = parseFieldPath(field?.fieldPath ?? '')
    const name = formatFieldPath(path)
    if (orders.some((one) => formatFieldPath(one.field) === name)) {
      throw invalidArgument(`order by clause cannot contain duplicate fields ${name}`)
    }
    if (orders.some((one) => isNameField(one.field))) {
      throw fieldsAfterName()
    }
    orders.push({ field: path, descending: direction === 'DESCENDING' })
  }
  return orders
}

const fieldsAfterName = (): Error => invalidArgument('order by clause cannot contain more fields after the key')

/** Adds the implied orders: inequality fields by name, then the document's name, in the last direction. */
function impliedOrders(explicit: readonly Order[], where: Filter | undefined): Order[] {
  const orders = [...explicit]
  const descending = orders.at(-1)?.descending ?? false
  const named = new Set(orders.map(({ field }) => formatFieldPath(field)))
  const compared = new Map<string, FieldPath>()
  for (const filter of where ? fieldFilters(where) : []) {
    const name = formatFieldPath(filter.field)
    if (isInequality(filter) && !isNameField(filter.field) && !named.has(name)) compared.set(name, filter.field)
  }
  for (const name of [...compared.keys()].toSorted(compareStrings)) {
    orders.push({ field: compared.get(name) as FieldPath, descending })
  }
  const name = explicit.findIndex(({ field }) => isNameField(field))
  if (name >= 0 && name < orders.length - 1) throw fieldsAfterName()
  if (name < 0) orders.push({ field: NAME_FIELD, descending })
  return orders
}

function parseCursor(
  wire: WireCursor | null | undefined,
  explicit: readonly Order[],
  prefix: string,
): Cursor | undefined {
  if (!wire) return undefined
  const values = (wire.values ?? []).map(decodeValue)
  if (values.length > explicit.length) throw invalidArgument('Cursor has too many values.')
  for (const [at, value] of values.entries()) {
    if (!isNameField((explicit[at] as Order).field)) continue
    if (!isObject(value) || !('r' in value) || !value.r.startsWith(prefix)) {
      throw invalidArgument('Cursor value for __name__ must be a reference to a document of this database.')
    }
  }
  return { values, before: wire.before ?? false }
}

const readerOf =
  (document: Document, prefix: string) =>
  (field: FieldPath): Value | undefined =>
    isNameField(field) ? { r: prefix + document.path } : getField(document.f, field)

export interface Found {
  /** After offset and limit, in order. */
  readonly documents: readonly Document[]
  /** How many the offset passed over: billed as reads. */
  readonly skipped: number
}

export function runQuery(query: Query, candidates: Iterable<Document>): Found {
  const sorted = matching(query, candidates)
  const skipped = Math.min(query.offset, sorted.length)
  const end = query.limit === undefined ? undefined : query.offset + query.limit
  const documents = sorted.slice(query.offset, end)
  return { documents: query.nearest ? nearest(query.nearest, documents) : documents, skipped }
}

/** Everything between the cursors that the filter lets through, sorted. */
function matching(query: Query, documents: Iterable<Document>): Document[] {
  const keep: Document[] = []
  for (const document of documents) if (isMatch(query, document)) keep.push(document)
  return keep.toSorted((left, right) => compareDocuments(query.orders, left, right))
}

export function isMatch(query: Query, document: Document): boolean {
  const read = readerOf(document, query.prefix)
  if (query.where && !matches(query.where, read)) return false
  // A document without a field that orders the result is in no index that serves it.
  for (const { field } of query.orders) if (!isNameField(field) && read(field) === undefined) return false
  const { startAt, endAt } = query
  if (startAt) {
    const position = compareToCursor(query.orders, startAt, read)
    if (startAt.before ? position < 0 : position <= 0) return false
  }
  if (endAt) {
    const position = compareToCursor(query.orders, endAt, read)
    if (endAt.before ? position >= 0 : position > 0) return false
  }
  return true
}

function compareToCursor(
  orders: readonly Order[],
  cursor: Cursor,
  read: (field: FieldPath) => Value | undefined,
): number {
  for (const [at, value] of cursor.values.entries()) {
    const { field, descending } = orders[at] as Order
    const difference = compareValues(read(field) ?? null, value)
    if (difference !== 0) return descending ? -difference : difference
  }
  return 0
}

export function compareDocuments(orders: readonly Order[], left: Document, right: Document): number {
  for (const { field, descending } of orders) {
    const difference = isNameField(field)
      ? comparePaths(left.path, right.path)
      : compareValues(getField(left.f, field) ?? null, getField(right.f, field) ?? null)
    if (difference !== 0) return descending ? -difference : difference
  }
  return 0
}

/** The fields of a result under the query's projection. */
export const selected = (query: Query, fields: Fields): Fields =>
  query.select ? project(fields, query.select) : fields
