/** google.firestore.admin.v1.FirestoreAdmin: how single fields are indexed, and which one says when a document expires. */

import type { FirestoreCore } from '../../database.ts'
import { type Mask, maskPaths } from '../../../core/proto-values.ts'
import { invalidArgument } from '../../../core/status.ts'
import { type FieldRecord, fieldIndexes, requireDatabase } from '../../admin-state.ts'
import {
  type GroupName,
  type WireIndexField,
  encodeIndexFields,
  kindOf,
  operation,
  parseGroupName,
} from './admin-messages.ts'
import { databaseNameOf, formatFieldPath, parseFieldPath } from '../../values/paths.ts'

interface WireField {
  readonly name?: string
  readonly indexConfig?: {
    readonly indexes?: readonly { readonly queryScope?: string; readonly fields?: readonly WireIndexField[] }[]
  } | null
  readonly ttlConfig?: object | null
}

function getField(core: FirestoreCore, request: { readonly name?: string }): object {
  const name = parseFieldName(core, request.name)
  return encodeField(core, name, request.name ?? '')
}

interface UpdateRequest {
  readonly field?: WireField | null
  readonly updateMask?: Mask
}

/** A config that the mask names and the field omits is reset to that of its ancestor. */
function updateField(core: FirestoreCore, request: UpdateRequest): object {
  const wire = request.field ?? {}
  const key = wire.name ?? ''
  const name = parseFieldName(core, key)
  const named = maskPaths(request.updateMask)
  const mask = named.length > 0 ? named : ['indexConfig', 'ttlConfig']
  let { indexes, ttl } = core.admin.fields.get(key) ?? {}
  for (const path of mask) {
    if (path.startsWith('indexConfig')) indexes = wire.indexConfig ? parseIndexes(name, wire.indexConfig) : undefined
    else if (path.startsWith('ttlConfig')) ttl = wire.ttlConfig ? true : undefined
    else throw invalidArgument(`Field mask path "${path}" cannot be updated: use indexConfig or ttlConfig.`)
  }
  if (ttl) checkOnlyTtl(core, name, key)
  if (indexes || ttl) core.admin.fields.set(key, { ...(indexes && { indexes }), ...(ttl && { ttl }) })
  else core.admin.fields.delete(key)
  if (ttl) core.expiry.start()
  return operation(core, name, 'Field', encodeField(core, name, key))
}

function parseIndexes(
  name: GroupName,
  { indexes = [] }: NonNullable<WireField['indexConfig']>,
): NonNullable<FieldRecord['indexes']> {
  return indexes.map(({ queryScope = 'COLLECTION', fields = [] }) => {
    if (queryScope !== 'COLLECTION' && queryScope !== 'COLLECTION_GROUP') {
      throw invalidArgument(`Index query_scope "${queryScope}" is not supported: use COLLECTION or COLLECTION_GROUP.`)
    }
    const [field, second] = fields
    if (!field || second) throw invalidArgument(`A single-field index of "${name.id}" must have exactly one field.`)
    return { scope: queryScope, kind: kindOf(field) }
  })
}

function checkOnlyTtl(core: FirestoreCore, name: GroupName, key: string): void {
  const prefix = `${databaseNameOf(name)}/collectionGroups/${name.collectionId}/fields/`
  for (const [other, { ttl }] of core.admin.fields.entries()) {
    if (ttl && other !== key && other.startsWith(prefix)) {
      throw invalidArgument(
        `Collection group "${name.collectionId}" already has a TTL field: ${other.slice(prefix.length)}.`,
      )
    }
  }
}

function parseFieldName(core: FirestoreCore, name = ''): GroupName {
  const parsed = parseGroupName(name, 'fields')
  requireDatabase(core.admin, parsed)
  if (parsed.id !== '*' && formatFieldPath(parseFieldPath(parsed.id)) !== parsed.id) {
    throw invalidArgument(
      `Field path "${parsed.id}" is quoted without need: write ${formatFieldPath(parseFieldPath(parsed.id))}.`,
    )
  }
  return parsed
}

function encodeField(core: FirestoreCore, name: GroupName, key: string): object {
  const own = core.admin.fields.get(key)
  const path = name.id === '*' ? ['*'] : parseFieldPath(name.id)
  const { indexes, from } = fieldIndexes(core.admin, databaseNameOf(name), name.collectionId, path)
  return {
    name: key,
    indexConfig: {
      indexes: indexes.map(({ scope, kind }) => ({
        queryScope: scope,
        apiScope: 'ANY_API',
        fields: encodeIndexFields({ fields: [{ path: name.id, kind }] }),
        state: 'READY',
      })),
      usesAncestorConfig: own?.indexes === undefined,
      ...(own?.indexes === undefined && { ancestorField: from }),
    },
    ...(own?.ttl && { ttlConfig: { state: 'ACTIVE' } }),
  }
}

/** Lists the overridden fields; the filter `ttlConfig:*` selects the expiring ones. */
function listFields(core: FirestoreCore, request: { readonly parent?: string; readonly filter?: string }): object {
  const name = parseGroupName(request.parent ?? '', undefined)
  requireDatabase(core.admin, name)
  const prefix = `${databaseNameOf(name)}/collectionGroups/`
  const onlyTtl = /^ttlConfig:\*$/i.test(request.filter ?? '')
  const fields: object[] = []
  for (const [key, record] of core.admin.fields.entries()) {
    if (!key.startsWith(prefix) || (onlyTtl && !record.ttl)) continue
    const field = parseGroupName(key, 'fields')
    if (name.collectionId === '-' || name.collectionId === field.collectionId)
      fields.push(encodeField(core, field, key))
  }
  return { fields }
}

/** By their names in the API. */
export const fieldMethods = { getField, updateField, listFields }
