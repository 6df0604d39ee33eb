/** A client of the public API: of the service with public ingress. */

import { type Running, secretOf, UsageError } from './command.ts'
import { failedStarts } from './failed-starts.ts'
import { inTerminal } from './local.ts'
import { readWaiting } from './ops/waiting.ts'
import { shown } from './terminal.ts'

export interface Problem {
  readonly status: number
  readonly code: string
  readonly detail: string
}

export interface Answer<Body> {
  readonly status: number
  readonly body: Body
}

/** A problem document of the public API: `code` is stable, `detail` has the remedy. */
export class Refusal extends UsageError {
  readonly problem: Problem

  /** @param causes Sentences with what is known about it here. */
  constructor(problem: Problem, causes: readonly string[] = []) {
    super([`${problem.status} ${shown(problem.code)}: ${shown(problem.detail)}`, ...causes.map(shown)].join('\n'))
    this.problem = problem
  }
}

/** True for the error of `fetch` when no connection was made, or it broke off. */
export const isUnreachable = (error: unknown): boolean => error instanceof TypeError && error.message === 'fetch failed'

export type Method = 'GET' | 'POST' | 'DELETE'

interface RequestOptions {
  readonly body?: unknown
  readonly key?: string
  /** For the outcome of a command that the request submits. */
  readonly waitSeconds?: number
  /** Absent: as long as the public API takes. */
  readonly timeoutMs?: number
}

export interface Api {
  /** @throws Refusal for a problem document. */
  send<Body>(method: Method, path: string, options?: RequestOptions): Promise<Answer<Body>>
}

export interface Caller {
  readonly sub: string
  readonly roles: readonly string[]
}

const RENEW_BEFORE_MS = 60_000

/** Signs in at the identity platform and calls the public API with the token, which is renewed before it expires. @throws UsageError when no service is public */
export function connect(running: Running, caller: Caller): Api {
  const { publicUrl } = running
  if (publicUrl === undefined) throw new UsageError(noPublicService)
  let latest: Promise<{ token: string; expiresAt: string }> | undefined
  const bearer = async (): Promise<string> => {
    const known = latest
    const current = await known?.catch(() => undefined)
    if (current && Date.parse(current.expiresAt) - Date.now() > RENEW_BEFORE_MS) return current.token
    // Unless another call has renewed it meanwhile. A new token is used even if it expires soon.
    if (latest === known) latest = signIn(running, caller)
    return (await latest!).token
  }
  const api = connectWith(publicUrl, bearer)
  return {
    async send<Body>(method: Method, path: string, options?: RequestOptions) {
      try {
        return await api.send<Body>(method, path, options)
      } catch (error) {
        throw error instanceof Refusal && error.problem.status >= 500 ? await withCauses(running, error) : error
      }
    },
  }
}

/**
 * The refusal with the reason of each service that does not start, which any command may meet; when all start, with the service
 * that answered and the way to its log, which names the service that it asked.
 */
async function withCauses(running: Running, refusal: Refusal): Promise<Refusal> {
  const starts = await readWaiting(running).then(
    ({ services }) => failedStarts(services),
    () => [],
  )
  return new Refusal(refusal.problem, starts.length > 0 ? starts : [logOf(running)])
}

function logOf({ serviceUrls, publicUrl }: Running): string {
  const answered = Object.keys(serviceUrls).find((name) => serviceUrls[name] === publicUrl)
  const service = answered === undefined ? '' : `${answered} `
  return `The service ${service}answered this. Its log has the reason, the error or the service that it waited for: npm run logs -- ${service}--level warning --no-follow`
}

export const noPublicService = "No service is public: one with ingress: 'public' has the public API."

/** Calls the public API at this address with the token that `bearer` returns. */
export function connectWith(publicUrl: string, bearer: () => Promise<string>): Api {
  return {
    async send<Body>(method: Method, path: string, options: RequestOptions = {}) {
      const response = await fetch(`${publicUrl}${path}`, {
        method,
        headers: {
          authorization: `Bearer ${await bearer()}`,
          ...(options.key === undefined ? {} : { 'idempotency-key': options.key }),
          ...(options.waitSeconds === undefined ? {} : { prefer: `wait=${options.waitSeconds}` }),
          ...(options.body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
        ...(options.timeoutMs === undefined ? {} : { signal: AbortSignal.timeout(options.timeoutMs) }),
      })
      const text = await response.text()
      const body: unknown = text === '' ? undefined : parse(text, response.status)
      if (!response.ok)
        throw new Refusal({ status: response.status, code: 'unknown', detail: text.slice(0, 200), ...(body as object) })
      return { status: response.status, body: body as Body }
    },
  }
}

function parse(text: string, status: number): unknown {
  try {
    return JSON.parse(text)
  } catch {
    if (status < 400)
      throw new UsageError(
        `the public API answered ${status} with something that is not JSON: ${shown(text.slice(0, 100))}`,
      )
    return {}
  }
}

/** Issues a token for the caller. @throws UsageError when it is refused. */
export async function signIn(running: Running, caller: Caller): Promise<{ token: string; expiresAt: string }> {
  const response = await fetch(`${running.identityUrl}/v1/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...secretOf(running) },
    body: JSON.stringify(caller),
  })
  if (!response.ok)
    throw new UsageError(
      `signing in failed with ${response.status}: ${shown(await response.text())}${inTerminal('identity platform', response.status)}`,
    )
  return (await response.json()) as { token: string; expiresAt: string }
}
