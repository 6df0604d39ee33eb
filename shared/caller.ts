/** Queries to other services and calls to partners: identity, deadline, retry of what may be retried, circuit breaker. */

import { type CircuitBreakerPolicy, circuitBreaker, ConsecutiveBreaker, handleAll } from 'cockatiel'
import { Unavailable } from './errors.ts'
import type { AuthorizationFor } from './gcp/id-tokens.ts'
import type { Platform } from './platform.ts'

const QUERY_TIMEOUT_MS = 5_000
const PARTNER_TIMEOUT_MS = 10_000
/** So many failures in a row open the circuit; after so long one call tries whether the callee is back. */
const FAILURES_TO_OPEN = 8
const HALF_OPEN_AFTER_MS = 2_000

export interface CallerParts {
  readonly peers: Readonly<Record<string, string>>
  readonly authorizationFor: AuthorizationFor
  readonly fetch?: typeof fetch
}

export function createCaller({
  peers,
  authorizationFor,
  fetch: send = fetch,
}: CallerParts): Pick<Platform, 'call' | 'callPartner'> {
  const breakers = new Map<string, CircuitBreakerPolicy>()
  const guarded = async (origin: string, ask: () => Promise<Response>): Promise<Response> => {
    let breaker = breakers.get(origin)
    if (!breaker) {
      breaker = circuitBreaker(handleAll, {
        breaker: new ConsecutiveBreaker(FAILURES_TO_OPEN),
        halfOpenAfter: HALF_OPEN_AFTER_MS,
      })
      breakers.set(origin, breaker)
    }
    try {
      return await breaker.execute(ask)
    } catch (error) {
      throw error instanceof Unavailable ? error : new Unavailable(`${origin} does not answer.`, { cause: error })
    }
  }
  const answered = (response: Response): Response => {
    if (response.status >= 500 || response.status === 429)
      throw new Unavailable(`${response.url} answered ${response.status}.`)
    return response
  }

  return {
    async call(service, path, { method = 'GET', body, headers = {}, timeoutMs = QUERY_TIMEOUT_MS } = {}) {
      const origin = peers[service]
      if (!origin) throw new Error(`${service} is not among PEERS: name it in the description's calls.`)
      const authorization = await authorizationFor(origin)
      return guarded(origin, async () =>
        answered(
          await send(`${origin}${path}`, {
            method,
            headers: {
              ...headers,
              'x-serverless-authorization': authorization,
              ...(body === undefined ? {} : { 'content-type': 'application/json' }),
            },
            signal: AbortSignal.timeout(timeoutMs),
            ...(body === undefined ? {} : { body: JSON.stringify(body) }),
          }),
        ),
      )
    },

    async callPartner(url, { method, body, idempotencyKey, timeoutMs = PARTNER_TIMEOUT_MS, accept = [] }) {
      const { origin } = new URL(url)
      const authorization = await authorizationFor(origin)
      return guarded(origin, async () => {
        const response = await send(url, {
          method,
          headers: {
            authorization,
            ...(body === undefined ? {} : { 'content-type': 'application/json' }),
            ...(idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }),
          },
          signal: AbortSignal.timeout(timeoutMs),
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        })
        if (response.ok || accept.includes(response.status)) return response
        if (response.status >= 500 || response.status === 429 || response.status === 408) answered(response)
        throw new Error(
          `${method} ${url} was refused with ${response.status}: ${(await response.text()).slice(0, 300)}`,
        )
      })
    },
  }
}
