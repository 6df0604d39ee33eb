/** Hands a service's answer on as it came, problem documents included. */

import type { Context } from 'hono'
import type { ContentfulStatusCode } from 'hono/utils/http-status'

export async function relayed(c: Context, response: Response): Promise<Response> {
  const type = response.headers.get('content-type') ?? 'application/json'
  return c.body(await response.text(), response.status as ContentfulStatusCode, { 'content-type': type })
}
