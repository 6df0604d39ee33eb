/** Google's error for a query without its index, with the call that creates it here in place of Google's link. */

import { type StatusError, failedPrecondition } from '../core/status.ts'
import { type AdminState, fieldIndexes } from './admin-state.ts'
import { encodeIndexFields } from './api/admin/admin-messages.ts'
import { curl } from './curl.ts'
import { type CompositeIndex, type IndexField, describeFields, shortKind } from './query/index-plan.ts'
import { type DatabaseName, databaseNameOf, parseFieldPath } from './values/paths.ts'

export const describeIndex = (index: CompositeIndex): string =>
  `collection ${index.collectionId}, scope ${index.scope}, fields ${describeFields(index).join(', ')}`

const OR_WARN =
  "To answer such queries with a warning, start the local cloud with --warn-indexes where a command starts it alone, or in a program of your own make the plugin by createFirestore({ indexes: 'warn' })."

export function missingIndexError(admin: AdminState, index: CompositeIndex, database: DatabaseName): StatusError {
  const group = `${admin.ownerUrl()}/v1/${databaseNameOf(database)}/collectionGroups/${encodeURIComponent(index.collectionId)}`
  const [only, more] = index.fields
  if (only && !more && !index.vector) {
    const { collectionId, scope } = index
    return failedPrecondition(
      `The query requires a ${scope}_${shortKind[only.kind]} index for collection ${collectionId} and field ${only.path}. You can create it here: ${withField(admin, index, only, { database, group })} ${OR_WARN}`,
    )
  }
  const call = curl('POST', `${group}/indexes`, { queryScope: index.scope, fields: encodeIndexFields(index) })
  if (index.vector) {
    return failedPrecondition(
      `Missing vector index configuration. Please create the required index with the following command: ${call} (${describeIndex(index)}). ${OR_WARN}`,
    )
  }
  return failedPrecondition(
    `The query requires an index. You can create it here: ${call} (${describeIndex(index)}). ${OR_WARN}`,
  )
}

/** An override replaces all indexes of its field: the indexes that exist are named with the missing one. */
function withField(
  admin: AdminState,
  { collectionId, scope }: CompositeIndex,
  { path, kind }: IndexField,
  { database, group }: { readonly database: DatabaseName; readonly group: string },
): string {
  const { indexes } = fieldIndexes(admin, databaseNameOf(database), collectionId, parseFieldPath(path))
  return curl('PATCH', `${group}/fields/${encodeURIComponent(path)}?updateMask=indexConfig`, {
    indexConfig: {
      indexes: [...indexes, { scope, kind }].map((one) => ({
        queryScope: one.scope,
        fields: encodeIndexFields({ fields: [{ path, kind: one.kind }] }),
      })),
    },
  })
}
