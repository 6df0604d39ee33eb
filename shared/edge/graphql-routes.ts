/**
 * The operations of a public API as a graph, beside REST. Each field of a request passes the checks and the handler of its operation.
 * The library, the schema and the documents are loaded at the first request.
 */

import type { Hono } from 'hono'
import { z } from 'zod'
import { jsonBody } from '../http/http.ts'
import type { Graph } from './graph.ts'
import { GRAPHQL_PATH } from './graphql-answers.ts'
import type { GraphqlCalls } from './graphql-calls.ts'

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
