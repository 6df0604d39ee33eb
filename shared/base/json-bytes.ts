/** JSON from bytes: in UTF-8 and nothing else, since other bytes would be replaced without a word. */

import { repeatedMember, twoMembers } from './repeated-member.ts'

const utf8 = new TextDecoder('utf-8', { fatal: true })

/** @throws Error that names the fault of the text. */
export const jsonFrom = (bytes: Uint8Array): unknown => JSON.parse(textFrom(bytes)) as unknown

/** The same of a sender that we do not know. @throws Error also for an object with two members of one name, which others may read otherwise. */
export function unambiguousJsonFrom(bytes: Uint8Array): unknown {
  const text = textFrom(bytes)
  const value = JSON.parse(text) as unknown
  const repeated = repeatedMember(text)
  if (repeated === undefined) return value
  throw new Error(twoMembers(repeated))
}

function textFrom(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes)
  } catch {
    throw new Error('its bytes are not UTF-8')
  }
}
