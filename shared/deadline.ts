/** One deadline for a request and all that is asked for it: handed on as the time that is left, since clocks differ. */

import { AsyncLocalStorage } from 'node:async_hooks'
import { Unavailable } from './errors.ts'

/** Milliseconds that the caller still waits. */
export const DEADLINE_HEADER = 'x-deadline-ms'
/** Longer than any request may take. */
const LONGEST_MS = 60_000

const deadlines = new AsyncLocalStorage<number>()

/** What is left for what runs now; undefined: as long as it takes. */
export function remainingMs(): number | undefined {
  const untilMs = deadlines.getStore()
  return untilMs === undefined ? undefined : untilMs - performance.now()
}

/**
 * Waits for `work` until the time is up, or the time of whoever waits for us, if that is sooner.
 * @throws Unavailable then; what `work` still does nobody hears.
 */
export async function within<T>(ms: number, work: () => Promise<T>): Promise<T> {
  const leftMs = Math.min(ms, remainingMs() ?? Infinity)
  const { promise: expired, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new Unavailable('The time for this request is up.')), Math.max(0, leftMs))
  const working = deadlines.run(performance.now() + leftMs, work)
  // After the time is up nobody waits for it any more.
  working.catch(() => {})
  try {
    return await Promise.race([working, expired])
  } finally {
    clearTimeout(timer)
  }
}

/** The caller's deadline from its header; undefined when there is none, or none that can be one. */
export function deadlineOf(header: string | undefined): number | undefined {
  return header !== undefined && /^\d{1,6}$/.test(header) ? Math.min(Number(header), LONGEST_MS) : undefined
}
