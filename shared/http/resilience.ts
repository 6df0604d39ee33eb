/**
 * How a callee that is slow or gone is called: bulkhead → timeout → retry → circuit breaker → call.
 *
 * - The bulkhead is outermost: a call that finds no slot says nothing about the callee.
 * - One timeout covers the wait for a slot and all attempts. Its passing is the callee's failure; the passing of the
 *   request's own deadline, and a client that hangs up, are neutral.
 * - The circuit breaker counts each attempt, and stops the retries when it opens.
 */

import {
  BrokenCircuitError,
  circuitBreaker,
  CircuitState as State,
  ConsecutiveBreaker,
  ExponentialBackoff,
  handleWhen,
  isBrokenCircuitError,
  retry,
} from 'cockatiel'
import { createBulkhead } from './bulkhead.ts'
import { type RequestContext, requestContext, startTimer, unlessAborted } from '../base/deadline.ts'
import { Cancelled, DeadlineExceeded, Unavailable } from '../base/errors.ts'

/** Concurrent calls to one callee, and calls that wait: the next is refused at once. */
export const MAX_CALLS = { concurrent: 100, queued: 200 }
/** The number of failures in a row that open the circuit, and the time after which one call tests the callee. */
export const FAILURES_TO_OPEN = 8
export const HALF_OPEN_AFTER_MS = 2_000
/** The retries of an idempotent call, each after a random backoff. */
export const MAX_RETRIES = 2
export const MIN_BACKOFF_MS = 50
export const MAX_BACKOFF_MS = 500

export interface CallOptions {
  /** Milliseconds that the callee has for all attempts together: beyond them it has failed. */
  readonly timeoutMs: number
  /** A repeated call has the effect of one call, so a failed attempt is retried. */
  readonly idempotent: boolean
}

/** The time that an attempt has. Its answer must be read while the signal has not fired. */
export interface Allowance {
  readonly signal: AbortSignal
  /** The remaining whole milliseconds. @throws the error of `passed` if the time is over. */
  leftMs(): number
  /** The error for a call that ran out of time: the callee's failure, or a neutral `DeadlineExceeded`. */
  passed(): Error
}

export interface ResiliencePolicy {
  /** @throws Unavailable, or the error of `call` if the callee has answered. */
  execute<T>(call: (time: Allowance) => Promise<T>, options: CallOptions): Promise<T>
  /** True while the circuit of the callee is open. */
  isOpen(): boolean
}

export type CircuitState = 'closed' | 'open' | 'half-open'

/** `reason`: the last failure, when the circuit opens. */
export type OnTransition = (state: CircuitState, reason?: string) => void

const failures = handleWhen((error) => error instanceof Unavailable && !(error instanceof Cancelled))

/** One for each callee, whose name appears in errors: they fail apart. */
export function createResiliencePolicy(callee: string, onTransition: OnTransition = () => {}): ResiliencePolicy {
  const circuit = circuitBreaker(failures, {
    breaker: new ConsecutiveBreaker(FAILURES_TO_OPEN),
    halfOpenAfter: HALF_OPEN_AFTER_MS,
  })
  circuit.onBreak((failure) => onTransition('open', 'error' in failure ? String(failure.error) : undefined))
  circuit.onHalfOpen(() => onTransition('half-open'))
  circuit.onReset(() => onTransition('closed'))
  const bulkhead = createBulkhead(callee, MAX_CALLS)
  const backoff = new ExponentialBackoff({ initialDelay: MIN_BACKOFF_MS, maxDelay: MAX_BACKOFF_MS })
  const retrying = retry(failures, { maxAttempts: MAX_RETRIES, backoff })

  return {
    isOpen: () => circuit.state === State.Open,
    async execute(call, { timeoutMs, idempotent }) {
      const calleeTime = timeOf(callee, timeoutMs)
      const time = withinRequest(calleeTime, requestContext())
      const attempt = async () => {
        time.signal.throwIfAborted()
        if (circuit.state === State.HalfOpen) throw new BrokenCircuitError()
        // Cockatiel closes a half-open circuit after any outcome that is no failure. So the one call that decides has the
        // callee's whole time, also when its request ends sooner: only the callee's answer decides.
        return circuit.execute(() => attempted(callee, call, circuit.state === State.HalfOpen ? calleeTime : time))
      }
      const attempts = () => (idempotent ? retrying.execute(attempt, time.signal) : attempt())
      // Without a slot: an open circuit refuses at once, and the call that tries does not queue behind calls that hang.
      const work = circuit.state === State.Closed ? bulkhead.execute(attempts, time.signal) : attempts()
      try {
        return await unlessAborted(time.signal, work.finally(calleeTime.end))
      } catch (error) {
        if (!isBrokenCircuitError(error)) throw error
        throw new Unavailable(`${callee} is not called: its circuit is open.`, { cause: error })
      }
    },
  }
}

/** The callee's own time: it is over when `end` is called, or with a failure. */
function timeOf(callee: string, ms: number): Allowance & { readonly untilMs: number; end(): void } {
  const untilMs = performance.now() + ms
  const passed = (): Error => new Unavailable(`${callee} did not answer in ${Math.round(ms)} ms.`)
  return { ...startTimer(ms, passed), untilMs, passed, leftMs: leftUntil(untilMs, passed) }
}

/** The same, ended sooner by the request's deadline or by a client that hangs up. */
function withinRequest(
  calleeTime: Allowance & { readonly untilMs: number },
  request: RequestContext | undefined,
): Allowance {
  if (!request) return calleeTime
  const signal = AbortSignal.any([calleeTime.signal, request.signal])
  if (calleeTime.untilMs <= request.deadlineMs) return { ...calleeTime, signal }
  const passed = (): Error => new DeadlineExceeded(request.byCaller)
  return { signal, passed, leftMs: leftUntil(request.deadlineMs, passed) }
}

const leftUntil = (untilMs: number, passed: () => Error) => (): number => {
  const leftMs = Math.floor(untilMs - performance.now())
  if (leftMs <= 0) throw passed()
  return leftMs
}

/** No answer in time, or no connection, means: not now. */
async function attempted<T>(callee: string, call: (time: Allowance) => Promise<T>, time: Allowance): Promise<T> {
  try {
    return await call(time)
  } catch (error) {
    if (time.signal.aborted) throw time.signal.reason
    throw error instanceof TypeError ? new Unavailable(`${callee} does not answer.`, { cause: error }) : error
  }
}
