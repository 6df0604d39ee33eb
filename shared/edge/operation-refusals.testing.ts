/** Requests that an operation's declaration refuses, derived from the declaration. */

import type { Hono } from 'hono'
import { pathParametersOf, routeOf } from '../contracts/query.ts'
import type { Operation, Roles } from '../service/operation.ts'
import type { PublicApi } from '../service/public-api.ts'

export interface Given {
  readonly role?: string | undefined
  readonly key?: string
  readonly body?: string
  readonly parameter?: string
  readonly search?: string
  readonly headers?: Readonly<Record<string, string>>
}

export type Refusal = readonly [name: string, given: Given, status: number, code: string]

/** Each request has one fault, and passes all checks before it. */
export function refusalsOf(
  { access, notFor = {}, requiresIdempotencyKey, body, ...operation }: Operation,
  api: Pick<PublicApi, 'access'> & { readonly roles: Roles },
): Refusal[] {
  const ignored = (right: Given): Refusal[] => [
    ['with a parameter that it does not have', { ...right, search: '?nope=1' }, 400, 'invalid-parameter'],
    operation.checksVersion
      ? ['with If-Match of no tag', { ...right, headers: { 'if-match': 'x' } }, 400, 'invalid-parameter']
      : ['with If-Match', { ...right, headers: { 'if-match': '*' } }, 400, 'unsupported-precondition'],
  ]
  if (access === 'public') return ignored({})
  if (access === 'signed') return [['without a signature', { body: '{}' }, 401, 'signature-invalid']]
  const needed = api.access[access]!
  const role = needed[0] ?? api.roles.ordinary
  const right: Given = { role, key: 'key-1', body: '{}', parameter: 'x' }
  const all = [api.roles.ordinary, ...api.roles.privileged]
  const tooSmall = needed.length === 0 ? [] : all.filter((one) => !needed.includes(one))
  const refused = new Set([...tooSmall, ...Object.keys(notFor)])
  return [
    ['without a token', { ...right, role: undefined }, 401, 'token-missing'],
    ...ignored(right),
    ...[...refused].map((one): Refusal => [`with the role ${one}`, { ...right, role: one }, 403, 'forbidden']),
    ...pathParametersOf(operation).map((name): Refusal => {
      const parameter = 'x'.repeat(501)
      return [`with a bad ${name}`, { ...right, parameter }, 404, 'not-found']
    }),
    ...(requiresIdempotencyKey
      ? ([
          ['without a key', { role, body: '{}', parameter: 'x' }, 400, 'idempotency-key-missing'],
          ['with a key of two words', { ...right, key: 'two words' }, 400, 'invalid-parameter'],
        ] as const)
      : []),
    ...(body
      ? ([
          ['with a body that is not JSON', { ...right, body: '{' }, 400, 'invalid-json'],
          ['with a body that breaks its contract', { ...right, body: '{"of":"nothing"}' }, 422, 'invalid-body'],
        ] as const)
      : []),
  ]
}

/** @param tokenOf The token of a caller with that role. */
export async function send(
  http: Hono,
  operation: Operation,
  { role, key, body, parameter = 'x', search = '', headers = {} }: Given,
  tokenOf: (role: string) => string,
): Promise<{ readonly status: number; readonly code: string }> {
  const response = await http.request(`${routeOf(operation).replaceAll(/:\w+/g, parameter)}${search}`, {
    method: operation.method.toUpperCase(),
    headers: {
      'content-type': 'application/json',
      ...headers,
      ...(role === undefined ? {} : { authorization: `Bearer ${tokenOf(role)}` }),
      ...(key === undefined ? {} : { 'idempotency-key': key }),
    },
    ...(body === undefined || operation.method === 'get' ? {} : { body }),
  })
  const text = await response.text()
  return { status: response.status, code: response.ok ? text : (JSON.parse(text) as { code: string }).code }
}
