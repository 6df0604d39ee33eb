/** Hands a service's answer on: its body as it came, its problem as one of this API's own. */

import type { Context } from 'hono'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import { type DeclaredCode, platformCodes } from '../../shared/base/errors.ts'
import type { Contracts, QueryName, QueryNamed } from '../../shared/contracts/contract.ts'
import type { QueryRequest } from '../../shared/contracts/query.ts'
import { instanceOf } from '../../shared/http/http.ts'
import type { Platform, QueryOptions } from '../../shared/service/platform.ts'
import { noteProblem } from '../../shared/runtime/refusals.ts'
import { shopCodes } from '../shop/errors.ts'

/** The codes that services answer with, by their names. */
const codes: ReadonlyMap<string, DeclaredCode> = new Map(Object.entries({ ...platformCodes, ...shopCodes }))

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

/** @throws Error when the service did not accept the gateway itself: that is no business of the caller's. */
export async function relayed(c: Context, response: Response, { security }: Platform): Promise<Response> {
  const type = response.headers.get('content-type') ?? ''
  const status = response.status as ContentfulStatusCode
  if (response.status === 204) return c.body(null, 204)
  if (response.ok) return c.body(await response.text(), status, { 'content-type': type })
  if (response.status === 401 || !type.startsWith('application/problem+json')) {
    throw new Error(`For ${c.req.path} a service answered ${response.status}: ${(await response.text()).slice(0, 300)}`)
  }
  const problem = (await response.json()) as { code: string; detail: string }
  const retryAfter = response.headers.get('retry-after')
  if (retryAfter !== null) c.header('retry-after', retryAfter)
  const isSecurityEvent = codes.get(problem.code)?.isSecurityEvent ?? false
  noteProblem(security, c, { code: problem.code, isSecurityEvent, reason: problem.detail })
  return c.json({ ...problem, instance: instanceOf(c) }, status, { 'content-type': 'application/problem+json' })
}
