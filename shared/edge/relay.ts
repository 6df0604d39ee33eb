/** Hands a service's answer on: its body as it came, its problem as one of this API's own. */

import type { Context } from 'hono'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import type { Contracts, QueryName, QueryNamed } from '../contracts/contract.ts'
import type { QueryRequest } from '../contracts/query.ts'
import { instanceOf } from '../http/http.ts'
import type { Platform, QueryOptions, Relayed } from '../service/platform.ts'
import { logProblem } from '../http/refusals.ts'

/** Asks a query and hands its answer on. */
export const createRelay =
  (platform: Platform) =>
  async <C extends Contracts, const N extends QueryName<C>>(
    c: Context,
    ...[owner, name, request, options]: [
      owner: C,
      name: N,
      request: QueryRequest<QueryNamed<C, N>>,
      options?: QueryOptions,
    ]
  ): Promise<Response> =>
    relayed(c, await platform.relay(owner, name, request, options), platform)

/** Hands on an answer or a declared refusal. */
export async function relayed(c: Context, { response, refused }: Relayed, { security }: Platform): Promise<Response> {
  const status = response.status as ContentfulStatusCode
  if (response.status === 204) return c.body(null, 204)
  if (!refused)
    return c.body(await response.text(), status, { 'content-type': response.headers.get('content-type') ?? '' })
  const problem = (await response.json()) as { readonly detail: string }
  const retryAfter = response.headers.get('retry-after')
  if (retryAfter !== null) c.header('retry-after', retryAfter)
  const { name: code, isSecurityEvent } = refused
  logProblem(security, c, { code, isSecurityEvent, reason: problem.detail })
  return c.json({ ...problem, instance: instanceOf(c) }, status, { 'content-type': 'application/problem+json' })
}
