/** Common parts of the administrative messages: finished operations, resource names. */

import type { FirestoreCore } from '../../database.ts'
import { invalidArgument } from '../../../core/status.ts'
import type { CompositeIndex, IndexKind } from '../../query/index-plan.ts'
import { type DatabaseName, databaseNameOf } from '../../values/paths.ts'

/** A long-running operation that is done already. */
export function operation(core: FirestoreCore, name: DatabaseName, type: string, response: object): object {
  return {
    name: `${databaseNameOf(name)}/operations/${core.context.newId()}`,
    done: true,
    response: { '@type': `type.googleapis.com/google.firestore.admin.v1.${type}`, ...response },
  }
}

const GROUP = /^projects\/([^/]+)\/databases\/([^/]+)\/collectionGroups\/([^/]+)(?:\/(indexes|fields)\/(.+))?$/s

export interface GroupName extends DatabaseName {
  readonly collectionId: string
  /** Index id or field path, empty for the group itself. */
  readonly id: string
}

export function parseGroupName(name: string, kind: 'indexes' | 'fields' | undefined): GroupName {
  const match = GROUP.exec(name)
  if (!match || match[4] !== kind) {
    const suffix = kind ? `/${kind}/{${kind === 'indexes' ? 'index' : 'field'}}` : ''
    throw invalidArgument(
      `Invalid resource name "${name}": expected projects/{project}/databases/{database}/collectionGroups/{collection}${suffix}.`,
    )
  }
  const [, project, database, collectionId] = match as unknown as [string, string, string, string]
  return { project, database, collectionId, id: match[5] ?? '' }
}

export interface WireIndexField {
  readonly fieldPath?: string
  readonly order?: string
  readonly arrayConfig?: string
  readonly vectorConfig?: { readonly dimension?: number; readonly flat?: object | null } | null
}

export function kindOf({ fieldPath, order, arrayConfig, vectorConfig }: WireIndexField): IndexKind {
  if (vectorConfig) throw invalidArgument(`Vector field "${fieldPath}" must be the last of a composite index.`)
  if (arrayConfig === 'CONTAINS') return 'CONTAINS'
  if (order === 'ASCENDING' || order === 'DESCENDING') return order
  throw invalidArgument(
    `Index field "${fieldPath}" needs an order of ASCENDING or DESCENDING, or arrayConfig CONTAINS.`,
  )
}

const encodeKind = (kind: IndexKind): object => (kind === 'CONTAINS' ? { arrayConfig: kind } : { order: kind })

/** A vector is the last field. */
export const encodeIndexFields = ({ fields, vector }: Pick<CompositeIndex, 'fields' | 'vector'>): object[] => [
  ...fields.map(({ path, kind }) => ({ fieldPath: path, ...encodeKind(kind) })),
  ...(vector ? [{ fieldPath: vector.path, vectorConfig: { dimension: vector.dimension, flat: {} } }] : []),
]
