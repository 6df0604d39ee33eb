/**
 * What a request that goes on as a command was under its idempotency key. Cloud Tasks drops a second task of a name
 * that it knows, whatever is in it: so whoever owns the command remembers what the key stands for, and is asked first.
 */

import type { Context } from 'hono'
import { z } from 'zod'
import { refuseIf } from './errors.ts'
import { sha256 } from './fields.ts'
import { jsonBody } from './http.ts'
import { hashOf } from './ids.ts'
import type { Platform } from './platform.ts'

export const keyPath = '/keys'

const keySchema = z.strictObject({
  /** Made of the caller and his key. */
  commandId: z.uuid(),
  requestHash: sha256,
})
type Key = z.output<typeof keySchema>

export const keyOfCommand = (commandId: string, data: unknown): Key => ({
  commandId,
  requestHash: hashOf(JSON.stringify(data)),
})

/** Answers 204 to the first request of a key and to the same again; another is refused. */
export function rememberKey(platform: Platform): (c: Context) => Promise<Response> {
  return async (c) => {
    const { commandId, requestHash } = await jsonBody(c, keySchema)
    const path = `keys/${commandId}`
    if (!(await platform.views.create(path, { requestHash }))) {
      const known = await platform.views.get(path)
      refuseIf(
        known?.['requestHash'] !== requestHash,
        'idempotency-key-reused',
        'The idempotency key was used for another request: take a new key for a new request.',
      )
    }
    return c.body(null, 204)
  }
}
