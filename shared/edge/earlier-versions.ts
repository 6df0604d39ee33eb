/** Answers requests to a former version of an operation by the handler of the newest. */

import { Refused } from '../base/errors.ts'
import { listOf } from '../base/issues.ts'
import type { Operation } from '../service/operation.ts'
import type { OperationContext } from '../service/operation-context.ts'
import type { OperationHandler } from '../service/public-api.ts'
import type { EarlierVersion, Shaped } from '../service/earlier-version.ts'

export const earlierHandler =
  (newest: Operation, earlier: EarlierVersion, handler: OperationHandler<Operation>): OperationHandler<Operation> =>
  (given) => {
    const { c, body } = given as { readonly c: OperationContext; readonly body: unknown }
    const upcast = earlier.body ? { body: newestBody(newest, earlier.body, body) } : {}
    return handler({ ...given, ...upcast, c: withFormerAnswers(c, earlier) } as Parameters<typeof handler>[0])
  }

/** @throws Refused for a body that the former version took and the newest does not */
function newestBody(
  { body: schema }: Operation,
  { upcast }: NonNullable<EarlierVersion['body']>,
  body: unknown,
): unknown {
  const parsed = schema!.safeParse(upcast(body as never))
  if (!parsed.success) throw new Refused('invalid-body', listOf(parsed.error, 'body'))
  return parsed.data
}

/** The same, but for answers that the former version has in another shape. */
function withFormerAnswers(c: OperationContext, { answers = {} }: EarlierVersion): OperationContext {
  const shapes = answers as Readonly<Record<number, Shaped | undefined>>
  const formerAnswer = (shape: Shaped, body: unknown, status: number): Response =>
    c.json(shape.from(body as never) as object, status)
  return {
    ...c,
    json(body, status) {
      const shape = shapes[status]
      return shape ? formerAnswer(shape, body, status) : c.json(body, status)
    },
    checked(text, status, contentType) {
      const shape = shapes[status]
      return shape ? formerAnswer(shape, JSON.parse(text), status) : c.checked(text, status, contentType)
    },
  }
}
