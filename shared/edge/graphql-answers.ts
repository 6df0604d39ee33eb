/** Answers of GraphQL over HTTP: responses, and problems as its errors. */

import type { Context, MiddlewareHandler } from 'hono'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import type { PlatformCode, Violation } from '../base/errors.ts'

export const GRAPHQL_PATH = '/graphql'
const RESPONSE_TYPE = 'application/graphql-response+json'

/** Around the whole edge: a refused request is answered as GraphQL has errors. */
export const spellGraphql: MiddlewareHandler = async (c, next) => {
  await next()
  if (c.req.path !== GRAPHQL_PATH) return
  if (!c.res.headers.get('content-type')?.startsWith('application/problem+json')) return
  const problem = (await c.res.clone().json()) as Problem
  const body = { errors: [errorIn(problem, c.res.headers.get('retry-after'), c.get('violations'))] }
  const headers = new Headers(c.res.headers)
  headers.set('content-type', responseTypeFor(c))
  c.set('problemStatus', c.res.status)
  c.res = new Response(JSON.stringify(body), { status: statusFor(c, problem), headers })
}

export interface Problem {
  readonly status: number
  readonly code: string
  readonly detail: string
}

/** A problem document as an error: the code by which programs decide is in its extensions, with the problem's own members. */
export function errorIn(
  { detail, ...problem }: Problem,
  retryAfter: string | null,
  violations: readonly Violation[] | undefined,
): { readonly message: string; readonly extensions: Readonly<Record<string, unknown>> } {
  const members = Object.entries(problem).filter(([name]) => !['type', 'title', 'instance'].includes(name))
  return {
    message: detail,
    extensions: {
      ...Object.fromEntries(members),
      ...(retryAfter === null ? {} : { retryAfterSeconds: Number(retryAfter) }),
      ...(violations ? { violations } : {}),
    },
  }
}

/** Refusals of a document, which is no fault of HTTP. */
const ofDocuments: readonly string[] = [
  'invalid-document',
  'invalid-variables',
  'document-too-complex',
] satisfies readonly PlatformCode[]

/** Clients from before there was a type of GraphQL's own have 200 for a refused document, as its specification has it. */
export const statusFor = (c: Context, { status, code }: Pick<Problem, 'status' | 'code'>): number =>
  !responseTypeFor(c).startsWith(RESPONSE_TYPE) && ofDocuments.includes(code) ? 200 : status

/** Of GraphQL's own type, or of that of clients from before there was one. */
export function responseTypeFor(c: Context): string {
  const isOwn = c.req.header('accept')?.includes(RESPONSE_TYPE) === true
  return `${isOwn ? RESPONSE_TYPE : 'application/json'}; charset=utf-8`
}

/** A response that is no stream. */
export const respond = (c: Context, status: number, body: object): Response =>
  c.body(JSON.stringify(body), status as ContentfulStatusCode, { 'content-type': responseTypeFor(c) })
