/** Ids: those of effects are derived from their cause, so that a repeat has the same; those of new requests are random. */

import { hash, randomBytes } from 'node:crypto'

/** A UUIDv8 of the parts' hash (RFC 9562, 5.8). */
export function derivedId(...parts: readonly (string | number)[]): string {
  const texts = parts.map(String)
  // The length of each part goes in as well: ('ab', 'c') must differ from ('a', 'bc').
  const whole = texts.every((text) => text.isWellFormed())
    ? texts.map((text) => `${text.length}:${text};`).join('')
    : Buffer.concat(texts.flatMap((text) => [Buffer.from(`${text.length}:`), bytesOf(text), Buffer.from(';')]))
  return asUuid(hash('sha256', whole, 'buffer').subarray(0, 16), 8)
}

/** A UUIDv7 for a message without a cause in the platform: it sorts by time, so it never names a document. */
export function freshId(nowMs: number): string {
  const bytes = randomBytes(16)
  bytes.writeUIntBE(nowMs, 0, 6)
  return asUuid(bytes, 7)
}

function asUuid(bytes: Buffer, version: 7 | 8): string {
  bytes[6] = (bytes[6]! & 0x0f) | (version << 4)
  bytes[8] = (bytes[8]! & 0x3f) | 0x80
  const hex = bytes.toString('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}

/** A name for a document: 26 characters of base 32, as good as random, the same for the same parts. */
export function derivedName(prefix: string, ...parts: readonly string[]): string {
  const alphabet = '0123456789abcdefghjkmnpqrstvwxyz'
  const digest = hash('sha256', JSON.stringify(parts), 'buffer')
  let name = ''
  for (let index = 0; index < 26; index++) name += alphabet[digest[index]! & 31]
  return `${prefix}-${name}`
}

/** SHA-256 in hex, of text in UTF-8 or of bytes as they came: decoded first, two different bodies could have one hash. */
export const hashOf = (content: string | Uint8Array): string =>
  hash('sha256', typeof content === 'string' && !content.isWellFormed() ? bytesOf(content) : content)

/**
 * UTF-8. It has one replacement for every unpaired surrogate, so a text that holds one is taken in UTF-16, after a byte
 * with which no UTF-8 begins.
 */
const bytesOf = (text: string): Buffer =>
  text.isWellFormed() ? Buffer.from(text, 'utf8') : Buffer.concat([Buffer.of(0xff), Buffer.from(text, 'utf16le')])

/** Firestore's limit, in bytes. */
const DOCUMENT_ID_BYTES = 1_500

/**
 * Any text as a document's id, which Firestore would not all take: no slash (it begins a collection), not `.` or `..`,
 * nothing of the form `__x__`, at most 1,500 bytes. `decodeURIComponent` reverses it unless the text was too long, or held
 * an unpaired surrogate: such ids end with the text's hash.
 * https://cloud.google.com/firestore/quotas#collections_documents_and_fields
 */
export function documentId(text: string): string {
  const id = encodeURIComponent(text.toWellFormed()).replaceAll('.', '%2E').replace(/^__/, '%5F%5F')
  const isWhole = id.length <= DOCUMENT_ID_BYTES && text.isWellFormed()
  return isWhole ? id : `${id.slice(0, 1_000)}~${hashOf(text)}`
}

/** The text of a document's id, which `documentId` made of it; the id itself if it was made with a hash. */
export const textOfId = (id: string): string => (id.includes('~') ? id : decodeURIComponent(id))
