/** JSON from bytes: in UTF-8 and nothing else, since other bytes would be replaced without a word. */

const utf8 = new TextDecoder('utf-8', { fatal: true })

/** @throws Error that names the fault of the text. */
export function jsonFrom(bytes: Uint8Array): unknown {
  let text: string
  try {
    text = utf8.decode(bytes)
  } catch {
    throw new Error('its bytes are not UTF-8')
  }
  return JSON.parse(text) as unknown
}
