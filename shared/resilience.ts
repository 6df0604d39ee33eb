/** What stands between a call and whoever may be slow or gone: a bound on calls at once, a circuit breaker, one deadline over all tries. */

import {
  bulkhead,
  circuitBreaker,
  CircuitState,
  ConsecutiveBreaker,
  ExponentialBackoff,
  handleType,
  isBrokenCircuitError,
  isBulkheadRejectedError,
  isTaskCancelledError,
  retry,
  wrap,
} from 'cockatiel'
import { Unavailable } from './errors.ts'

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
  /** Milliseconds for all tries together. */
  readonly timeoutMs: number
  /** Asking twice is as asking once. */
  readonly repeatable: boolean
}

export interface Guard {
  /** @throws Unavailable, or what `ask` threw when that says that asking again is of no use. */
  run<T>(ask: (signal: AbortSignal) => Promise<T>, attempt: Attempt): Promise<T>
  /** It failed so often in a row that nobody is asked for now. */
  isOpen(): boolean
}

const foreseen = handleType(Unavailable)

/** One for each callee: they fail apart. */
export function createGuard(callee: string): Guard {
  const circuit = circuitBreaker(foreseen, {
    breaker: new ConsecutiveBreaker(FAILURES_TO_OPEN),
    halfOpenAfter: HALF_OPEN_AFTER_MS,
  })
  const shared = wrap(circuit, bulkhead(CALLS_AT_ONCE, CALLS_WAITING))
  const backoff = new ExponentialBackoff({ initialDelay: FIRST_WAIT_MS, maxDelay: LONGEST_WAIT_MS })
  const repeating = wrap(retry(foreseen, { maxAttempts: RETRIES, backoff }), shared)
  return {
    isOpen: () => circuit.state === CircuitState.Open,
    async run(ask, { timeoutMs, repeatable }) {
      const signal = AbortSignal.timeout(timeoutMs)
      try {
        return await (repeatable ? repeating : shared).execute(() => asked(callee, ask, signal), signal)
      } catch (error) {
        if (!isBrokenCircuitError(error) && !isBulkheadRejectedError(error) && !isTaskCancelledError(error)) throw error
        throw new Unavailable(`${callee} is not asked: ${error.message}`, { cause: error })
      }
    },
  }
}

/** No answer in time, or no connection, means: not now. */
async function asked<T>(callee: string, ask: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T> {
  try {
    return await ask(signal)
  } catch (error) {
    const isNetwork =
      error instanceof TypeError ||
      (error instanceof DOMException && (error.name === 'TimeoutError' || error.name === 'AbortError'))
    throw isNetwork ? new Unavailable(`${callee} does not answer.`, { cause: error }) : error
  }
}
