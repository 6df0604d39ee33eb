/** A call of a partner that has its effect once, however late the message that caused it is redelivered. */

import type { Envelope } from '../contracts/envelope.ts'
import type { Platform } from '../service/platform.ts'

/** Partners know an idempotency key for a day; an hour less, since the call itself takes its time. */
export const IDEMPOTENCY_KEY_TTL_MS = 23 * 3_600_000

interface CallOnce<Answer> {
  /** Returns the answer to an earlier call; undefined if the partner had none. */
  find(): Promise<Answer | undefined>
  /** Calls under an idempotency key that is derived from the cause. */
  call(): Promise<Answer>
}

/** Asks the partner first if the key may have expired since the cause: the partner would take the call for a new one. */
export async function callOnce<Answer>(
  { now }: Pick<Platform, 'now'>,
  { time }: Pick<Envelope, 'time'>,
  { find, call }: CallOnce<Answer>,
): Promise<Answer> {
  const mayHaveExpired = now() - Date.parse(time) > IDEMPOTENCY_KEY_TTL_MS
  return (mayHaveExpired ? await find() : undefined) ?? call()
}
