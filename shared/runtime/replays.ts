/** What an operator sent again is a security event, with who and why, before it is handled. */

import type { Config } from '../config.ts'
import { operatorOf } from '../operator.ts'
import type { SecurityLog } from '../security-log.ts'

interface Headers {
  get(name: string): string | undefined
}

/** How often Cloud Tasks has tried before; 0 for what Pub/Sub pushes. */
export const retriesOf = (headers: Headers): number => Number(headers.get('x-cloudtasks-taskretrycount') ?? 0) || 0

/** Returns how often the replay was tried before; 0 when it is none. */
export function noteReplay(
  headers: Headers,
  email: string,
  { type, config, security }: { readonly type: string; readonly config: Config; readonly security: SecurityLog },
): number {
  if (email !== config.OPERATIONS_ACCOUNT) return 0
  const retries = retriesOf(headers)
  const { actor, reason } = operatorOf(headers)
  security({
    event: 'message.replayed',
    outcome: 'done',
    subject: `operator:${actor}`,
    reason,
    act: { type, task: headers.get('x-cloudtasks-taskname'), attempt: retries + 1 },
  })
  return retries
}
