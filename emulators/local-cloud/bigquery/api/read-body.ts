/** The body of a request: its options are served or refused, then it is parsed. */

import type { z } from 'zod'
import { checkedBody } from '../../core/api/checked-body.ts'
import { parseBody } from '../../core/api/rest-json.ts'
import { invalidArgument } from '../../core/status.ts'
import { repeatsMember } from '../values/members.ts'
import { checkOptions, type Options } from './options.ts'

/** @throws INVALID_ARGUMENT that names an option, or the field that is wrong. */
export async function readBody<S extends z.ZodType>(
  c: { req: { text(): Promise<string> } },
  schema: S,
  options: Options,
): Promise<z.output<S>> {
  const text = await c.req.text()
  const message: unknown = parseBody(text)
  if (repeatsMember(text, message))
    throw invalidArgument('Invalid JSON payload received. An object has two members of one name: send each once.')
  if (typeof message === 'object' && message !== null) checkOptions(message, options)
  return checkedBody(text, schema)
}
