/** google.firestore.admin.v1.FirestoreAdmin: composite indexes. */

import type { FirestoreCore } from '../../database.ts'
import { alreadyExists, invalidArgument, notFound } from '../../../core/status.ts'
import { requireDatabase } from '../../admin-state.ts'
import { type WireIndexField, encodeIndexFields, kindOf, operation, parseGroupName } from './admin-messages.ts'
import type { CompositeIndex, IndexField } from '../../query/index-plan.ts'
import { limits } from '../../values/limits.ts'
import { databaseNameOf, formatFieldPath, parseFieldPath } from '../../values/paths.ts'

interface WireIndex {
  readonly queryScope?: string
  readonly apiScope?: string
  readonly fields?: readonly WireIndexField[]
}

const MAX_FIELDS = 100

function createIndex(
  core: FirestoreCore,
  request: { readonly parent?: string; readonly index?: WireIndex | null },
): object {
  const name = parseGroupName(request.parent ?? '', undefined)
  requireDatabase(core.admin, name)
  const index = parseIndex(name.collectionId, request.index ?? {})
  const prefix = `${databaseNameOf(name)}/collectionGroups/${name.collectionId}/indexes/`
  const text = JSON.stringify(index)
  for (const [key, existing] of core.admin.indexes.entries()) {
    if (key.startsWith(prefix) && JSON.stringify(existing) === text) throw alreadyExists('index already exists')
  }
  const key = prefix + core.context.newId()
  core.admin.indexes.set(key, index)
  return operation(core, name, 'Index', encodeIndex(key, index))
}

/** Google adds the document's name at the end, in the direction of the last field. */
function parseIndex(collectionId: string, { queryScope, apiScope, fields = [] }: WireIndex): CompositeIndex {
  if (queryScope !== 'COLLECTION' && queryScope !== 'COLLECTION_GROUP') {
    throw invalidArgument(`Index query_scope "${queryScope}" is not supported: use COLLECTION or COLLECTION_GROUP.`)
  }
  if (apiScope && apiScope !== 'ANY_API')
    throw invalidArgument(`Index api_scope "${apiScope}" is not supported: use ANY_API.`)
  if (fields.length > MAX_FIELDS)
    throw invalidArgument(`Index has ${fields.length} fields; at most ${MAX_FIELDS} are allowed.`)
  const vector = vectorOf(fields.at(-1))
  const parsed: IndexField[] = (vector ? fields.slice(0, -1) : fields).map((field) => ({
    path: formatFieldPath(parseFieldPath(field.fieldPath ?? '')),
    kind: kindOf(field),
  }))
  const own = parsed.filter(({ path }) => path !== '__name__')
  if (new Set(parsed.map(({ path }) => path)).size < parsed.length) throw invalidArgument('Index has duplicate fields.')
  if (own.filter(({ kind }) => kind === 'CONTAINS').length > 1) {
    throw invalidArgument('Index has more than one array field; at most one is allowed.')
  }
  const named = parsed.findIndex(({ path }) => path === '__name__')
  if (named >= 0 && named < parsed.length - 1) throw invalidArgument('Index field __name__ must be the last.')
  const implied = own.at(-1)?.kind === 'DESCENDING' ? 'DESCENDING' : 'ASCENDING'
  const nameKind = parsed[named]?.kind ?? implied
  if (!vector && (own.length === 0 || (own.length === 1 && nameKind === implied))) {
    throw invalidArgument('this index is not necessary, configure using single field index controls')
  }
  return {
    collectionId,
    scope: queryScope,
    fields: [...own, { path: '__name__', kind: nameKind }],
    ...(vector && { vector }),
  }
}

function vectorOf({ fieldPath = '', vectorConfig }: WireIndexField = {}): CompositeIndex['vector'] {
  if (!vectorConfig) return undefined
  const { dimension = 0, flat } = vectorConfig
  const path = formatFieldPath(parseFieldPath(fieldPath))
  if (!flat) throw invalidArgument(`Vector field "${path}" has no index type: use flat.`)
  if (dimension < 1 || dimension > limits.vectorDimensions) {
    throw invalidArgument(
      `Vector field "${path}" has a dimension of ${dimension}: use 1 to ${limits.vectorDimensions}.`,
    )
  }
  return { path, dimension }
}

function encodeIndex(name: string, index: CompositeIndex): object {
  return {
    name,
    queryScope: index.scope,
    apiScope: 'ANY_API',
    fields: encodeIndexFields(index),
    state: 'READY',
    density: 'SPARSE_ALL',
  }
}

/** `-` as the collection lists those of all collections. */
function listIndexes(core: FirestoreCore, request: { readonly parent?: string }): object {
  const name = parseGroupName(request.parent ?? '', undefined)
  requireDatabase(core.admin, name)
  const prefix = `${databaseNameOf(name)}/collectionGroups/`
  const indexes: object[] = []
  for (const [key, index] of core.admin.indexes.entries()) {
    const inGroup = name.collectionId === '-' || name.collectionId === index.collectionId
    if (key.startsWith(prefix) && inGroup) indexes.push(encodeIndex(key, index))
  }
  return { indexes }
}

function getIndex(core: FirestoreCore, request: { readonly name?: string }): object {
  const key = existing(core, request.name)
  return encodeIndex(key, core.admin.indexes.get(key) as CompositeIndex)
}

function deleteIndex(core: FirestoreCore, request: { readonly name?: string }): object {
  core.admin.indexes.delete(existing(core, request.name))
  return {}
}

function existing(core: FirestoreCore, name = ''): string {
  requireDatabase(core.admin, parseGroupName(name, 'indexes'))
  if (!core.admin.indexes.has(name)) throw notFound(`Index "${name}" not found.`)
  return name
}

/** By their names in the API. */
export const indexMethods = { createIndex, listIndexes, getIndex, deleteIndex }
