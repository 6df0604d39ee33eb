/** Which index a query needs, by Google's rules for Standard edition: single fields by themselves, composites on demand. */

import { type FieldFilter, disjunctions, isArrayOperator, isInequality } from './filter.ts'
import { type FieldPath, formatFieldPath, isNameField } from '../values/paths.ts'
import type { Query } from './query.ts'

export type IndexScope = 'COLLECTION' | 'COLLECTION_GROUP'
export type IndexKind = 'ASCENDING' | 'DESCENDING' | 'CONTAINS'

export interface IndexField {
  readonly path: string
  readonly kind: IndexKind
}

export interface CompositeIndex {
  readonly collectionId: string
  readonly scope: IndexScope
  /** May end in `__name__`; when it does not, the name goes in the last field's direction. */
  readonly fields: readonly IndexField[]
}

export interface IndexSet {
  composites(collectionId: string): readonly CompositeIndex[]
  /** How a field alone is indexed: by default, or by an override of it or of a map around it. */
  single(collectionId: string, field: FieldPath): readonly { readonly scope: IndexScope; readonly kind: IndexKind }[]
}

/** Served when each part of the filter finds an index that also sorts it as all others are sorted. */
interface Part {
  readonly collectionId: string
  readonly scope: IndexScope
  readonly equal: readonly { readonly field: FieldPath; readonly path: string; readonly contains: boolean }[]
  /** How the result is sorted after the equal fields; an aggregated field may go either way. */
  readonly suffix: readonly { readonly field: FieldPath; readonly path: string; readonly kind: IndexKind | undefined }[]
  readonly nameKind: IndexKind
}

/** The index that is missing, or nothing. Sources: https://firebase.google.com/docs/firestore/query-data/index-overview and
 * https://cloud.google.com/firestore/docs/query-data/indexing */
export function missingIndex(
  query: Query,
  aggregated: readonly FieldPath[],
  indexes: IndexSet,
): CompositeIndex | undefined {
  const conjunctions = query.where ? disjunctions(query.where) : [[]]
  for (const conjunction of conjunctions) {
    const part = partOf(query, conjunction, aggregated)
    if (!isServed(part, indexes)) return needed(part)
  }
  return undefined
}

function partOf(query: Query, conjunction: readonly FieldFilter[], aggregated: readonly FieldPath[]): Part {
  const equal = new Map<string, Part['equal'][number]>()
  for (const filter of conjunction) {
    if (isInequality(filter) || isNameField(filter.field)) continue
    const contains = isArrayOperator(filter.operator)
    const path = formatFieldPath(filter.field)
    equal.set(`${path} ${contains}`, { field: filter.field, path, contains })
  }
  const fixed = new Set([...equal.values()].filter(({ contains }) => !contains).map(({ path }) => path))
  const suffix = new Map<string, Part['suffix'][number]>()
  for (const { field, descending } of query.orders) {
    const path = formatFieldPath(field)
    if (isNameField(field) || fixed.has(path)) continue
    suffix.set(path, { field, path, kind: descending ? 'DESCENDING' : 'ASCENDING' })
  }
  for (const field of aggregated) {
    const path = formatFieldPath(field)
    if (!suffix.has(path) && !fixed.has(path)) suffix.set(path, { field, path, kind: undefined })
  }
  return {
    collectionId: query.scope.collectionId,
    scope: query.scope.allDescendants ? 'COLLECTION_GROUP' : 'COLLECTION',
    equal: [...equal.values()],
    suffix: [...suffix.values()],
    nameKind: query.orders.at(-1)?.descending ? 'DESCENDING' : 'ASCENDING',
  }
}

function isServed(part: Part, indexes: IndexSet): boolean {
  const { equal, suffix } = part
  if (equal.length === 0 && suffix.length === 0) return true
  if (equal.length === 0 && suffix.length === 1 && servedBySingle(part, indexes)) return true
  // Indexes on the equal fields are merged, as long as each sorts its result in the same way.
  const covered = new Set<string>()
  let found = false
  for (const index of indexes.composites(part.collectionId)) {
    const prefix = matchingPrefix(part, index)
    if (!prefix) continue
    found = true
    for (const { path, kind } of prefix) covered.add(`${path} ${kind === 'CONTAINS'}`)
  }
  if (suffix.length === 0) {
    found = true
    for (const one of equal)
      if (hasSingle(part, one.field, one.contains, indexes)) covered.add(`${one.path} ${one.contains}`)
  }
  return found && equal.every(({ path, contains }) => covered.has(`${path} ${contains}`))
}

function servedBySingle(part: Part, indexes: IndexSet): boolean {
  const [{ field, kind }] = part.suffix as [Part['suffix'][number]]
  const wanted = kind ?? part.nameKind
  if (wanted !== part.nameKind) return false
  return indexes.single(part.collectionId, field).some((one) => one.scope === part.scope && one.kind === wanted)
}

function hasSingle(part: Part, field: FieldPath, contains: boolean, indexes: IndexSet): boolean {
  const kind = contains ? 'CONTAINS' : part.nameKind
  return indexes.single(part.collectionId, field).some((one) => one.scope === part.scope && one.kind === kind)
}

/** The equal fields that the index begins with, when it goes on exactly as the result is sorted. */
function matchingPrefix(part: Part, index: CompositeIndex): readonly IndexField[] | undefined {
  if (index.scope !== part.scope) return undefined
  const last = index.fields.at(-1) as IndexField
  const named = last.path === '__name__'
  const fields = named ? index.fields.slice(0, -1) : index.fields
  const nameKind = named ? last.kind : last.kind === 'DESCENDING' ? 'DESCENDING' : 'ASCENDING'
  const prefix = fields.slice(0, Math.max(0, fields.length - part.suffix.length))
  const rest = fields.slice(prefix.length)
  const sortsSo =
    rest.length === part.suffix.length &&
    rest.every(({ path, kind }, at) => {
      const wanted = part.suffix[at] as Part['suffix'][number]
      return path === wanted.path && kind !== 'CONTAINS' && (wanted.kind ?? kind) === kind
    })
  const aggregatedLast = part.suffix.length > 0 && part.suffix.at(-1)?.kind === undefined
  if (!sortsSo || (nameKind !== part.nameKind && !aggregatedLast)) return undefined
  const isEqual = ({ path, kind }: IndexField): boolean =>
    part.equal.some((one) => one.path === path && one.contains === (kind === 'CONTAINS'))
  return prefix.every(isEqual) ? prefix : undefined
}

function needed({ collectionId, scope, equal, suffix, nameKind }: Part): CompositeIndex {
  const fields = [
    ...equal.map(({ path, contains }) => ({
      path,
      kind: contains ? ('CONTAINS' as const) : nameKindFor(suffix, nameKind),
    })),
    ...suffix.map(({ path, kind }) => ({ path, kind: kind ?? nameKind })),
  ]
  const last = fields.at(-1)
  if (fields.length > 1 || (last && last.kind !== 'CONTAINS' && last.kind !== nameKind)) {
    fields.push({ path: '__name__', kind: nameKind })
  }
  return { collectionId, scope, fields }
}

/** Equal fields may go either way; without anything after them they take the name's direction with them. */
const nameKindFor = (suffix: Part['suffix'], nameKind: IndexKind): IndexKind =>
  suffix.length === 0 ? nameKind : 'ASCENDING'
