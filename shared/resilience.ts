/** What stands between a call and whoever may be slow or gone: a bound on calls at once, a circuit breaker, one deadline over all tries. */

import {
  bulkhead,
  circuitBreaker,
  CircuitState,
  ConsecutiveBreaker,
  ExponentialBackoff,
  handleWhen,
  isBrokenCircuitError,
  isBulkheadRejectedError,
  isTaskCancelledError,
  retry,
} from 'cockatiel'
import type { Remaining } from './deadline.ts'
import { DeadlineExceeded, Unavailable } from './errors.ts'

/** Calls to one callee under way at once, and as many waiting: the next is refused at once. */
const CALLS_AT_ONCE = 100
const CALLS_WAITING = 200
/** So many failures in a row open the circuit; after so long one call tries whether the callee is back. */
const FAILURES_TO_OPEN = 8
const HALF_OPEN_AFTER_MS = 2_000
/** What changes nothing is asked again so often, after a wait with chance in it. */
const RETRIES = 2
const FIRST_WAIT_MS = 50
const LONGEST_WAIT_MS = 500

export interface Attempt {
  /** Milliseconds that the callee has for all tries together: beyond them it has failed. */
  readonly timeoutMs: number
  /** The deadline of the request that this call belongs to. Where it is sooner, its passing says nothing about the callee. */
  readonly deadline?: Remaining | undefined
  /** Asking twice is as asking once. */
  readonly idempotent: boolean
}

/** The time that a call has. */
export interface Allowance {
  readonly signal: AbortSignal
  /** Whole milliseconds that are left. @throws what `passed` makes, when none are. */
  leftMs(): number
  /** The error for a call that ran out of time: it counts as the callee's failure, or counts for nothing. */
  passed(): Unavailable
}

export interface ResiliencePolicy {
  /** @throws Unavailable, or what `ask` threw when that says that asking again is of no use. */
  run<T>(ask: (time: Allowance) => Promise<T>, attempt: Attempt): Promise<T>
  /** It failed so often in a row that nobody is asked for now. */
  isOpen(): boolean
}

/** Whatever the callers of this service decide, a short deadline above all, must not open a circuit for all of them. */
const failures = handleWhen((error) => error instanceof Unavailable && !(error instanceof DeadlineExceeded))

/** One for each callee: they fail apart. */
export function createResiliencePolicy(callee: string): ResiliencePolicy {
  const circuit = circuitBreaker(failures, {
    breaker: new ConsecutiveBreaker(FAILURES_TO_OPEN),
    halfOpenAfter: HALF_OPEN_AFTER_MS,
  })
  const atOnce = bulkhead(CALLS_AT_ONCE, CALLS_WAITING)
  const backoff = new ExponentialBackoff({ initialDelay: FIRST_WAIT_MS, maxDelay: LONGEST_WAIT_MS })
  const repeating = retry(failures, { maxAttempts: RETRIES, backoff })
  return {
    isOpen: () => circuit.state === CircuitState.Open,
    async run(ask, { timeoutMs, deadline, idempotent }) {
      const whole = allowance(timeoutMs, () => new Unavailable(`${callee} did not answer in ${timeoutMs} ms.`))
      const time =
        deadline && deadline.leftMs < timeoutMs
          ? allowance(deadline.leftMs, () => new DeadlineExceeded(deadline.byCaller))
          : whole
      // Whether the circuit closes again is decided by one call. It has the callee's whole time, even when the request
      // that it belongs to ends sooner, and does not queue: only the callee's answer decides.
      const once = () =>
        circuit.execute(() =>
          circuit.state === CircuitState.HalfOpen
            ? asked(callee, ask, whole)
            : atOnce.execute(() => asked(callee, ask, time), time.signal),
        )
      try {
        return await (idempotent ? repeating.execute(once, time.signal) : once())
      } catch (error) {
        if (isTaskCancelledError(error)) throw time.passed()
        if (!isBrokenCircuitError(error) && !isBulkheadRejectedError(error)) throw error
        throw new Unavailable(`${callee} is not asked: ${error.message}`, { cause: error })
      }
    },
  }
}

function allowance(ms: number, passed: () => Unavailable): Allowance {
  const untilMs = performance.now() + ms
  return {
    signal: AbortSignal.timeout(Math.max(0, Math.ceil(ms))),
    leftMs() {
      const leftMs = Math.floor(untilMs - performance.now())
      if (leftMs <= 0) throw passed()
      return leftMs
    },
    passed,
  }
}

/** No answer in time, or no connection, means: not now. */
async function asked<T>(callee: string, ask: (time: Allowance) => Promise<T>, time: Allowance): Promise<T> {
  try {
    return await ask(time)
  } catch (error) {
    const isAborted = error instanceof DOMException && (error.name === 'TimeoutError' || error.name === 'AbortError')
    if (isAborted || (error instanceof TypeError && time.signal.aborted)) throw time.passed()
    throw error instanceof TypeError ? new Unavailable(`${callee} does not answer.`, { cause: error }) : error
  }
}
