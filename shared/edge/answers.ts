/** Makes the context of a handler: it answers as its operation declares, and reaches nothing of the request that no check has seen. */

import type { Context } from 'hono'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import { fitted, shapeOf } from '../contracts/answer-shape.ts'
import { instanceOf } from '../http/http.ts'
import { requestOf } from '../http/refusals.ts'
import type { EventList, OperationContext } from '../service/operation-context.ts'
import type { Operation } from '../service/operation.ts'
import type { OpenStream } from './event-stream.ts'
import { expectedVersionIn } from './conditional.ts'
import { waitSecondsIn } from './prefer.ts'

type Respond = (c: Context, handle: (context: OperationContext) => Response | Promise<Response>) => Promise<Response>

/** The result throws an Error for an answer that the operation does not declare, and for a Response of the handler's own. */
export function answersOf(
  operation: Pick<Operation, 'method' | 'path' | 'answers' | 'submits' | 'streams' | 'checksVersion'>,
  openStream?: OpenStream,
): Respond {
  const { method, path, answers, submits, streams } = operation
  const shapes = new Map(
    Object.entries(answers).map(([status, [, schema]]) => [Number(status), schema && shapeOf(schema)]),
  )
  const eventShape = streams && shapeOf(streams)
  const about = (status: number): string => `The answer ${status} to ${method} ${path}`
  const shapeFor = (status: number) => {
    if (!shapes.has(status)) throw new Error(`${about(status)} is not in the table of operations: declare it there.`)
    return shapes.get(status)
  }
  return async (c, handle) => {
    const made = new WeakSet<Response>()
    const keep = (response: Response): Response => {
      made.add(response)
      return response
    }
    const response = await handle({
      get request() {
        return requestOf(c)
      },
      instance: instanceOf(c),
      expectedVersion: expectedVersionIn(c, operation),
      waitSeconds: submits ? waitSecondsIn(c.req.header('prefer')) : 0,
      header: (name, value) => c.header(name, value),
      json(body, status) {
        const shape = shapeFor(status)
        if (!shape) throw new Error(`${about(status)} is declared without a body: give it a schema.`)
        return keep(c.json(fitted(shape, body, about(status)) as object, status as ContentfulStatusCode))
      },
      empty(status) {
        if (shapeFor(status)) throw new Error(`${about(status)} is declared with a body.`)
        return keep(c.body(null, status))
      },
      checked(text, status, contentType) {
        shapeFor(status)
        return keep(c.body(text, status as ContentfulStatusCode, { 'content-type': contentType }))
      },
      async events(read) {
        if (!eventShape || !openStream)
          throw new Error(`${method} ${path} declares no \`streams\`: give it the schema of its events.`)
        const fitting = async (): Promise<EventList> => {
          const { events, isComplete } = await read()
          const about = `An event of ${method} ${path}`
          return {
            events: events.map(({ id, data }) => ({ id, data: fitted(eventShape, data, about) as object })),
            isComplete,
          }
        }
        return keep(await openStream(c, fitting))
      },
      problem: (document, status) =>
        keep(c.json(document, status as ContentfulStatusCode, { 'content-type': 'application/problem+json' })),
    })
    if (!made.has(response))
      throw new Error(
        `${method} ${path} is answered by a Response that nothing checked: make it by the handler's \`c\`.`,
      )
    return response
  }
}
