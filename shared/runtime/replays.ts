/** What an operator sent again is logged, with who and why, before it is handled. */

import type { Config } from '../config.ts'
import { operatorOf } from '../operator.ts'
import type { Log } from '../platform.ts'

interface Headers {
  get(name: string): string | undefined
}

/** How often Cloud Tasks has tried before; 0 for what Pub/Sub pushes. */
export const retriesOf = (headers: Headers): number => Number(headers.get('x-cloudtasks-taskretrycount') ?? 0) || 0

/** Returns how often the replay was tried before; 0 when it is none. */
export function noteReplay(
  headers: Headers,
  email: string,
  { type, config, log }: { readonly type: string; readonly config: Config; readonly log: Log },
): number {
  if (email !== config.OPERATIONS_ACCOUNT) return 0
  const retries = retriesOf(headers)
  log('NOTICE', 'message.replayed', {
    type,
    task: headers.get('x-cloudtasks-taskname'),
    attempt: retries + 1,
    ...operatorOf(headers),
  })
  return retries
}
