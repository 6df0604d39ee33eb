/** Schemas: create, get, list, delete and validate: https://cloud.google.com/pubsub/docs/reference/rest/v1/projects.schemas */

import { type Bytes, bytesOf, protoTime } from '../../core/proto-values.ts'
import { invalidArgument, StatusError } from '../../core/status.ts'
import { unfit } from '../schemas/check-message.ts'
import { definitionOf, reasonOf } from '../schemas/parse-definition.ts'
import { revisionOf, schemaOf, type PubsubState } from '../state.ts'
import { limits } from '../values/limits.ts'
import { checkName, checkProject, checkRange, DELETED_SCHEMA, nameTakenError } from '../values/names.ts'
import { page, type PageRequest } from '../values/paging.ts'
import type { SchemaEncoding, SchemaRecord, SchemaRevision, SchemaType } from '../values/records.ts'

export interface SchemaInput {
  readonly name?: string
  readonly type?: string
  readonly definition?: string
}
type View = { readonly view?: string }

function createSchema(
  state: PubsubState,
  { parent, schema, schemaId }: { parent?: string; schema?: SchemaInput | null; schemaId?: string },
): object {
  const name = checkName(`${checkProject(parent)}/schemas/${schemaId ?? ''}`, 'schemas')
  const { type, definition } = checkSchema(schema)
  if (state.schemaRecords.has(name)) throw nameTakenError(name)
  const count = [...state.schemaRecords.keys()].filter((one) => one.startsWith(`${parent}/`)).length
  if (count >= limits.schemas)
    throw new StatusError(
      'RESOURCE_EXHAUSTED',
      `${parent} has ${limits.schemas} schemas, the maximum: delete one first.`,
    )
  const record = { name, type, revisions: [newRevision(state, definition, [])] }
  state.schemaRecords.set(name, record)
  return schemaMessage(record, record.revisions[0]!)
}

function getSchema(state: PubsubState, { name, view }: View & { name?: string }): object {
  const { record, revision } = revisionOf(state, name)
  return schemaMessage(record, revision, view === 'BASIC' ? 'BASIC' : 'FULL')
}

function listSchemas(state: PubsubState, request: View & PageRequest & { parent?: string }): object {
  const prefix = `${checkProject(request.parent)}/schemas/`
  const inProject = [...state.schemaRecords.keys()].filter((name) => name.startsWith(prefix))
  const { names, nextPageToken } = page(inProject, request)
  const schemas = names.map((name) => {
    const record = state.schemaRecords.get(name)!
    return schemaMessage(record, record.revisions.at(-1)!, request.view === 'FULL' ? 'FULL' : 'BASIC')
  })
  return { schemas, nextPageToken }
}

/** Topics with it refuse every message from then on. */
function deleteSchema(state: PubsubState, { name }: { name?: string }): object {
  const record = schemaOf(state, name)
  for (const topic of state.topicRecords.values()) {
    if (topic.schemaSettings?.schema !== record.name) continue
    const schemaSettings = { ...topic.schemaSettings, schema: DELETED_SCHEMA }
    state.topicRecords.set(topic.name, { ...topic, schemaSettings })
  }
  state.schemaRecords.delete(record.name)
  return {}
}

function validateSchema(_: PubsubState, { parent, schema }: { parent?: string; schema?: SchemaInput | null }): object {
  checkProject(parent)
  checkSchema(schema)
  return {}
}

interface ValidateMessageRequest {
  readonly parent?: string
  readonly name?: string
  readonly schema?: SchemaInput | null
  readonly message?: Bytes
  readonly encoding?: string
}

function validateMessage(state: PubsubState, request: ValidateMessageRequest): object {
  checkProject(request.parent)
  const encoding = checkEncoding(request.encoding)
  const { type, definition } = request.name ? stored(state, request.name) : checkSchema(request.schema)
  try {
    definitionOf(type, definition).check(bytesOf(request.message), encoding)
  } catch (error) {
    throw unfit(type, encoding, reasonOf(error))
  }
  return {}
}

function stored(state: PubsubState, name: string): { type: SchemaType; definition: string } {
  const { record, revision } = revisionOf(state, name)
  return { type: record.type, definition: revision.definition }
}

/** @throws INVALID_ARGUMENT for another type, or a definition that can't be parsed */
export function checkSchema(schema: SchemaInput | null | undefined): { type: SchemaType; definition: string } {
  const { type, definition = '' } = schema ?? {}
  if (type !== 'AVRO' && type !== 'PROTOCOL_BUFFER')
    throw invalidArgument(`Invalid schema type (type=${type ?? ''}): it is AVRO or PROTOCOL_BUFFER.`)
  checkRange('definition_size', Buffer.byteLength(definition), { min: 1, max: limits.schemaBytes })
  definitionOf(type, definition)
  return { type, definition }
}

export function checkEncoding(encoding: string | undefined): SchemaEncoding {
  if (encoding === 'JSON' || encoding === 'BINARY') return encoding
  throw invalidArgument(`Invalid encoding (encoding=${encoding ?? ''}): it is JSON or BINARY.`)
}

/** Eight hexadecimal digits that no other revision of the schema has. */
export function newRevision(state: PubsubState, definition: string, others: readonly SchemaRevision[]): SchemaRevision {
  const { random, clock } = state.context
  for (;;) {
    const id = Math.floor(random() * 2 ** 32)
      .toString(16)
      .padStart(8, '0')
    if (!others.some((other) => other.id === id)) return { id, definition, createMs: clock.now() }
  }
}

export const schemaMessage = (
  { name, type }: SchemaRecord,
  { id, definition, createMs }: SchemaRevision,
  view: 'BASIC' | 'FULL' = 'FULL',
): object => ({
  name,
  type,
  ...(view === 'FULL' && { definition }),
  revisionId: id,
  revisionCreateTime: protoTime(createMs),
})

/** By their names in the API. */
export const schemaMethods = { createSchema, getSchema, listSchemas, deleteSchema, validateSchema, validateMessage }
