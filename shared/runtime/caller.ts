/** Queries to other services and calls to partners, each with this service's identity, a deadline and a policy of its own. */

import { DEADLINE_HEADER, withTimeout } from '../base/deadline.ts'
import type { ReadSecret } from '../base/config.ts'
import { platformCodes, Unavailable } from '../base/errors.ts'
import type { AuthorizationFor } from '../gcp/id-tokens.ts'
import type { Call } from '../messaging/query.ts'
import type { Platform } from '../service/platform.ts'
import { type Allowance, createResiliencePolicy, type ResiliencePolicy } from '../http/resilience.ts'
import { createHedge, type Hedge } from '../http/hedge.ts'
import { type Send, send as sendByNode } from '../http/send.ts'
import { type Telemetry, traceHeaders, traceparent } from '../instrumentation/telemetry.ts'

export const QUERY_TIMEOUT_MS = 5_000
export const EXTERNAL_TIMEOUT_MS = 10_000

export interface CallerParts {
  readonly peers: Readonly<Record<string, string>>
  readonly authorizationFor: AuthorizationFor
  /** The value of an authorization header for Google's own APIs. */
  readonly accessAuthorization: () => Promise<string>
  /** The value of one of the service's secrets (default: it has none). */
  readonly secret?: ReadSecret
  readonly telemetry: Pick<Telemetry, 'query' | 'partner' | 'circuit' | 'hedged'>
  readonly send?: Send
}

export function createCaller({
  peers,
  authorizationFor,
  accessAuthorization,
  secret = noSecret,
  telemetry,
  send = sendByNode,
}: CallerParts): Pick<Platform<string>, 'callExternal'> & { readonly call: Call; openCircuits(): string[] } {
  const policies = new Map<string, ResiliencePolicy>()
  const policyOf = (origin: string): ResiliencePolicy => {
    let policy = policies.get(origin)
    if (!policy) {
      const callee = nameOf(origin)
      policy = createResiliencePolicy(callee, (state, reason) => telemetry.circuit({ callee, state, reason }))
      policies.set(origin, policy)
    }
    return policy
  }

  const hedges = new Map<string, Hedge>()
  const hedgeOf = (origin: string): Hedge => {
    const hedge = hedges.get(origin) ?? createHedge((outcome) => telemetry.hedged({ callee: nameOf(origin), outcome }))
    hedges.set(origin, hedge)
    return hedge
  }

  const nameOf = (origin: string): string =>
    Object.entries(peers).find(([, url]) => url === origin)?.[0] ?? new URL(origin).hostname

  return {
    openCircuits: () => [...policies].filter(([, policy]) => policy.isOpen()).map(([origin]) => nameOf(origin)),
    async call(service, path, { method = 'GET', body, timeoutMs = QUERY_TIMEOUT_MS, hedged = false } = {}) {
      const origin = peers[service]
      if (!origin) throw new Error(`${service} is not among PEERS: name a query of its in the description's queries.`)
      const startedMs = performance.now()
      const authorization = await withTimeout(timeoutMs, () => authorizationFor(origin), noToken)
      // The context of the calling span, because a query gets a span of its own only if it fails.
      const trace = traceHeaders()
      const init = (leftMs: number) => ({
        method,
        headers: {
          ...trace,
          // Cloud Run takes the first, and removes its signature; the second stays whole, for the callee to verify.
          'x-serverless-authorization': authorization,
          authorization,
          [DEADLINE_HEADER]: String(leftMs),
          ...typeOf(body),
        },
        ...textOf(body),
      })
      const ask = async (time: Allowance): Promise<Response> => {
        const url = `${origin}${path}`
        const response = notRedirected(url, await send(url, { ...init(time.leftMs()), signal: time.signal }))
        // The time that it was given was up before it had an answer.
        if (response.status === platformCodes['deadline-exceeded'].status) throw time.passed()
        return answered(url, response)
      }
      // Within an attempt: the circuit counts it once, and its retry is another pair.
      const attempt = (time: Allowance): Promise<Response> =>
        hedged && method === 'GET' ? hedgeOf(origin).race((signal) => ask({ ...time, signal }), time.signal) : ask(time)
      return policyOf(origin).execute((time) => telemetry.query({ service, method }, () => attempt(time)), {
        timeoutMs: timeoutMs - (performance.now() - startedMs),
        idempotent: method === 'GET',
      })
    },

    async callExternal(
      url,
      {
        method,
        operation,
        body,
        form,
        headers: further = {},
        idempotencyKey,
        timeoutMs = EXTERNAL_TIMEOUT_MS,
        accept = [],
        token = 'id',
      },
    ) {
      const { origin, hostname } = new URL(url)
      const startedMs = performance.now()
      const credential = async (): Promise<{ authorization?: string }> => {
        if (token === 'none') return {}
        if (typeof token === 'object') return { authorization: `Bearer ${secret(token.secret)}` }
        const ofGoogle = token === 'access' ? accessAuthorization : () => authorizationFor(origin)
        return { authorization: await withTimeout(timeoutMs, ofGoogle, noToken) }
      }
      const authorization = await credential()
      const key = idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }
      const ask = async ({ signal }: Allowance): Promise<Response> => {
        const headers = {
          ...further,
          ...authorization,
          traceparent: traceparent(),
          ...typeOf(body),
          ...key,
          ...formType(form),
        }
        const sent = form === undefined ? textOf(body) : { body: form }
        const response = notRedirected(url, await send(url, { method, headers, ...sent, signal }))
        if (response.ok || accept.includes(response.status)) return response
        const answer = answered(url, response)
        throw new Error(`${method} ${url} was refused with ${answer.status}: ${(await answer.text()).slice(0, 300)}`)
      }
      // No answer is asked for twice in one delivery: the delivery itself is repeated, under the same key.
      return policyOf(origin).execute((time) => telemetry.partner({ operation, server: hostname }, () => ask(time)), {
        timeoutMs: timeoutMs - (performance.now() - startedMs),
        idempotent: false,
      })
    },
  }
}

const noSecret: ReadSecret = (name) => {
  throw new Error(`There is no secret ${name} here: name it in the description of the service.`)
}

const noToken = (): Error => new Unavailable('The metadata server gave no token in time.')

/** A redirect would lead to an address that no stack names: it is a misconfiguration, which the alert on bugs reports. */
function notRedirected(url: string, response: Response): Response {
  const { status, headers } = response
  if (status < 300 || status > 399) return response
  throw new Error(
    `${url} answered ${status} with a redirect to ${String(headers.get('location')).slice(0, 200)}, which is not followed: give the setting its final address.`,
  )
}

/** A limit that a service of this platform sets to its callers is an answer; the same status from a front end is a failure. */
const isOfOurs = ({ headers }: Response): boolean =>
  headers.get('content-type')?.startsWith('application/problem+json') === true

function answered(url: string, response: Response): Response {
  const { status } = response
  if (status < 500 && ((status !== 429 && status !== 408) || isOfOurs(response))) return response
  throw new Unavailable(`${url} answered ${status}.`)
}

const typeOf = (body: unknown): Record<string, string> =>
  body === undefined ? {} : { 'content-type': 'application/json' }
const formType = (form: string | undefined): Record<string, string> =>
  form === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' }
const textOf = (body: unknown): { body?: string } => (body === undefined ? {} : { body: JSON.stringify(body) })
