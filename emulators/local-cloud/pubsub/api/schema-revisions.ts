/** Revisions of a schema: commit, roll back, list, delete: https://cloud.google.com/pubsub/docs/schema-revisions */

import { failedPrecondition, invalidArgument, StatusError } from '../../core/status.ts'
import { definitionOf, reasonOf } from '../schemas/parse-definition.ts'
import { revisionOf, schemaOf, type PubsubState } from '../state.ts'
import { limits } from '../values/limits.ts'
import { notFoundError } from '../values/names.ts'
import { page, type PageRequest } from '../values/paging.ts'
import type { SchemaRecord } from '../values/records.ts'
import { checkSchema, newRevision, type SchemaInput, schemaMessage } from './schemas.ts'

function commitSchema(state: PubsubState, request: { name?: string; schema?: SchemaInput | null }): object {
  const record = schemaOf(state, request.name)
  if (request.schema?.name && request.schema.name !== record.name)
    throw invalidArgument(`The schema is named ${request.schema.name}, and the request names ${record.name}.`)
  const { type, definition } = checkSchema(request.schema)
  if (type !== record.type)
    throw invalidArgument(`The type of a schema can't change: ${record.name} is ${record.type}.`)
  const latest = record.revisions.at(-1)!
  try {
    definitionOf(type, definition).checkFollows(definitionOf(type, latest.definition))
  } catch (error) {
    throw invalidArgument(
      `Compatibility checking failed to commit a schema revision for (schema="${record.name}"). (reason="Revision is incompatible with previous revision: ${latest.id}. Failed with error: ${reasonOf(error)}").`,
    )
  }
  return add(state, record, definition)
}

/** Makes a new revision with the definition of an earlier one. */
function rollbackSchema(state: PubsubState, { name, revisionId }: { name?: string; revisionId?: string }): object {
  const record = schemaOf(state, name)
  const revision = record.revisions.find(({ id }) => id === revisionId)
  if (!revision) throw notFoundError(`${record.name}@${revisionId ?? ''}`)
  return add(state, record, revision.definition)
}

function add(state: PubsubState, record: SchemaRecord, definition: string): object {
  if (record.revisions.length >= limits.schemaRevisions)
    throw new StatusError(
      'RESOURCE_EXHAUSTED',
      `${record.name} has ${limits.schemaRevisions} revisions, the maximum: delete one first.`,
    )
  const revision = newRevision(state, definition, record.revisions)
  state.schemaRecords.set(record.name, { ...record, revisions: [...record.revisions, revision] })
  return schemaMessage(record, revision)
}

/** The latest first. */
function listSchemaRevisions(state: PubsubState, request: PageRequest & { name?: string; view?: string }): object {
  const record = schemaOf(state, request.name)
  // Pages are cut by names, in their order.
  const byName = new Map(
    record.revisions
      .toReversed()
      .map((revision, index) => [`${record.name}@${String(index).padStart(2, '0')}`, revision]),
  )
  const { names, nextPageToken } = page([...byName.keys()], request)
  const view = request.view === 'FULL' ? 'FULL' : 'BASIC'
  return { schemas: names.map((name) => schemaMessage(record, byName.get(name)!, view)), nextPageToken }
}

function deleteSchemaRevision(state: PubsubState, request: { name?: string; revisionId?: string }): object {
  const named = request.revisionId ? `${request.name}@${request.revisionId}` : request.name
  if (!named?.includes('@')) throw invalidArgument(`Name the revision: ${named ?? ''}@REVISION.`)
  const { record, revision } = revisionOf(state, named)
  if (record.revisions.length === 1)
    throw failedPrecondition(`${record.name} has no other revision: delete the schema instead.`)
  const user = [...state.topicRecords.values()].find(
    ({ schemaSettings: used }) =>
      used?.schema === record.name && [used.firstRevisionId, used.lastRevisionId].includes(revision.id),
  )
  if (user) throw failedPrecondition(`The topic ${user.name} begins or ends with this revision: change it first.`)
  const rest = { ...record, revisions: record.revisions.filter(({ id }) => id !== revision.id) }
  state.schemaRecords.set(record.name, rest)
  return schemaMessage(rest, rest.revisions.at(-1)!)
}

/** By their names in the API. */
export const schemaRevisionMethods = { commitSchema, rollbackSchema, listSchemaRevisions, deleteSchemaRevision }
