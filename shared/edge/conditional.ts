/**
 * Conditional requests (RFC 9110, section 13): each JSON answer to a GET of REST has an entity tag, and 304 answers a client that has
 * it. The tag of an object with a version begins with it, and `If-Match` guards a command about the object, in every spelling.
 */

import { createHash } from 'node:crypto'
import type { Context } from 'hono'
import { Refused, refuseIf } from '../base/errors.ts'
import { allowKeeping } from './cache.ts'
import type { Operation } from '../service/operation.ts'

export const hasEntityTag = ({ method, answers }: Pick<Operation, 'method' | 'answers'>): boolean =>
  method === 'get' && answers[200]?.[1] !== undefined

/** The conditions under which a client wants nothing done. Ignored, they would be taken for fulfilled. */
const unknownOf = ({ method, checksVersion }: Pick<Operation, 'method' | 'checksVersion'>): readonly string[] => [
  ...(checksVersion ? [] : ['If-Match']),
  'If-Unmodified-Since',
  // Of a GET it only spares bytes.
  ...(method === 'get' ? [] : ['If-None-Match']),
]

/** @throws Refused for a condition that the operation does not check, and for a version that can not be the present one */
export function checkConditions(c: Context, operation: Pick<Operation, 'method' | 'checksVersion'>): void {
  for (const name of unknownOf(operation))
    refuseIf(
      c.req.header(name) !== undefined,
      'unsupported-precondition',
      `This operation does not check ${name}, and nothing was done: send the request without it.`,
    )
  // Before the body is read.
  expectedVersionIn(c, operation)
}

const ONE_TAG = /^\s*(W\/)?"([\x21\x23-\x7E]*)"\s*$/
/** Behind the version is a whole hash: the hash of an answer without a version may itself begin with a number and a dash. */
const VERSION = /^([1-9]\d{0,14})(?:-.{43,}|)$/

/**
 * The version that `If-Match` names: the tag of an answer that has it, or the version alone as a tag. Undefined without the header, and
 * for `*`, which any version fulfils: the owner refuses what is about no object.
 * @throws Refused for a tag that can not be that of the present version, and for anything but one tag
 */
export function expectedVersionIn(c: Context, { checksVersion }: Pick<Operation, 'checksVersion'>): number | undefined {
  const header = checksVersion ? c.req.header('if-match') : undefined
  if (header === undefined || header.trim() === '*') return undefined
  const [isTag, weak, tag] = ONE_TAG.exec(header) ?? []
  if (isTag === undefined)
    throw new Refused('invalid-parameter', 'If-Match has one entity tag in quotes here, such as the ETag of an answer.')
  const version = VERSION.exec(tag!)?.[1]
  if (weak !== undefined || version === undefined)
    throw new Refused('precondition-failed', `If-Match names ${header.trim()}, which is not the tag of a version.`)
  return Number(version)
}

/** The same answer with the tag of its bytes, or 304 without them when the request names it. */
export async function tagged(
  c: Context,
  response: Response,
  { hasVersion, cache }: Pick<Operation, 'hasVersion' | 'cache'>,
): Promise<Response> {
  const { status, headers } = response
  if (status !== 200) return response
  const text = await response.text()
  const version = hasVersion ? (JSON.parse(text) as { readonly version?: number }).version : undefined
  const hash = createHash('sha256').update(text).digest('base64url')
  const tag = version === undefined ? `"${hash}"` : `"${version}-${hash}"`
  c.header('etag', tag)
  allowKeeping(c, cache)
  return namesTag(c.req.header('if-none-match'), tag)
    ? c.body(null, 304)
    : c.body(text, 200, { 'content-type': headers.get('content-type')! })
}

/** By weak comparison: proxies that compress an answer make its tag weak. */
const namesTag = (header: string | undefined, tag: string): boolean =>
  header !== undefined && (header.trim() === '*' || [...header.matchAll(/"[^"]*"/g)].some(([one]) => one === tag))
