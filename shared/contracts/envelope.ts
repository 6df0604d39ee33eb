/** The envelope that every event and command travels in. */

import { z } from 'zod'
import { reference, timestamp } from '../base/fields.ts'
import { code, identifier } from '../base/text.ts'

export const envelopeSchema = z.strictObject({
  /** Derived from its cause (UUIDv8), or random for a request from outside (UUIDv7). */
  id: z.uuid(),
  type: reference,
  version: z.int().min(1),
  /** The service that decided it, or `cli`. */
  source: identifier({ characters: 63, bytes: 63 }),
  /** Id of the aggregate it is about. */
  subject: reference,
  /** Counts the subject's published events from 1; 0 for commands and for manually published events. */
  sequence: z.int().min(0),
  time: timestamp,
  /** The same on every message that one request led to: the id of the stream with which it began. */
  correlationId: reference,
  /** Id of the message that led to this one. */
  causationId: reference,
  /** W3C trace context. */
  traceparent: code(/^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/, 'a W3C trace context'),
  /** The caller: `ROLE:SUBJECT` of a person, or `service:NAME`. */
  actor: reference,
  /** The version of the subject's stream that the caller has seen: in any other one the command is refused. */
  expectedVersion: z.int().min(0).exactOptional(),
  data: z.unknown(),
})

export type Envelope<Type extends string = string, Data = unknown> = Omit<
  z.output<typeof envelopeSchema>,
  'type' | 'data'
> & {
  readonly type: Type
  readonly data: Data
}
