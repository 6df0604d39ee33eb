/** The field types that the platform's own messages use, with their limits. Services take them for theirs. */

import { z } from 'zod'
import { code, freeText, identifier } from './text.ts'

/** Each byte may take three in a document's name, which holds 1,500 bytes. */
export const reference = identifier({ characters: 200, bytes: 500 })
const FIRST_TIME = '0001-01-01T00:00:00Z'
const LAST_TIME = '9999-12-31T23:59:59.999999Z'
/**
 * ISO 8601 with an offset, of the range and the precision that every store has: Firestore and BigQuery have no year 0 and,
 * in UTC, none after 9999; BigQuery reads a text with nanoseconds as no time at all.
 */
export const timestamp = z.iso
  .datetime({ offset: true })
  .max(40)
  .refine((time) => !/\.\d{7}/.test(time), 'takes at most six digits after the seconds')
  .refine(
    (time) => Date.parse(time) >= Date.parse(FIRST_TIME) && Date.parse(time) <= Date.parse(LAST_TIME),
    `takes a time from ${FIRST_TIME} to ${LAST_TIME}`,
  )
/**
 * A time in the body or the parameters of a public operation: BigQuery reads a text with an offset of more than 14 hours as no time
 * at all. Recorded events and commands may have one, from before the edge refused it. A pattern, so that the API's document says it.
 */
export const timestampAtEdge = timestamp
  .regex(/(?:Z|[+-](?:(?:0\d|1[0-3]):[0-5]\d|14:00))$/, 'takes an offset of at most 14 hours')
  // With a second pattern, Zod no longer writes it.
  .meta({ format: 'date-time' })
/** The subject of a token. It is shorter than other references, because actors are made from it. */
export const subject = identifier({ characters: 128, bytes: 400 })
/** Text that people write for people; the platform never compares it. */
export const words = freeText({ characters: 200, bytes: 800 })
export const idempotencyKey = code(/^[\x21-\x7E]{1,200}$/, '1 to 200 printable ASCII characters, no spaces')
