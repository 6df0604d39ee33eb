/** Answers subscriptions by the streams of REST: each event is executed as the document asks. */

import { createSourceEventStream, executeSubscriptionEvent, validateSubscriptionArgs } from 'graphql'
import type { Context } from 'hono'
import { refuseIf } from '../base/errors.ts'
import type { Arguments, Graph, Run } from './graph.ts'
import { contextOf, withoutNull } from './graphql-fields.ts'
import { EVENT_STREAM, formatted, refused } from './graphql-results.ts'
import { partsOf } from './message-parts.ts'

type ExecutionOf = Parameters<typeof validateSubscriptionArgs>[0] & { readonly contextValue: Run }

/** The stream of REST, each of whose events is executed as the document asks. */
export async function followed(c: Context, graph: Graph, args: ExecutionOf): Promise<Response> {
  refuseIf(
    !(c.req.header('accept') ?? '').includes(EVENT_STREAM),
    'request-invalid',
    `A subscription is answered by a stream: send Accept: ${EVENT_STREAM}.`,
  )
  const run = args.contextValue
  // Its events outlive the request.
  const checked = validateSubscriptionArgs({ ...args, abortSignal: null })
  if (!('operation' in checked)) return refused(c, 'invalid-variables', checked)
  const source = await createSourceEventStream(checked)
  if (!run.followed) return refused(c, 'invalid-variables', 'errors' in source ? (source.errors ?? []) : [])
  const { id, args: given } = run.followed
  const { operation, bound } = graph.operations.get(id)!
  const inner = contextOf(run, id, graph, {})
  inner.set('eventFrames', {
    async event(data) {
      const result = await executeSubscriptionEvent({ ...checked, rootValue: { [id]: data } })
      return `event: next\ndata: ${JSON.stringify(formatted(result, graph, run))}\n`
    },
    end: 'event: complete\ndata:\n\n',
  })
  bound.allow(inner, run.caller)
  return bound.answer(inner, { caller: run.caller }, partsOf(withoutNull(given) as Arguments, operation))
}
