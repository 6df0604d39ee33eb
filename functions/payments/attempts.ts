/** The further attempts of a request that the provider has refused for the moment. */

import { isTransient } from './contracts.ts'

/** The wait before each of them, over a day and a half. */
const RETRY_WAITS_MS = [1, 10, 60, 6 * 60, 24 * 60].map((minutes) => minutes * 60_000)

/** An attempt that the provider has refused. Attempts count from 1. */
export interface Declined {
  readonly authorization: number
  readonly attempt: number
  readonly code: string
  readonly nowMs: number
}

/** The wait before this attempt; undefined: it is the first, or one too many. */
export const waitBeforeMs = (attempt: number): number | undefined => RETRY_WAITS_MS[attempt - 2]

/** The time of the attempt that follows; undefined: the refusal is for good, or was the last. */
export function nextAttemptMs({ attempt, code, nowMs }: Declined): number | undefined {
  const waitMs = isTransient(code) ? waitBeforeMs(attempt + 1) : undefined
  return waitMs === undefined ? undefined : nowMs + waitMs
}

/** The record of the attempt that follows. */
export const nextAttempt = ({ authorization, attempt, code }: Declined): Omit<Declined, 'nowMs'> => ({
  authorization,
  attempt: attempt + 1,
  code,
})
