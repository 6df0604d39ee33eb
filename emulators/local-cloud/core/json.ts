/** Reads JSON that a caller sent: text that is no JSON, or nests too deep, is refused in the words of Google's front end. */

import { StatusError } from './status.ts'

/** Nested objects and lists. Source: kDefaultMaxRecursionDepth of protobuf's JSON parser, which Google's REST APIs use. */
export const MAX_JSON_DEPTH = 100

/** @throws INVALID_ARGUMENT for text that is no JSON or nests deeper than {@link MAX_JSON_DEPTH}. */
export function parseJson(text: string): unknown {
  // Before it is parsed: code that walks the value may recurse, and a stack overflow is no refusal.
  if (nestsDeeper(text, MAX_JSON_DEPTH))
    throw badJson(`Message too deep. Max recursion depth reached: ${MAX_JSON_DEPTH} nested objects and lists.`)
  try {
    return JSON.parse(text) as unknown
  } catch (error) {
    throw badJson((error as Error).message)
  }
}

/** In Google's words, with the place as its clients read it. */
export function badJson(reason: string, field = ''): StatusError {
  const message = `Invalid JSON payload received. ${reason}`
  const fieldViolations = [{ ...(field === '' ? {} : { field }), description: message }]
  return new StatusError('INVALID_ARGUMENT', message, [
    { '@type': 'type.googleapis.com/google.rpc.BadRequest', fieldViolations },
  ])
}

const QUOTE = 0x22
const BACKSLASH = 0x5c

/** Whether objects and lists nest deeper than that: one pass, in which brackets inside of strings do not count. */
export function nestsDeeper(text: string, limit: number): boolean {
  let depth = 0
  let inString = false
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (inString) {
      if (code === BACKSLASH) at += 1
      else if (code === QUOTE) inString = false
    } else if (code === QUOTE) inString = true
    // `[` and `{`, `]` and `}`, which differ in one bit.
    else if ((code | 0x20) === 0x7b) {
      depth += 1
      if (depth > limit) return true
    } else if ((code | 0x20) === 0x7d) depth -= 1
  }
  return false
}
