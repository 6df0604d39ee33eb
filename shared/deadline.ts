/** One deadline for a request and all that is asked for it: handed on as the time that is left, since clocks differ. */

import { AsyncLocalStorage } from 'node:async_hooks'
import { DeadlineExceeded } from './errors.ts'

/** Milliseconds that the caller still waits. */
export const DEADLINE_HEADER = 'x-deadline-ms'
/** Longer than any request may take. */
const LONGEST_MS = 60_000

interface Deadline {
  readonly untilMs: number
  readonly byCaller: boolean
}

const deadlines = new AsyncLocalStorage<Deadline>()

export interface Remaining {
  readonly leftMs: number
  /** The caller of this service set the deadline; otherwise it is this service's own. */
  readonly byCaller: boolean
}

/** The deadline of the request that is served now; undefined: there is none. */
export function remaining(): Remaining | undefined {
  const deadline = deadlines.getStore()
  return deadline && { leftMs: deadline.untilMs - performance.now(), byCaller: deadline.byCaller }
}

/** What is left of it in milliseconds. */
export const remainingMs = (): number | undefined => remaining()?.leftMs

/**
 * Waits for `work` for so long, or until the deadline that it runs under, if that is sooner.
 * @throws DeadlineExceeded then; `work` goes on, and its result is dropped.
 */
export async function withDeadline<T>(ms: number, work: () => Promise<T>, { byCaller = false } = {}): Promise<T> {
  const outer = remaining()
  const { leftMs, ...rest } = outer && outer.leftMs < ms ? outer : { leftMs: ms, byCaller }
  if (leftMs <= 0) throw new DeadlineExceeded(rest.byCaller)
  const { promise: expired, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new DeadlineExceeded(rest.byCaller)), leftMs)
  const working = deadlines.run({ untilMs: performance.now() + leftMs, ...rest }, work)
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
