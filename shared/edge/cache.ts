/** Lets the client of a read keep its answer for the time that the operation declares. Every other answer is `no-store`. */

import type { Context } from 'hono'
import type { Cache } from '../service/operation.ts'

/** To be called for an answer that is no problem. */
export function allowKeeping(c: Context, cache: Cache | undefined): void {
  if (!cache) return
  c.header('cache-control', `private, max-age=${cache.seconds}`)
  // Two callers who use the same browser have the same URL.
  c.header('vary', 'Authorization', { append: true })
}
