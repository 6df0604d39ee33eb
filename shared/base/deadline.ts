/**
 * One deadline and one signal for a request and all that is done for it. The signal fires when the deadline passes or the
 * client hangs up; other services get the time that is left, since clocks differ.
 */

import { AsyncLocalStorage } from 'node:async_hooks'
import { DeadlineExceeded } from './errors.ts'

/** Milliseconds that the caller still waits. */
export const DEADLINE_HEADER = 'x-deadline-ms'
/** The maximum time of a request, also if its caller allows more. */
export const MAX_REQUEST_MS = 60_000

export interface RequestContext {
  /** Its reason is the error that ends the request: `DeadlineExceeded` or `ClientClosed`. */
  readonly signal: AbortSignal
  /** On the clock of `performance.now()`. */
  readonly deadlineMs: number
  /** The caller of this service set the deadline; otherwise it is this service's own. */
  readonly byCaller: boolean
}

const contexts = new AsyncLocalStorage<RequestContext | undefined>()

/** The context of the request that is being served; undefined in a delivery, which has neither deadline nor signal. */
export const requestContext = (): RequestContext | undefined => contexts.getStore()

/** Milliseconds until the deadline of the request; undefined when it has none. */
export function remainingMs(): number | undefined {
  const context = requestContext()
  return context && context.deadlineMs - performance.now()
}

export interface DeadlineOptions {
  readonly byCaller?: boolean
  /** Fires with its reason when the client hangs up. */
  readonly disconnect?: AbortSignal | undefined
}

/**
 * Runs `work` under a deadline `ms` milliseconds from now, or under the deadline around it if that is sooner.
 * @throws DeadlineExceeded, or the reason of `disconnect`, as soon as that happens. `work` then goes on until it sees the
 * signal, and its result is dropped: `work` itself frees its resources when it ends.
 */
export async function withDeadline<T>(
  ms: number,
  work: () => Promise<T>,
  { byCaller = false, disconnect }: DeadlineOptions = {},
): Promise<T> {
  const outer = requestContext()
  const own = { deadlineMs: performance.now() + ms, byCaller }
  const deadline = outer && outer.deadlineMs < own.deadlineMs ? outer : own
  const leftMs = deadline.deadlineMs - performance.now()
  if (leftMs <= 0) throw new DeadlineExceeded(deadline.byCaller)
  const timer = startTimer(leftMs, () => new DeadlineExceeded(deadline.byCaller))
  const signal = anyOf(timer.signal, outer?.signal, disconnect)
  try {
    signal.throwIfAborted()
    const { deadlineMs } = deadline
    return await unlessAborted(signal, contexts.run({ deadlineMs, byCaller: deadline.byCaller, signal }, work))
  } finally {
    timer.end()
  }
}

/**
 * Waits for `work` for at most `ms` milliseconds, and no longer than the request lasts.
 * @throws the error of `passed`, or the reason of the request's signal; `work` goes on, and its result is dropped.
 */
export async function withTimeout<T>(ms: number, work: () => Promise<T>, passed: () => Error): Promise<T> {
  const timer = startTimer(ms, passed)
  const signal = anyOf(timer.signal, requestContext()?.signal)
  try {
    signal.throwIfAborted()
    return await unlessAborted(signal, work())
  } finally {
    timer.end()
  }
}

/** A signal that fires `ms` milliseconds from now, with the error that `passed` makes then, unless it is ended before. */
export function startTimer(ms: number, passed: () => Error): { readonly signal: AbortSignal; end(): void } {
  const controller = new AbortController()
  const timer = setTimeout(() => controller.abort(passed()), Math.max(0, ms))
  return { signal: controller.signal, end: () => clearTimeout(timer) }
}

const anyOf = (first: AbortSignal, ...others: readonly (AbortSignal | undefined)[]): AbortSignal => {
  const signals = others.filter((signal) => signal !== undefined)
  return signals.length === 0 ? first : AbortSignal.any([first, ...signals])
}

/** Runs work that several requests wait for: it does not end with the request that began it. */
export const outsideRequest = <T>(work: () => Promise<T>): Promise<T> => contexts.run(undefined, work)

/** Settles as `work` does, or rejects with the signal's reason when that fires first; `work` itself goes on. */
export async function unlessAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  // After the signal its failure is discarded.
  work.catch(() => {})
  signal.throwIfAborted()
  const { promise: aborted, reject } = Promise.withResolvers<never>()
  const abort = (): void => reject(signal.reason as Error)
  signal.addEventListener('abort', abort)
  try {
    return await Promise.race([work, aborted])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

/** The caller's deadline from its header; undefined if the header is absent or invalid. */
export function deadlineOf(header: string | undefined): number | undefined {
  return header !== undefined && /^\d{1,6}$/.test(header) ? Math.min(Number(header), MAX_REQUEST_MS) : undefined
}
