/** Checks messages against a schema: https://cloud.google.com/pubsub/docs/publish-topics-schema */

import { failedPrecondition, type StatusError } from '../../core/status.ts'
import type { PubsubState } from '../state.ts'
import { DELETED_SCHEMA } from '../values/names.ts'
import type { SchemaEncoding, SchemaRevision, SchemaSettings, SchemaType } from '../values/records.ts'
import { definitionOf, reasonOf, refusal } from './parse-definition.ts'

/** The attributes that Pub/Sub adds to a message of a topic with a schema. */
export type SchemaAttributes = Readonly<Record<string, string>>

/** Returns the check of a topic's messages. @throws FAILED_PRECONDITION when the schema or all of the topic's revisions were deleted */
export function messageCheck(
  state: PubsubState,
  { schema: name, encoding, firstRevisionId, lastRevisionId }: SchemaSettings,
): (data: Buffer) => SchemaAttributes {
  const schema = state.schemaRecords.get(name)
  if (name === DELETED_SCHEMA || !schema)
    throw failedPrecondition('The schema of the topic was deleted: remove or replace schema_settings of the topic.')
  const revisions = rangeOf(schema.revisions, firstRevisionId, lastRevisionId)
  return (data) => ({
    googclient_schemaname: name,
    googclient_schemaencoding: encoding,
    googclient_schemarevisionid: revisionFor(data, { name, encoding, type: schema.type, revisions }),
  })
}

/** The revisions of a topic, the latest first: Google tries them in this order. */
function rangeOf(revisions: readonly SchemaRevision[], firstId: string, lastId: string): readonly SchemaRevision[] {
  const first = firstId === '' ? 0 : revisions.findIndex(({ id }) => id === firstId)
  const last = lastId === '' ? revisions.length - 1 : revisions.findIndex(({ id }) => id === lastId)
  return revisions.slice(first, last + 1).toReversed()
}

interface Against {
  readonly name: string
  readonly type: SchemaType
  readonly encoding: SchemaEncoding
  readonly revisions: readonly SchemaRevision[]
}

function revisionFor(data: Buffer, { name, type, encoding, revisions }: Against): string {
  let last = ''
  for (const { id, definition } of revisions) {
    try {
      definitionOf(type, definition).check(data, encoding)
      return id
    } catch (error) {
      last = `last checked revision: revision_id=${id} failed with status: ${reasonOf(error)}`
    }
  }
  throw unfit(type, encoding, `Could not validate message with any schema revision for schema: ${name}, ${last}`)
}

/** Google's refusal of a message that does not fit. */
export const unfit = (type: SchemaType, encoding: SchemaEncoding, revisionInfo: string): StatusError =>
  refusal(
    `Invalid data in message: Message failed schema validation. ${revisionInfo}`,
    `INVALID_${encoding}_${type === 'AVRO' ? 'AVRO' : 'PROTO'}_MESSAGE`,
    { message: 'Message failed schema validation', revisionInfo },
  )
