/** The field types that the platform's own messages use, with their limits. Services take them for theirs. */

import { z } from 'zod'
import { code, freeText, identifier } from './text.ts'

/** Each byte may take three in a document's name, which holds 1,500 bytes. */
export const reference = identifier({ characters: 200, bytes: 500 })
/** ISO 8601 with an offset; the format alone takes any number of fraction digits. */
export const timestamp = z.iso.datetime({ offset: true }).max(40)
/** The subject of a token. It is shorter than other references, because actors are made from it. */
export const subject = identifier({ characters: 128, bytes: 400 })
/** Text that people write for people; the platform never compares it. */
export const words = freeText({ characters: 200, bytes: 800 })
export const idempotencyKey = code(/^[\x21-\x7E]{1,200}$/, '1 to 200 printable ASCII characters, no spaces')
