/** The options by which an operator acts: with a name and a reason, which services log. */

import { userInfo } from 'node:os'
import type { Operator } from '../../shared/base/operator.ts'
import { text, UsageError } from '../command.ts'

export const actingOptions = {
  reason: text('TEXT', 'the reason; the service logs it'),
  actor: text('NAME', 'the operator, logged as well; absent, the user of this machine'),
}

/** @throws UsageError without a reason, or with an empty name */
export function operatorFrom({
  reason,
  actor,
}: {
  readonly reason?: string | undefined
  readonly actor?: string | undefined
}): Operator {
  if (!reason?.trim()) throw new UsageError('--reason "…" is missing: it is logged with your name.')
  if (actor !== undefined && !actor.trim())
    throw new UsageError('--actor needs the name of the operator: it is logged.')
  return { actor: actor ?? userInfo().username, reason }
}
