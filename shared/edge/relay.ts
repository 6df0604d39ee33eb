/** Hands a service's answer on: its body as it came, its problem as one of this API's own. */

import type { OperationContext } from '../service/operation-context.ts'
import type { Platform, Relayed } from '../service/platform.ts'
import type { QueryOperation } from '../service/api.ts'
import { logProblem } from '../http/refusals.ts'

/** Hands on an answer or a declared refusal. */
export async function relayed(
  c: OperationContext,
  { response, refused }: Relayed,
  { security }: Platform,
  shapes: QueryOperation['shapes'] = {},
): Promise<Response> {
  const { status } = response
  if (status === 204) return c.empty(204)
  const shape = refused ? undefined : shapes[status]
  if (shape) return c.json(shape.from((await response.json()) as never) as object, status)
  if (!refused) return c.checked(await response.text(), status, response.headers.get('content-type') ?? '')
  const problem = (await response.json()) as { readonly detail: string }
  const retryAfter = response.headers.get('retry-after')
  if (retryAfter !== null) c.header('retry-after', retryAfter)
  const { name: code, isSecurityEvent } = refused
  logProblem(security, c.request, { code, isSecurityEvent, reason: problem.detail })
  return c.problem({ ...problem, instance: c.instance }, status)
}
