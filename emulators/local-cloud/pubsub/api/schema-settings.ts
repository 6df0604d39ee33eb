/** The schema of a topic: https://cloud.google.com/pubsub/docs/associate-schema-topic */

import { invalidArgument } from '../../core/status.ts'
import { schemaOf, type PubsubState } from '../state.ts'
import { notFoundError } from '../values/names.ts'
import type { SchemaSettings } from '../values/records.ts'
import { checkEncoding } from './schemas.ts'

export interface SchemaSettingsInput {
  readonly schema?: string
  readonly encoding?: string
  readonly firstRevisionId?: string
  readonly lastRevisionId?: string
}

/** @throws NOT_FOUND for a schema or revision that does not exist; INVALID_ARGUMENT for a range that is empty */
export function schemaSettings(
  state: PubsubState,
  input: SchemaSettingsInput | null | undefined,
): SchemaSettings | null {
  if (!input?.schema) return null
  const { name, revisions } = schemaOf(state, input.schema)
  const { firstRevisionId = '', lastRevisionId = '' } = input
  const indexOf = (revisionId: string): number => {
    const index = revisions.findIndex(({ id }) => id === revisionId)
    if (index === -1) throw notFoundError(`${name}@${revisionId}`)
    return index
  }
  if (firstRevisionId !== '') indexOf(firstRevisionId)
  if (lastRevisionId !== '') indexOf(lastRevisionId)
  if (firstRevisionId !== '' && lastRevisionId !== '' && indexOf(firstRevisionId) > indexOf(lastRevisionId))
    throw invalidArgument(
      `The first revision ${firstRevisionId} is later than the last revision ${lastRevisionId}: exchange them.`,
    )
  return { schema: name, encoding: checkEncoding(input.encoding), firstRevisionId, lastRevisionId }
}

/** As the API returns it, without revisions that were not set. */
export const schemaSettingsMessage = ({
  schema,
  encoding,
  firstRevisionId,
  lastRevisionId,
}: SchemaSettings): object => ({
  schema,
  encoding,
  ...(firstRevisionId !== '' && { firstRevisionId }),
  ...(lastRevisionId !== '' && { lastRevisionId }),
})
