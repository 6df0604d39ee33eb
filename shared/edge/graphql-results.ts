/** Results of GraphQL as answers: what was refused before it was executed, and what was executed. */

import type { ExecutionResult, GraphQLError, GraphQLFormattedError } from 'graphql'
import type { Context } from 'hono'
import { platformCodes } from '../base/errors.ts'
import { shortened } from '../base/shortened.ts'
import type { Graph, Run } from './graph.ts'
import { respond, statusFor } from './graphql-answers.ts'
import { MESSAGE_CHARACTERS } from './graphql-document.ts'

export const MAX_ERRORS = 5
export const EVENT_STREAM = 'text/event-stream'

/** Nothing was executed. */
export function refused(
  c: Context,
  code: 'invalid-document' | 'invalid-variables',
  errors: readonly GraphQLError[],
): Response {
  const { status } = platformCodes[code]
  const shown = errors.slice(0, MAX_ERRORS).map((one) => ({
    ...one.toJSON(),
    message: shortened(one.message, MESSAGE_CHARACTERS),
    extensions: { status, code },
  }))
  c.set('problemStatus', status)
  return respond(c, statusFor(c, { status, code }), { errors: shown })
}

/** A client of streams has every answer as one. */
export function answered(c: Context, result: object): Response {
  if (!prefersStream(c)) return respond(c, 200, result)
  return c.body(`event: next\ndata: ${JSON.stringify(result)}\n\nevent: complete\ndata:\n\n`, 200, {
    'content-type': `${EVENT_STREAM}; charset=utf-8`,
  })
}

const prefersStream = (c: Context): boolean => /^\s*text\/event-stream/.test(c.req.header('accept') ?? '')

/** Failures of the operations have their code; any other is a fault of an answer, which is logged and not shown. */
export function formatted({ data, errors }: ExecutionResult, { platform }: Graph, { c, stale }: Run): object {
  const parts = stale.length === 0 ? {} : { extensions: { stale } }
  if (!errors) return { data, ...parts }
  const shown = errors.map((error): GraphQLFormattedError => {
    const { message, extensions, ...place } = error.toJSON()
    if (extensions && 'code' in extensions) return { message, ...place, extensions }
    platform.log('ERROR', 'graphql.failed', { path: error.path?.join('.'), error })
    const status = 500
    return {
      message: 'The service failed unexpectedly. The error is in its log.',
      ...place,
      extensions: { code: 'bug', status },
    }
  })
  // The answer is 200, and the worst failure counts for the objectives.
  const worst = Math.max(...shown.map(({ extensions }) => Number(extensions?.['status'] ?? 0)))
  if (worst >= 500) c.set('problemStatus', worst)
  return { errors: shown, data, ...parts }
}
