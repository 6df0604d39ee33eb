/** Google's error for a query without its index, which describes the index to create. */

import { type StatusError, failedPrecondition } from '../../core/status.ts'
import type { CompositeIndex, IndexField } from './index-plan.ts'
import { type DatabaseName, databaseNameOf } from '../values/paths.ts'

const shortKind = { ASCENDING: 'ASC', DESCENDING: 'DESC', CONTAINS: 'CONTAINS' } as const

export const describeIndex = ({ collectionId, scope, fields }: CompositeIndex): string =>
  `collection ${collectionId}, scope ${scope}, fields ${fields.map(({ path, kind }) => `${path} ${kind}`).join(', ')}`

export function missingIndexError(index: CompositeIndex, database: DatabaseName): StatusError {
  const [only, more] = index.fields
  const console = `https://console.firebase.google.com/v1/r/project/${database.project}/firestore/databases/${database.database}/indexes`
  if (only && !more) {
    const link = `${console}/single-field?create_exemption=${encode(fieldMessage(index, only, database))}`
    return failedPrecondition(
      `The query requires a ${index.scope}_${shortKind[only.kind]} index for collection ${index.collectionId} and field ${only.path}. You can create it here: ${link}`,
    )
  }
  return failedPrecondition(
    `The query requires an index. You can create it here: ${console}?create_composite=${encode(indexMessage(index, database))} (${describeIndex(index)})`,
  )
}

const encode = (message: Buffer): string => message.toString('base64url')

/** google.firestore.admin.v1.Index: name 1, query_scope 2, fields 3. */
const indexMessage = (index: CompositeIndex, database: DatabaseName): Buffer =>
  Buffer.concat([
    bytesField(1, Buffer.from(`${databaseNameOf(database)}/collectionGroups/${index.collectionId}/indexes/_`)),
    ...scopeAndFields(index),
  ])

/** google.firestore.admin.v1.Field: name 1, index_config 2 with indexes 1. */
function fieldMessage(index: CompositeIndex, { path }: IndexField, database: DatabaseName): Buffer {
  const name = `${databaseNameOf(database)}/collectionGroups/${index.collectionId}/fields/${path}`
  const one = bytesField(1, Buffer.concat(scopeAndFields(index)))
  return Buffer.concat([bytesField(1, Buffer.from(name)), bytesField(2, one)])
}

function scopeAndFields({ scope, fields }: CompositeIndex): Buffer[] {
  return [
    Buffer.from([0x10, scope === 'COLLECTION' ? 1 : 2]),
    ...fields.map(({ path, kind }) =>
      bytesField(3, Buffer.concat([bytesField(1, Buffer.from(path)), kindField(kind)])),
    ),
  ]
}

/** IndexField: order 2 (ASCENDING 1, DESCENDING 2), array_config 3 (CONTAINS 1). */
const kindField = (kind: IndexField['kind']): Buffer =>
  kind === 'CONTAINS' ? Buffer.from([0x18, 1]) : Buffer.from([0x10, kind === 'ASCENDING' ? 1 : 2])

function bytesField(number: number, content: Buffer): Buffer {
  const length: number[] = []
  for (let left = content.length; ; left >>>= 7) {
    if (left < 0x80) {
      length.push(left)
      break
    }
    length.push((left & 0x7f) | 0x80)
  }
  return Buffer.concat([Buffer.from([(number << 3) | 2, ...length]), content])
}
