/** Which index a query needs, by Google's rules for Standard edition: single fields by themselves, composites on demand. */

import { type FieldFilter, disjunctions, isArrayOperator, isInequality } from './filter.ts'
import { type FieldPath, formatFieldPath, isNameField } from '../values/paths.ts'
import type { Nearest } from './nearest.ts'
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
  /** The field by which findNearest searches; such an index serves nothing else. */
  readonly vector?: { readonly path: string; readonly dimension: number }
}

export const shortKind = { ASCENDING: 'ASC', DESCENDING: 'DESC', CONTAINS: 'CONTAINS' } as const

/** `age ASC`, as Google writes the fields of an index. */
export const describeFields = ({ fields, vector }: CompositeIndex): string[] => [
  ...fields.map(({ path, kind }) => `${path} ${shortKind[kind]}`),
  ...(vector ? [`${vector.path} VECTOR<${vector.dimension}>`] : []),
]

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

export interface Plan {
  readonly used: readonly CompositeIndex[]
  /** The first index that the query lacks. */
  readonly missing: CompositeIndex | undefined
}

/** Sources: https://firebase.google.com/docs/firestore/query-data/index-overview and
 * https://cloud.google.com/firestore/docs/query-data/indexing */
export function planIndexes(query: Query, aggregated: readonly FieldPath[], indexes: IndexSet): Plan {
  const conjunctions = query.where ? disjunctions(query.where) : [[]]
  const used = new Map<string, CompositeIndex>()
  let missing: CompositeIndex | undefined
  for (const conjunction of conjunctions) {
    const part = partOf(query, conjunction, aggregated)
    const serving = query.nearest ? servedByVector(part, query.nearest, indexes) : served(part, indexes)
    if (serving) for (const index of serving) used.set(JSON.stringify(index), index)
    else missing ??= needed(part, query.nearest)
  }
  return { used: [...used.values()], missing }
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

function served(part: Part, indexes: IndexSet): readonly CompositeIndex[] | undefined {
  const { equal, suffix } = part
  if (equal.length === 0 && suffix.length === 0) return [automatic(part)]
  if (equal.length === 0 && suffix.length === 1) {
    const single = servedBySingle(part, indexes)
    if (single) return [single]
  }
  // Indexes on the equal fields are merged, as long as each sorts its result in the same way.
  const covered = new Set<string>()
  const used: CompositeIndex[] = []
  for (const index of indexes.composites(part.collectionId)) {
    const keys = matchingPrefix(part, index)?.map(({ path, kind }) => `${path} ${kind === 'CONTAINS'}`)
    if (!keys || (used.length > 0 && keys.every((key) => covered.has(key)))) continue
    used.push(index)
    for (const key of keys) covered.add(key)
  }
  if (suffix.length === 0) {
    for (const { path, field, contains } of equal) {
      if (covered.has(`${path} ${contains}`) || !hasSingle(part, field, contains, indexes)) continue
      used.push(automatic(part, { path, kind: contains ? 'CONTAINS' : part.nameKind }))
      covered.add(`${path} ${contains}`)
    }
  }
  return used.length > 0 && equal.every(({ path, contains }) => covered.has(`${path} ${contains}`)) ? used : undefined
}

/** The index of a field alone, or of the names of the documents. */
const automatic = ({ collectionId, scope, nameKind }: Part, ...fields: readonly IndexField[]): CompositeIndex => ({
  collectionId,
  scope,
  fields: [...fields, { path: '__name__', kind: nameKind }],
})

/** A vector index narrows down the documents by the fields before the vector, which are those of the filter. */
function servedByVector(part: Part, near: Nearest, indexes: IndexSet): readonly CompositeIndex[] | undefined {
  const wanted = needed(part, near)
  const pathsOf = ({ fields }: CompositeIndex): string =>
    fields
      .map(({ path }) => path)
      .filter((path) => path !== '__name__')
      .toSorted()
      .join(' ')
  const found = indexes
    .composites(part.collectionId)
    .find(
      (index) =>
        index.scope === part.scope &&
        index.vector?.path === wanted.vector?.path &&
        index.vector?.dimension === wanted.vector?.dimension &&
        pathsOf(index) === pathsOf(wanted),
    )
  return found && [found]
}

function servedBySingle(part: Part, indexes: IndexSet): CompositeIndex | undefined {
  const [{ field, path, kind }] = part.suffix as [Part['suffix'][number]]
  const wanted = kind ?? part.nameKind
  if (wanted !== part.nameKind) return undefined
  const has = indexes.single(part.collectionId, field).some((one) => one.scope === part.scope && one.kind === wanted)
  return has ? automatic(part, { path, kind: wanted }) : undefined
}

function hasSingle(part: Part, field: FieldPath, contains: boolean, indexes: IndexSet): boolean {
  const kind = contains ? 'CONTAINS' : part.nameKind
  return indexes.single(part.collectionId, field).some((one) => one.scope === part.scope && one.kind === kind)
}

/** The equal fields that the index begins with, when it goes on exactly as the result is sorted. */
function matchingPrefix(part: Part, index: CompositeIndex): readonly IndexField[] | undefined {
  if (index.scope !== part.scope || index.vector) return undefined
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

function needed({ collectionId, scope, equal, suffix, nameKind }: Part, near: Nearest | undefined): CompositeIndex {
  const fields = [
    ...equal.map(({ path, contains }) => ({
      path,
      kind: contains ? ('CONTAINS' as const) : nameKindFor(suffix, nameKind),
    })),
    ...suffix.map(({ path, kind }) => ({ path, kind: kind ?? nameKind })),
  ]
  if (near) {
    const vector = { path: formatFieldPath(near.field), dimension: near.vector.length }
    return { collectionId, scope, fields: [...fields, { path: '__name__', kind: nameKind }], vector }
  }
  const last = fields.at(-1)
  if (fields.length > 1 || (last && last.kind !== 'CONTAINS' && last.kind !== nameKind)) {
    fields.push({ path: '__name__', kind: nameKind })
  }
  return { collectionId, scope, fields }
}

/** Equal fields may go either way; without anything after them they take the name's direction with them. */
const nameKindFor = (suffix: Part['suffix'], nameKind: IndexKind): IndexKind =>
  suffix.length === 0 ? nameKind : 'ASCENDING'
