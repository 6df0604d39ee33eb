/**
 * The operations of a public API as a graph, beside REST. Each field of a request passes the checks and the handler of its operation.
 * The library, the schema and the documents are loaded at the first request.
 */

import type { Context, Hono, MiddlewareHandler } from 'hono'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import { jsonBody } from '../http/http.ts'
import type { PlatformCode, Violation } from '../base/errors.ts'
import type { Caller, Operation } from '../service/operation.ts'
import type { Platform } from '../service/platform.ts'
import type { Edges } from '../service/api.ts'
import type { LoadEdge } from '../service/edge-code.ts'
import type { GraphqlSource } from '../service/public-api.ts'
import { z } from 'zod'
import type { GraphqlCalls } from './graphql-calls.ts'
import type { Bound } from './handle.ts'

export const GRAPHQL_PATH = '/graphql'
const RESPONSE_TYPE = 'application/graphql-response+json'

/** All that a graph is made of. */
export interface Graph {
  readonly platform: Platform
  readonly source: GraphqlSource
  readonly operations: ReadonlyMap<string, { readonly operation: Operation; readonly bound: Bound }>
  readonly edges: Edges
  readonly loaders: Readonly<Record<string, LoadEdge>>
  /** The caller whose token the request carries, charged for it. @throws Refused, Limited, Unavailable */
  caller(c: Context): Promise<Caller>
  /** @throws Limited */
  chargeFurther(c: Context, caller: Caller, operations: number): void
}

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

export function routeGraphql(http: Hono, graph: Graph): void {
  let loaded: Promise<GraphqlCalls> | undefined
  const loading = async (): Promise<GraphqlCalls> => {
    const [{ createGraphqlCalls }, record] = await Promise.all([import('./graphql-calls.ts'), graph.source.load()])
    return createGraphqlCalls(graph, record)
  }
  // A failure to load is not kept: the next request tries again.
  const calls = (): Promise<GraphqlCalls> =>
    (loaded ??= loading().catch((error: unknown) => {
      loaded = undefined
      throw error
    }))
  http.post(GRAPHQL_PATH, async (c) => {
    const caller = await graph.caller(c)
    const body = await jsonBody(c, z.unknown())
    return (await calls()).answer(c, caller, body)
  })
  http.get(GRAPHQL_PATH, async (c) => {
    const caller = await graph.caller(c)
    return (await calls()).answer(c, caller, undefined)
  })
}

/** A response that is no stream. */
export const respond = (c: Context, status: number, body: object): Response =>
  c.body(JSON.stringify(body), status as ContentfulStatusCode, { 'content-type': responseTypeFor(c) })
