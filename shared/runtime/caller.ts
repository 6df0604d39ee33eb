/** Queries to other services and calls to partners, each with this service's identity, a deadline and a policy of its own. */

import { DEADLINE_HEADER, withTimeout } from '../base/deadline.ts'
import type { ReadSecret } from '../base/config.ts'
import { platformCodes, Unavailable } from '../base/errors.ts'
import type { AuthorizationFor } from '../gcp/id-tokens.ts'
import type { Call } from '../messaging/query.ts'
import type { Platform } from '../service/platform.ts'
import { type Allowance, createResiliencePolicy, type ResiliencePolicy } from '../http/resilience.ts'
import { type Telemetry, traceHeaders, traceparent } from '../instrumentation/telemetry.ts'

export const QUERY_TIMEOUT_MS = 5_000
export const EXTERNAL_TIMEOUT_MS = 10_000
/** A timeline has less than 1 MiB: a Firestore document holds no more. */
const MAX_ANSWER_BYTES = 8 * 1024 * 1024

export interface CallerParts {
  readonly peers: Readonly<Record<string, string>>
  readonly authorizationFor: AuthorizationFor
  /** The value of an authorization header for Google's own APIs. */
  readonly accessAuthorization: () => Promise<string>
  /** The value of one of the service's secrets (default: it has none). */
  readonly secret?: ReadSecret
  readonly telemetry: Pick<Telemetry, 'query' | 'partner' | 'circuit'>
  readonly fetch?: typeof fetch
}

export function createCaller({
  peers,
  authorizationFor,
  accessAuthorization,
  secret = noSecret,
  telemetry,
  fetch: send = fetch,
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

  const nameOf = (origin: string): string =>
    Object.entries(peers).find(([, url]) => url === origin)?.[0] ?? new URL(origin).hostname

  return {
    openCircuits: () => [...policies].filter(([, policy]) => policy.isOpen()).map(([origin]) => nameOf(origin)),
    async call(service, path, { method = 'GET', body, timeoutMs = QUERY_TIMEOUT_MS } = {}) {
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
        const response = notRedirected(
          await send(`${origin}${path}`, { ...init(time.leftMs()), signal: time.signal, redirect: 'manual' }),
        )
        // The time that it was given was up before it had an answer.
        if (response.status === platformCodes['deadline-exceeded'].status) throw time.passed()
        return whole(answered(response))
      }
      return policyOf(origin).execute((time) => telemetry.query({ service, method }, () => ask(time)), {
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
        const response = notRedirected(await send(url, { method, headers, ...sent, signal, redirect: 'manual' }))
        const isAccepted = response.ok || accept.includes(response.status)
        const answer = await whole(isAccepted ? response : answered(response))
        if (isAccepted) return answer
        throw new Error(`${method} ${url} was refused with ${answer.status}: ${(await answer.text()).slice(0, 300)}`)
      }
      // Never called twice in one delivery: the delivery itself is repeated, under the same key.
      return policyOf(origin).execute((time) => telemetry.partner({ operation, server: hostname }, () => ask(time)), {
        timeoutMs: timeoutMs - (performance.now() - startedMs),
        idempotent: false,
      })
    },
  }
}

/** The answer with its body, which is read while the time of the call lasts: a truncated answer counts as no answer. */
async function whole(response: Response): Promise<Response> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength
    if (bytes > MAX_ANSWER_BYTES)
      throw new Error(`${response.url} answered more than ${MAX_ANSWER_BYTES} bytes, which are not read.`)
    chunks.push(chunk)
  }
  const headers = new Headers(response.headers)
  for (const name of ['content-encoding', 'content-length', 'transfer-encoding']) headers.delete(name)
  return new Response(bytes === 0 ? null : Buffer.concat(chunks), { status: response.status, headers })
}

const noSecret: ReadSecret = (name) => {
  throw new Error(`There is no secret ${name} here: name it in the description of the service.`)
}

const noToken = (): Error => new Unavailable('The metadata server gave no token in time.')

/** A redirect would lead to an address that no stack names: it is a misconfiguration, which the alert on bugs reports. */
function notRedirected(response: Response): Response {
  const { status, url, headers } = response
  if (status < 300 || status > 399) return response
  void response.body?.cancel()
  throw new Error(
    `${url} answered ${status} with a redirect to ${String(headers.get('location')).slice(0, 200)}, which is not followed: give the setting its final address.`,
  )
}

/** A limit that a service of this platform sets to its callers is an answer; the same status from a front end is a failure. */
const isOfOurs = ({ headers }: Response): boolean =>
  headers.get('content-type')?.startsWith('application/problem+json') === true

function answered(response: Response): Response {
  const { status, url } = response
  if (status < 500 && ((status !== 429 && status !== 408) || isOfOurs(response))) return response
  void response.body?.cancel()
  throw new Unavailable(`${url} answered ${status}.`)
}

const typeOf = (body: unknown): Record<string, string> =>
  body === undefined ? {} : { 'content-type': 'application/json' }
const formType = (form: string | undefined): Record<string, string> =>
  form === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' }
const textOf = (body: unknown): { body?: string } => (body === undefined ? {} : { body: JSON.stringify(body) })
