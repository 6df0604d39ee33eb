/** The HTTP request that a task or a job describes: checked when it is created, since every attempt of a wrong one would fail. */

import { refusedTarget } from './control-ports.ts'
import type { CloudContext } from './plugin.ts'
import { type Bytes, bytesOf } from './proto-values.ts'
import { invalidArgument } from './status.ts'

/** As it is stored. */
export interface HttpTarget {
  readonly url: string
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  /** Base64. */
  readonly body: string
  readonly oidc?: { readonly email: string; readonly audience: string }
}

/** The fields that Google's messages of both services share. */
export interface WireHttpTarget {
  readonly httpMethod?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Bytes
  readonly oidcToken?: { readonly serviceAccountEmail?: string; readonly audience?: string } | null
  readonly oauthToken?: unknown
}

/** Where the fields are in a request of a client, for messages: `Task.http_request`, and `url` in it. */
interface Place {
  readonly message: string
  readonly address: string
  readonly urlCharacters: number
}

/** @throws INVALID_ARGUMENT that names the field. */
export function httpTargetOf(url: string, target: WireHttpTarget, place: Place): HttpTarget {
  const { message, address, urlCharacters } = place
  if (!/^https?:\/\/[^/]/.test(url) || !URL.canParse(url))
    throw invalidArgument(`${message}.${address} "${url}" must be a URL that begins with http:// or https://.`)
  if (url.length > urlCharacters)
    throw invalidArgument(`${message}.${address} has ${url.length} characters, at most ${urlCharacters}.`)
  const refused = refusedTarget(url)
  if (refused) throw invalidArgument(`${message}.${address}: ${refused}`)
  if (target.oauthToken)
    throw invalidArgument(`${message}.oauth_token is not served by the local cloud: use oidc_token.`)
  const oidc = target.oidcToken
  if (oidc && !oidc.serviceAccountEmail)
    throw invalidArgument(`${message}.oidc_token.service_account_email is required.`)
  const method = target.httpMethod
  const sent = !method || method === 'HTTP_METHOD_UNSPECIFIED' ? 'POST' : method
  const body = bytesOf(target.body)
  if (body.length > 0 && !['POST', 'PUT', 'PATCH'].includes(sent))
    throw invalidArgument(`${message}.body is for POST, PUT and PATCH, not for ${sent}.`)
  return {
    url,
    method: sent,
    headers: checkedHeaders(target.headers ?? {}, message),
    body: body.toString('base64'),
    ...(oidc ? { oidc: { email: oidc.serviceAccountEmail!, audience: oidc.audience || url } } : {}),
  }
}

/** The message of a stored target, without its address. */
export const wireHttpTarget = ({ method, headers, body, oidc }: HttpTarget) => ({
  httpMethod: method,
  headers,
  body: Buffer.from(body, 'base64'),
  ...(oidc ? { oidcToken: { serviceAccountEmail: oidc.email, audience: oidc.audience } } : {}),
})

/** Computed, or Google's own: a target's say does not count. */
const IGNORED = /^(host|content-length|user-agent|x-google-.*|x-appengine-.*)$/i

/** The headers by which the service that calls a target describes its call. */
export interface CallHeaders {
  /** A target's own headers of this name do not count. */
  readonly reserved: RegExp
  readonly added: Readonly<Record<string, string>>
  /** A target's own headers replace these. */
  readonly defaults?: Readonly<Record<string, string>>
}

/** Calls a target as its account, with its own allowed headers and those of the service. */
export async function callTarget(
  { mintIdToken, fetch }: Pick<CloudContext, 'mintIdToken' | 'fetch'>,
  { url, method, headers, body, oidc }: HttpTarget,
  { reserved, added, defaults }: CallHeaders,
  signal: AbortSignal,
): ReturnType<CloudContext['fetch']> {
  const own = Object.entries(headers).filter(([name]) => !IGNORED.test(name) && !reserved.test(name))
  const token = oidc && (await mintIdToken(oidc))
  return fetch(url, {
    method,
    headers: {
      ...defaults,
      // Names in lower case: a header that differs by its spelling alone would be sent twice.
      ...Object.fromEntries(own.map(([name, value]) => [name.toLowerCase(), value])),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...added,
    },
    signal,
    redirect: 'manual',
    ...(body === '' ? {} : { body: Buffer.from(body, 'base64') }),
  })
}

/** Refuses headers that no HTTP request can carry. */
function checkedHeaders(headers: Readonly<Record<string, string>>, message: string): Record<string, string> {
  for (const [name, value] of Object.entries(headers)) {
    try {
      new Headers().append(name, value)
    } catch {
      throw invalidArgument(`${message}.headers: "${name}: ${value}" is no HTTP header.`)
    }
  }
  return { ...headers }
}
