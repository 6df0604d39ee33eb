/** A JSON body of an API that no proto describes: read by a schema, refused in Google's words with the place. */

import type { z } from 'zod'
import { parseBody } from './rest-json.ts'
import { StatusError } from '../status.ts'

/** @throws INVALID_ARGUMENT that names the field. */
export function checkedBody<Schema extends z.ZodType>(text: string, schema: Schema): z.output<Schema> {
  const parsed = schema.safeParse(parseBody(text))
  if (parsed.success) return parsed.data
  const { path, message } = parsed.error.issues[0]!
  const field = path.map((step) => (typeof step === 'number' ? `[${step}]` : `.${String(step)}`)).join('')
  const description = `Invalid JSON payload received. Invalid value at '${field.slice(1)}': ${message}.`
  throw new StatusError('INVALID_ARGUMENT', description, [
    {
      '@type': 'type.googleapis.com/google.rpc.BadRequest',
      fieldViolations: [{ field: field.slice(1), description: description }],
    },
  ])
}
