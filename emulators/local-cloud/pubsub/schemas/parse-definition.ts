/** Parses the definition of a schema's revision, and refuses one in Google's words. */

import { StatusError } from '../../core/status.ts'
import type { SchemaType } from '../values/records.ts'
import { avroDefinition } from './avro.ts'
import type { Definition } from './definition.ts'
import { protocolBufferDefinition } from './protocol-buffer.ts'

/** A publish checks each message by the same few definitions. */
const parsed = new Map<string, Definition>()
const PARSED_MAX = 200

/** @throws INVALID_ARGUMENT when the text is no definition of that type */
export function definitionOf(type: SchemaType, text: string): Definition {
  const key = `${type} ${text}`
  const known = parsed.get(key)
  if (known) return known
  try {
    const definition = type === 'AVRO' ? avroDefinition(text) : protocolBufferDefinition(text)
    const oldest = parsed.size >= PARSED_MAX ? parsed.keys().next().value : undefined
    if (oldest !== undefined) parsed.delete(oldest)
    parsed.set(key, definition)
    return definition
  } catch (error) {
    const name = type === 'AVRO' ? 'Avro schema' : 'Protocol Buffer schema'
    const reason = type === 'AVRO' ? 'INVALID_AVRO_SCHEMA' : 'INVALID_PROTOCOL_BUFFER_SCHEMA'
    throw refusal(`Invalid schema definition: it is no ${name}: ${reasonOf(error)}.`, reason)
  }
}

export const reasonOf = (error: unknown): string => (error as Error).message.replace(/\.$/, '')

/** With the reason in Google's `ErrorInfo`. */
export const refusal = (
  message: string,
  reason: string,
  metadata: Readonly<Record<string, string>> = {},
): StatusError =>
  new StatusError('INVALID_ARGUMENT', message, [
    { '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason, domain: 'pubsub.googleapis.com', metadata },
  ])
