/** Conditional requests (RFC 9110, section 13) of REST: each JSON answer to a GET has an entity tag, and 304 answers a client that has it. */

import { createHash } from 'node:crypto'
import type { Context } from 'hono'
import { refuseIf } from '../base/errors.ts'
import type { Operation } from '../service/operation.ts'

export const hasEntityTag = ({ method, answers }: Pick<Operation, 'method' | 'answers'>): boolean =>
  method === 'get' && answers[200]?.[1] !== undefined

/** The conditions under which a client wants nothing done. Ignored, they would be taken for fulfilled. */
const unknownOf = (method: Operation['method']): readonly string[] => [
  'If-Match',
  'If-Unmodified-Since',
  // Of a GET it only spares bytes.
  ...(method === 'get' ? [] : ['If-None-Match']),
]

/** @throws Refused for a condition that the operation does not check */
export function checkConditions(c: Context, { method }: Pick<Operation, 'method'>): void {
  for (const name of unknownOf(method))
    refuseIf(
      c.req.header(name) !== undefined,
      'unsupported-precondition',
      `This operation does not check ${name}, and nothing was done: send the request without it.`,
    )
}

/** The same answer with the tag of its bytes, or 304 without them when the request names it. */
export async function tagged(c: Context, response: Response): Promise<Response> {
  const { status, headers } = response
  if (status !== 200) return response
  const text = await response.text()
  const tag = `"${createHash('sha256').update(text).digest('base64url')}"`
  c.header('etag', tag)
  return namesTag(c.req.header('if-none-match'), tag)
    ? c.body(null, 304)
    : c.body(text, 200, { 'content-type': headers.get('content-type')! })
}

/** By weak comparison: proxies that compress an answer make its tag weak. */
const namesTag = (header: string | undefined, tag: string): boolean =>
  header !== undefined && (header.trim() === '*' || [...header.matchAll(/"[^"]*"/g)].some(([one]) => one === tag))
